"""The one way in which the platform's Python programs reach PostgreSQL (docs/decisions/0019-sessions-run-no-planted-code.md).

Two kinds of sessions: the superuser's, in which no code of a database's owner may run, and the owner's, for what must run such
code: checks, and rows that come in. TypeScript programs have the first kind in nodes/guard/shared/session.ts.
"""
import base64
import contextlib
import hashlib
import hmac
import os
import pwd
import re
import secrets
import subprocess
import sys

ROUNDS = 4096
GROUP = "dr_sessions"
# Not root's, which postgres may not read: libpq looks for certificates there.
HOME = "/var/lib/postgresql"
# Sessions that outlive their program can't begin again.
VALID = "1 day"
SETTINGS = {
    "search_path": "pg_catalog,pg_temp",
    "role": "none",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "restrict_nonsystem_relation_kind": "view,foreign-table",
    "row_security": "off",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "client_min_messages": "notice",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
# The owner's session has the owner's search path, views and policies.
OWNERS = (
    "local_preload_libraries",
    "client_min_messages",
    "default_transaction_read_only",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "statement_timeout",
    "lock_timeout",
    "idle_session_timeout",
    "idle_in_transaction_session_timeout",
)
# Of a table and what it consists of. COPY reads a table as pg_dump does: without the planner, which would compute constants of
# the owner's indexes and statistics, and never from a view.
PARTS = """
WITH RECURSIVE parts(oid) AS (
  SELECT %s::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid)
SELECT n.nspname, c.relname FROM parts p JOIN pg_class c ON c.oid = p.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'"""
# Its smallest column, of a type that no application defines.
COLUMN = """
SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s)
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND t.typnamespace = 'pg_catalog'::regnamespace
ORDER BY a.attlen < 0, a.attlen, a.attnum LIMIT 1"""
# A database of the platform's belongs to a superuser, and its schema public to the application; before, the database did, too.
OWNER = """
SELECT r.rolname FROM pg_roles r JOIN pg_database d ON d.datname = current_database()
LEFT JOIN pg_namespace n ON n.nspname = 'public'
WHERE r.oid IN (d.datdba, n.nspowner) AND NOT r.rolsuper AND r.rolcanlogin ORDER BY r.oid = d.datdba DESC LIMIT 1"""
# No role that could do more than own tables.
OWNING = """
SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)
  AND NOT (rolsuper OR rolreplication OR rolcreaterole OR rolcreatedb OR rolbypassrls)"""


class NoOwner(Exception):
    pass


def options(settings):
    """For PGOPTIONS: settings that precede those of the database and of the role."""
    return " ".join(f"-c {name}=" + re.sub(r"([\\\s])", r"\\\1", value) for name, value in settings.items())


def environment(**more):
    """For programs of PostgreSQL that connect as the superuser."""
    return {**os.environ, "HOME": HOME, "PGOPTIONS": options(SETTINGS), **more}


def account():
    """For subprocess: PostgreSQL's own user."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def at(base, database, **more):
    """A connection string for a database; its name may contain any character."""
    values = {**more, "dbname": database}
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    return " ".join([base, *(f"{name}='{value}'" for name, value in quoted.items())])


def psql(folder, connection, *arguments):
    """psql's argv, for one value as psql prints it."""
    return [
        *[f"{folder}/psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1"],
        *[f"--dbname={connection}", *arguments],
    ]


def connect(base, database="postgres"):
    """A superuser's session; each statement is a transaction."""
    import psycopg2

    before, home = os.geteuid(), os.environ.get("HOME")
    if before == 0:
        # The server's peer authentication sees the user that connects.
        os.seteuid(pwd.getpwnam("postgres").pw_uid)
    os.environ["HOME"] = HOME
    try:
        connection = psycopg2.connect(at(base, database), options=options(SETTINGS))
    finally:
        os.seteuid(before)
        os.environ.pop("HOME") if home is None else os.environ.update(HOME=home)
    connection.autocommit = True
    if connection.server_version >= 170000:
        execute(connection, "SET event_triggers TO off")
    return connection


def execute(connection, statement, values=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def session(base, database="postgres"):
    with contextlib.closing(connect(base, database)) as connection:
        yield connection


def table_of(connection, name):
    """(oid, schema, name) of a table, or None. @param name as in SQL, with its schema"""
    found = execute(
        connection,
        "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p')",
        [name],
    )
    return found[0] if found else None


def rows_only(connection, schema, name):
    """Rows of one table, without those of its partitions or children."""
    from psycopg2 import sql

    columns = execute(connection, COLUMN, [schema, name])
    part = sql.SQL("({})").format(sql.Identifier(columns[0][0])) if columns else sql.SQL("")
    statement = sql.SQL("COPY {} {} TO STDOUT").format(sql.Identifier(schema, name), part)
    with connection.cursor() as cursor, open(os.devnull, "w", encoding="utf8") as nowhere:
        cursor.copy_expert(statement, nowhere)
        return cursor.rowcount


def rows(connection, oid):
    """Rows of a table, with those of its partitions and children."""
    return sum(rows_only(connection, schema, name) for schema, name in execute(connection, PARTS, [oid]))


def owner(connection):
    """The application's role, in its database. @raises NoOwner"""
    found = execute(connection, OWNER)
    if not found:
        raise NoOwner(f"database {connection.info.dbname} has no owner that may log in: neither the database nor its schema public")
    return found[0][0]


def owning(connection, names):
    """Those of the roles that a session may act as."""
    return [name for (name,) in execute(connection, OWNING, [list(names)])]


class Acting:
    """A login with the rights of the owners and no others."""

    def __init__(self, base, database, roles):
        self.name, self.password = f"dr_session_{secrets.token_hex(8)}", secrets.token_hex(32)
        # A later `user` counts.
        self.connection = at(base, database, user=self.name)
        self.roles = roles

    def environment(self, **settings):
        role = self.roles[0] if len(self.roles) == 1 else "none"
        chosen = {name: SETTINGS[name] for name in OWNERS} | {"role": role} | settings
        return {**os.environ, "HOME": HOME, "PGPASSWORD": self.password, "PGOPTIONS": options(chosen)}


@contextlib.contextmanager
def acting_as(base, database, *roles):
    """
    A login for code of these roles, for as long as the block runs: a real one, because code can leave any other. `SET ROLE` and
    `SET SESSION AUTHORIZATION` end with RESET, which any function may call.
    """
    from psycopg2 import errors, sql

    acting = Acting(base, database, roles)
    name = sql.Identifier(acting.name)
    with session(base) as connection:
        if not execute(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", [GROUP]):
            # Another program may be quicker.
            with contextlib.suppress(errors.DuplicateObject):
                execute(connection, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(GROUP)))
        until = execute(connection, "SELECT (now() + %s::interval)::text", [VALID])[0][0]
        create = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {} VALID UNTIL {} IN ROLE {}"
        groups = sql.SQL(", ").join(sql.Identifier(each) for each in (GROUP, *roles))
        execute(connection, sql.SQL(create).format(name, sql.Literal(verifier(acting.password)), sql.Literal(until), groups))
    try:
        yield acting
    finally:
        drop(base, database, acting)


def drop(base, database, acting):
    """Never leaves a login. Code that ran in the session may have given it tables, which its owner gets."""
    import psycopg2
    from psycopg2 import sql

    name = sql.Identifier(acting.name)
    try:
        with session(base, database) as connection:
            execute(connection, sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(name))
            execute(connection, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [acting.name])
            execute(connection, sql.SQL("REASSIGN OWNED BY {} TO {}").format(name, sql.Identifier(acting.roles[0])))
            execute(connection, sql.SQL("DROP OWNED BY {}").format(name))
            execute(connection, sql.SQL("DROP ROLE {}").format(name))
    except psycopg2.Error as error:
        print(f"role {acting.name} remains, without a login: {error}".strip(), file=sys.stderr, flush=True)


def verifier(password):
    """What PostgreSQL stores of a password (RFC 5803). Computed here, so that no log has the password."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    keyed = lambda text: hmac.digest(salted, text, "sha256")  # noqa: E731
    stored, server, text = hashlib.sha256(keyed(b"Client Key")).digest(), keyed(b"Server Key"), base64.b64encode
    return f"SCRAM-SHA-256${ROUNDS}:{text(salt).decode()}${text(stored).decode()}:{text(server).decode()}"


def owners_in(listed):
    """Owners of the objects that `pg_restore --list` names: each line's last word."""
    lines = [line for line in listed.splitlines() if re.match(r"\d+; ", line)]
    return sorted({line.rsplit(" ", 1)[-1] for line in lines} - {""})


def entries(listed, pattern, matching=True):
    """The lines of `pg_restore --list` whose kind matches, for `--use-list`."""
    kind = re.compile(rf"\d+; \d+ \d+ (?:{pattern}) ")
    return "".join(f"{line}\n" for line in listed.splitlines() if re.match(r"\d+; ", line) and bool(kind.match(line)) == matching)


def run(argv, env, **more):
    """A program of PostgreSQL, as its own user."""
    return subprocess.run(argv, env=env, cwd="/", **account(), **more)
