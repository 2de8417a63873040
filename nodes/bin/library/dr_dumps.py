"""Logical dumps in a region's vault: where they stand, how they are encrypted, which of them are whole."""
import configparser
import hashlib
import os
import re
import subprocess

import dr_repository

FOLDER = "dump"
DONE = "done.json"
# The repository's own passphrase. In the environment only: an argument would stand in the list of processes.
PASSPHRASE = "PGBACKREST_REPO1_CIPHER_PASS"
CIPHER = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-iter", "600000", "-pass", f"env:{PASSPHRASE}"]
BLOCK = 1 << 20


def place(stanza):
    """`s3://bucket/region/dump` of a stanza, as pgbackrest.conf has it."""
    config = configparser.ConfigParser(strict=False, interpolation=None)
    config.read(dr_repository.CONFIG, encoding="utf8")
    return place_in({name: dict(config[name]) for name in config.sections()}, stanza)


def place_in(config, stanza):
    bucket = config["global"]["repo1-s3-bucket"]
    path = config.get(stanza, {}).get("repo1-path") or config["global"]["repo1-path"]
    return f"s3://{bucket}{path}/{FOLDER}"


def whole(listing):
    """Names of the dumps that were finished, oldest first."""
    found = (re.fullmatch(rf"(\d{{8}}T\d{{6}}Z)/{re.escape(DONE)}", name) for name in listing)
    return sorted(match[1] for match in found if match)


def file_of(database):
    """A name that any file system and S3 take; databases differ in it, too."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', lambda match: f'%{ord(match[0]):02x}', database)}.dump.enc"


def need_passphrase():
    if not os.environ.get(PASSPHRASE):
        raise KeyError(f"{PASSPHRASE} is not set: run this with the unit's environment, /run/dr/secrets.env")


def checksum(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def through(producer, consumer, target=None, **options):
    """
    `producer | consumer > target`; both must end well.

    @raises subprocess.CalledProcessError of the first of the two that did not
    """
    with subprocess.Popen(producer, stdout=subprocess.PIPE, **options) as first:
        try:
            second = subprocess.run(consumer, stdin=first.stdout, stdout=target, check=False, **options)
        finally:
            # It ends then, also where nobody reads any more.
            first.stdout.close()
            first.wait()
    # The second first: where it ends early, the first one fails for that reason.
    for done, argv in ((second, consumer), (first, producer)):
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, argv[:1])


def connection(base, database):
    """A connection string with a database of any name."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"{base} dbname='{quoted}'"


def counts_differ(recorded, found):
    """What is not as it was: lines for people. Tables that were not counted must be there."""
    wrong = []
    for table in recorded:
        name = f"{table['schema']}.{table['name']}"
        if name not in found:
            wrong.append(f"{name} is missing")
        elif table["rows"] is not None and found[name] != table["rows"]:
            wrong.append(f"{name} has {found[name]} rows, and had {table['rows']}")
    return wrong
