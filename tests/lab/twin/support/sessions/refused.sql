-- What PostgreSQL itself refuses to the owner of a database.
CREATE EVENT TRIGGER planted ON ddl_command_end EXECUTE FUNCTION public.triggered();
ALTER DATABASE app SET session_preload_libraries = 'planted';
ALTER DATABASE app SET session_replication_role = 'replica';
ALTER ROLE postgres SET search_path = public, pg_catalog;
ALTER ROLE ALL SET search_path = public, pg_catalog;
CREATE FUNCTION public.c() RETURNS void LANGUAGE c AS 'planted';
CREATE CAST (name AS text) WITH FUNCTION public.quote_ident(text);
CREATE OPERATOR CLASS public.planted DEFAULT FOR TYPE name USING btree AS OPERATOR 1 public.!~;
CREATE SCHEMA pg_planted;
COPY (SELECT 1) TO PROGRAM 'true';
