"""Reads from the vault what the choice of a restore needs: backups, segments, histories, and when timelines began."""
import datetime
import re
import subprocess
import tempfile

import dr_repository
from dr_timelines import Archive, segment_name, segment_number, segment_of, switches

BIN = "/usr/lib/postgresql/15/bin"
SEGMENT = re.compile(r"(?:^|/)([0-9A-F]{8})([0-9A-F]{16})-[0-9a-f]{40}(\.\w+)?$")
HISTORY = re.compile(r"(?:^|/)([0-9A-F]{8})\.history$")
UNPACK = {".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dc"], ".lz4": ["lz4", "-dc"], ".bz2": ["bzip2", "-dc"]}
LIST_SECONDS = 900
# One segment of log.
GET_SECONDS = 120


def read(stanzas, *options, at=None):
    """
    @param at the wanted time, seconds since 1970; None for another target
    @returns stanza → `info`'s backups, stanza → Archive. A missing stanza counts as empty
    """
    backups, archives = {}, {}
    for stanza in stanzas:
        found = dr_repository.info(stanza, *options)
        # A stanza outlives a database: backups of an earlier database, or of another major version, belong to another log.
        current = found["db"][-1]["id"] if found and found["db"] else None
        backups[stanza] = [each for each in found["backup"] if each["database"]["id"] == current] if found else []
        archives[stanza] = Archive(stanza) if found is None else archive_of(stanza, found, options, at)
    return backups, archives


def archive_of(stanza, found, options, at):
    current = found["db"][-1] if found["db"] else {}
    ids = [each["id"] for each in found["archive"] if each["database"]["id"] == current.get("id")]
    if not ids:
        return Archive(stanza)
    folder = f"archive/{stanza}/{ids[0]}"
    listed = dr_repository.listing(folder, *options, stanza=stanza, recurse=True, timeout=LIST_SECONDS)
    files, segments, names = contents(listed)
    histories = {
        timeline: dr_repository.command(f"--stanza={stanza}", *options, "repo-get", f"{folder}/{name}")
        for timeline, name in files.items()
    }
    began = {timeline: listed[name]["time"] for timeline, name in files.items()}
    # A timeline whose history was archived after the wanted time may have begun before it.
    for timeline in sorted(histories):
        first = names.get((timeline, segment_of(switches(histories[timeline])[-1][1])))
        if at is None or began[timeline] <= at or first is None:
            continue
        began[timeline] = promoted(stanza, timeline, histories[timeline], f"{folder}/{first}", options) or began[timeline]
        if began[timeline] > at:
            break
    return Archive(stanza, histories, began, segments, current["system-id"])


def contents(listed):
    """
    Classifies an archive's objects.

    @returns timeline → name of its history file; timeline → {segment's number: when it was archived}; (timeline, number) →
    name. A partial segment (`.partial`) doesn't count
    """
    histories, segments, names = {}, {}, {}
    for name, each in listed.items():
        if history := HISTORY.search(name):
            histories[int(history[1], 16)] = name
        elif segment := SEGMENT.search(name):
            timeline, number = int(segment[1], 16), segment_number(segment[2])
            segments.setdefault(timeline, {})[number] = each["time"]
            names[timeline, number] = name
    return histories, segments, names


def promoted(stanza, timeline, history, path, options):
    """
    When a timeline began, from its own log: a promotion writes that first. The history file may reach the vault much later: a
    region's first one waits for the stanza. None if the log doesn't contain it, as after a point-in-time restore.
    """
    start = switches(history)[-1][1]
    suffix = SEGMENT.search(path)[3] or ""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/{timeline:08X}{segment_name(segment_of(start))}"
        try:
            with open(file, "wb") as target:
                target.write(unpacked(stanza, path, suffix, options))
            said = subprocess.run(
                [f"{BIN}/pg_waldump", "--rmgr=XLOG", "--limit=1", f"--start={start >> 32:X}/{start & 0xFFFFFFFF:X}", file],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={"LC_ALL": "C", "TZ": "UTC"},
                check=False,
            ).stdout
        except (OSError, subprocess.SubprocessError, dr_repository.Failed):
            return None
    return end_of_recovery(said, timeline)


def end_of_recovery(said, timeline):
    found = re.search(rf"END_OF_RECOVERY tli {timeline}; prev tli \d+; time (\S+ \S+) (?:UTC|GMT)", said)
    if not found:
        return None
    return datetime.datetime.fromisoformat(pad(found[1])).replace(tzinfo=datetime.timezone.utc).timestamp()


def pad(time):
    """PostgreSQL omits trailing zeros, which Python before 3.11 doesn't accept."""
    head, _, fraction = time.partition(".")
    return f"{head}.{fraction:0<6}"


def unpacked(stanza, path, suffix, options):
    content = dr_repository.output(
        f"--stanza={stanza}", "--log-level-console=off", *options, "repo-get", path, timeout=GET_SECONDS
    )
    if not suffix:
        return content
    return subprocess.run(UNPACK[suffix], input=content, stdout=subprocess.PIPE, check=True).stdout


