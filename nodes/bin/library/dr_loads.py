"""Loads what pg_dump wrote, which may contain anything that a database's owner planted: checks, generated columns, domains.

The superuser creates what only a superuser may, before any code of the owner is there. A session of the owner loads the rest.
"""
import contextlib
import os
import re
import subprocess

import dr_dumps
import dr_sessions

# None of them runs code from the database.
FIRST = "DATABASE|DATABASE PROPERTIES|SCHEMA|EXTENSION|ACL - (?:DATABASE|SCHEMA)|COMMENT - (?:DATABASE|SCHEMA|EXTENSION)"
SCHEMA = re.compile(r"^\d+; \d+ \d+ SCHEMA - (.+) \S+$", re.MULTILINE)


def decrypted(path, consumer, env, target=subprocess.DEVNULL, whole=True):
    """`openssl < path | consumer`, the latter as PostgreSQL's own user, who can't read the file."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return dr_dumps.pipe([*dr_dumps.CIPHER, "-d", "-in", path], [*prefix, *consumer], target, whole, cwd="/", env=env)


class Load:
    """
    @param folder of PostgreSQL's programs
    @param base connection string of a superuser, without a database
    @param scratch folder for the lists
    @param path the encrypted file
    """

    def __init__(self, folder, base, scratch, path):
        self.folder, self.base, self.path = folder, base, path
        self.list = f"{scratch}/list"
        # For user postgres, who reads the list in it.
        os.chmod(scratch, 0o711)
        self.listed = decrypted(path, [f"{folder}/pg_restore", "--list"], dr_sessions.environment(), subprocess.PIPE, whole=False)

    def part(self, entries, connection, env, *options, whole=True):
        if not entries:
            return
        with open(self.list, "w", encoding="utf8") as file:
            file.write(entries)
        os.chmod(self.list, 0o644)
        connected = ["--no-password", f"--dbname={connection}"]
        decrypted(self.path, [f"{self.folder}/pg_restore", "--exit-on-error", f"--use-list={self.list}", *options, *connected], env, whole=whole)

    def first(self, database, *options):
        entries = dr_sessions.entries(self.listed, FIRST)
        self.part(entries, dr_sessions.at(self.base, database), dr_sessions.environment(), *options, whole=False)

    def rest(self, database, *options):
        entries = dr_sessions.entries(self.listed, FIRST, matching=False)
        with dr_sessions.session(self.base, database) as connection:
            owner, owners = dr_sessions.owner(connection), dr_sessions.owners_in(entries)
            others = [each for each in dr_sessions.owning(connection, owners) if each != owner]
        strangers = {*owners} - {owner, *others}
        if strangers:
            # A superuser's, for example: no session of ours may act as one here.
            print(f"{database}: objects of {', '.join(sorted(strangers))} will belong to {owner}, and so will all others", flush=True)
            others, options = [], [*options, "--no-owner"]
        with dr_sessions.acting_as(self.base, database, owner, *others) as acting:
            self.part(entries, acting.connection, acting.environment(), *options)

    def database(self, name):
        """Creates a database, and loads it."""
        self.first("postgres", "--create")
        self.rest(name)

    def tables(self, database):
        """Tables, and their schema if the file has one: all or nothing."""
        self.first(database, "--single-transaction")
        try:
            self.rest(database, "--single-transaction")
        except BaseException:
            self.drop_schemas(database)
            raise

    def drop_schemas(self, database):
        import psycopg2
        from psycopg2 import sql

        with dr_sessions.session(self.base, database) as connection:
            for name in SCHEMA.findall(self.listed):
                # Not if it has content.
                with contextlib.suppress(psycopg2.Error):
                    dr_sessions.execute(connection, sql.SQL("DROP SCHEMA {} RESTRICT").format(sql.Identifier(name)))
