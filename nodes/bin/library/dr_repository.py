"""pgBackRest for the scripts: its commands, and the contents of its repositories.

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
    """pgBackRest's own message, in one line."""

    def __init__(self, command, code, words):
        self.code = code
        errors = re.findall(r"ERROR: \[\d+\]: (.*(?:\n {10,}.*)*)", words)
        said = " ".join(" ".join(errors or words.strip().splitlines()[-1:]).split())
        super().__init__(f"pgbackrest {command} failed with exit code {code}: {said or 'no message'}")


def command(*arguments, timeout=None, cwd="/"):
    """Runs pgBackRest and returns its output. @raises Failed; subprocess.TimeoutExpired after `timeout` seconds, once it has ended."""
    return output(*arguments, timeout=timeout, cwd=cwd).decode()


def output(*arguments, timeout=None, cwd="/"):
    """Like `command`, for binary output."""
    argv = [*(AS_POSTGRES if os.geteuid() == 0 else ()), "pgbackrest", *arguments]
    # Not subprocess's own `user`: postgres would lack the group that may read the node's key. runuser waits for its child, and
    # killing it alone would leave the child running: a separate process group ends as a whole.
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
    """Gives pgBackRest time to release its locks and end in order."""
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
    """The stanzas in this machine's configuration, the own region's first."""
    with open(CONFIG, encoding="utf8") as file:
        names = re.findall(r"^\[([^\]:]+)\]$", file.read(), re.MULTILINE)
    return [name for name in names if name != "global"]


def info(stanza, *options, timeout=60):
    """What `info` reports about one stanza; None when the repository has no stanza of that name."""
    listed = json.loads(command(f"--stanza={stanza}", "--output=json", "--log-level-console=off", *options, "info", timeout=timeout))
    found = next((each for each in listed if each.get("name") == stanza), None)
    # 1: no such path, 2: no backup yet.
    return None if found is None or found["status"]["code"] == 1 else found


def backups(stanza, *options, timeout=60):
    """Complete backups, oldest first, as `info` lists them: `label`, `type`, `error`, `timestamp`, `archive`, `info`."""
    found = info(stanza, *options, timeout=timeout)
    return [] if found is None else sorted(found["backup"], key=lambda each: each["timestamp"]["stop"])


def listing(path, *options, stanza, recurse=False, timeout=120):
    """Objects below a path of the stanza's repository, name → {type, size, time}; empty when there is no such path."""
    arguments = [f"--stanza={stanza}", "--output=json", "--log-level-console=off", *options]
    if recurse:
        arguments.append("--recurse")
    found = json.loads(command(*arguments, "repo-ls", path, timeout=timeout))
    return {name: each for name, each in found.items() if name != "."}
