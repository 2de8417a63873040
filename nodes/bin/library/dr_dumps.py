"""Logical dumps in a region's vault: their place, their encryption, and which of them are complete."""
import configparser
import hashlib
import os
import re
import subprocess

import dr_repository

FOLDER = "dump"
DONE = "done.json"
# The repository's own passphrase. In the environment only: an argument would show in the process list.
PASSPHRASE = "PGBACKREST_REPO1_CIPHER_PASS"
CIPHER = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-iter", "600000", "-pass", f"env:{PASSPHRASE}"]
BLOCK = 1 << 20


def place(stanza):
    """`s3://bucket/region/dump` of a stanza, from pgbackrest.conf."""
    config = configparser.ConfigParser(strict=False, interpolation=None)
    config.read(dr_repository.CONFIG, encoding="utf8")
    return place_in({name: dict(config[name]) for name in config.sections()}, stanza)


def place_in(config, stanza):
    bucket = config["global"]["repo1-s3-bucket"]
    path = config.get(stanza, {}).get("repo1-path") or config["global"]["repo1-path"]
    return f"s3://{bucket}{path}/{FOLDER}"


def whole(listing):
    """Names of complete dumps, oldest first."""
    found = (re.fullmatch(rf"(\d{{8}}T\d{{6}}Z)/{re.escape(DONE)}", name) for name in listing)
    return sorted(match[1] for match in found if match)


def file_of(database):
    """A file name that is valid on any file system and in S3, and unique for each database."""
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


def pipe(producer, consumer, target=None, whole=True, **options):
    """
    `producer | consumer > target`; both must succeed. Returns the output if `target` is subprocess.PIPE.

    @param whole whether the producer must come to its end, even if the consumer has read enough before
    @raises subprocess.CalledProcessError of the consumer if it failed, otherwise of the producer
    """
    with subprocess.Popen(producer, stdout=subprocess.PIPE, **options) as first:
        try:
            second = subprocess.run(consumer, stdin=first.stdout, stdout=target, check=False, **options)
            while whole and second.returncode == 0 and first.stdout.read(BLOCK):
                pass
        finally:
            # Ends the producer even if the consumer stopped reading.
            first.stdout.close()
            first.wait()
    # The consumer first: if it ends early, the producer fails because of that.
    for done, argv in ((second, consumer), (first, producer)) if whole else ((second, consumer),):
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, argv[:1])
    return second.stdout.decode() if second.stdout is not None else None


def counts_differ(recorded, found):
    """Differences, as lines for people. Tables that were not counted must exist."""
    wrong = []
    for table in recorded:
        name = f"{table['schema']}.{table['name']}"
        if name not in found:
            wrong.append(f"{name} is missing")
        elif table["rows"] is not None and found[name] != table["rows"]:
            wrong.append(f"{name} has {found[name]} rows; the dump counted {table['rows']}")
    return wrong
