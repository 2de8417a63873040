"""pgBackRest as the scripts use it: its commands, and what its repositories hold.

Everything runs as user postgres: pgBackRest's files belong to it. The cipher's passphrase and, off EC2, the keys of S3
come from the environment, never from the command line.
"""
import json
import os
import re
import signal
import subprocess

CONFIG = "/etc/pgbackrest.conf"
AS_POSTGRES = ("runuser", "-u", "postgres", "--")
END_SECONDS = 5


class Failed(Exception):
    """pgBackRest's own words, in one line."""

    def __init__(self, command, code, words):
        self.code = code
        errors = re.findall(r"ERROR: \[\d+\]: (.*(?:\n {10,}.*)*)", words)
        said = " ".join(" ".join(errors or words.strip().splitlines()[-1:]).split())
        super().__init__(f"pgbackrest {command} ended with {code}: {said or 'it said nothing'}")


def command(*arguments, timeout=None, cwd="/"):
    """Runs it and returns what it prints. @raises Failed; subprocess.TimeoutExpired after `timeout` seconds, when it has ended."""
    return output(*arguments, timeout=timeout, cwd=cwd).decode()


def output(*arguments, timeout=None, cwd="/"):
    """As `command`, for what isn't text."""
    argv = [*(AS_POSTGRES if os.geteuid() == 0 else ()), "pgbackrest", *arguments]
    # Not subprocess's own `user`: the group by which postgres may read the node's key would be missing. Where runuser
    # waits for what it has started, to kill it alone would leave that: a group of its own ends as one.
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, start_new_session=True
    ) as running:
        try:
            out, words = running.communicate(timeout=timeout)
        except BaseException:
            _end(running)
            raise
    if running.returncode != 0:
        verb = next((each for each in arguments if not each.startswith("-")), "")
        raise Failed(verb, running.returncode, (words + out).decode(errors="replace"))
    return out


def _end(running):
    """pgBackRest gives up its locks and ends in order, if it is let."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(running.pid, number)
            running.communicate(timeout=END_SECONDS)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def stanzas():
    """The stanzas that this machine's configuration knows: the own region's first."""
    with open(CONFIG, encoding="utf8") as file:
        names = re.findall(r"^\[([^\]:]+)\]$", file.read(), re.MULTILINE)
    return [name for name in names if name != "global"]


def info(stanza, *options, timeout=60):
    """What `info` knows of one stanza; None when the repository has none of that name."""
    listed = json.loads(command(f"--stanza={stanza}", "--output=json", "--log-level-console=off", *options, "info", timeout=timeout))
    found = next((each for each in listed if each.get("name") == stanza), None)
    # 1: no such path, 2: no backup yet.
    return None if found is None or found["status"]["code"] == 1 else found


def backups(stanza, *options, timeout=60):
    """Complete backups, oldest first, as `info` has them: `label`, `type`, `error`, `timestamp`, `archive`, `info`."""
    found = info(stanza, *options, timeout=timeout)
    return [] if found is None else sorted(found["backup"], key=lambda each: each["timestamp"]["stop"])


def listing(path, *options, stanza, recurse=False, timeout=120):
    """Objects below a path of the stanza's repository, name → {type, size, time}; empty when there is no such path."""
    arguments = [f"--stanza={stanza}", "--output=json", "--log-level-console=off", *options]
    if recurse:
        arguments.append("--recurse")
    found = json.loads(command(*arguments, "repo-ls", path, timeout=timeout))
    return {name: each for name, each in found.items() if name != "."}
