"""Measurements of this region's restore tests: they predict how long a restore takes."""
import json
import re
import subprocess
import tempfile

import dr_repository

FOLDER = "restore-tests"
# How many of the newest reports to search for one that passed.
MOST = 5


def newest():
    """
    Rates of the newest test that passed: `begin`, `restoreBytesPerSecond`, `walBytesPerSecond`. None without one, or if the
    vault doesn't answer: a missing estimate is no reason to fail. dr-check-vault checks the signature.
    """
    try:
        with open(dr_repository.CONFIG, encoding="utf8") as file:
            options = dict(re.findall(r"^(repo1-s3-bucket|repo1-path)=(.*)$", file.read().split("\n[")[0], re.MULTILINE))
        names = sorted(name for name in dr_repository.listing(FOLDER, stanza=dr_repository.stanzas()[0]) if name.endswith(".json"))
        for name in reversed(names[-MOST:]):
            report = read(f"s3://{options['repo1-s3-bucket']}{options['repo1-path']}/{FOLDER}/{name}")
            if report["passed"]:
                rates = {key: report["restore"].get(key) for key in ("restoreBytesPerSecond", "walBytesPerSecond")}
                return {"begin": report["begin"], **rates}
    except (dr_repository.Failed, subprocess.SubprocessError, OSError, ValueError, KeyError):
        pass
    return None


def read(address):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dr-get-artifact", address, f"{folder}/report.json"], check=True, stderr=subprocess.DEVNULL)
        with open(f"{folder}/report.json", encoding="utf8") as file:
            return json.load(file)
