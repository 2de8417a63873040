"""The settings' checks of a restored database. They run as the database's owner: their views and functions are the owner's."""
import subprocess

import dr_sessions

BIN = "/usr/lib/postgresql/15/bin"


class Failed(Exception):
    """PostgreSQL's own message, in one line."""


def answer(base, database, query):
    """The answer as psql prints it. @raises Failed"""
    import psycopg2

    try:
        with dr_sessions.session(base, database) as connection:
            owner = dr_sessions.owner(connection)
        with dr_sessions.acting_as(base, database, owner) as acting:
            done = dr_sessions.run(
                dr_sessions.psql(BIN, acting.connection, f"--command={query}"),
                acting.environment(default_transaction_read_only="on"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
    except (psycopg2.Error, dr_sessions.NoOwner) as problem:
        raise Failed(" ".join(str(problem).split())) from None
    if done.returncode != 0:
        raise Failed(" ".join(done.stderr.split()))
    return done.stdout.rstrip("\n")
