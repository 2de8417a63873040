"""Which backup is due, and which node makes it. Pure: everything follows from the arguments.

No machine needs to be running at a certain hour: what is due follows from the contents of the repository, so the next run,
on any node, makes up for a missed one.
"""
import re
from datetime import datetime, timedelta, timezone

MINUTE, DAY = 60, 86_400


def actor(members):
    """
    The member that makes backups: the first replica by name that streams and may lead; without one the leader. None without
    a leader that accepts writes: a standby region makes no backups.
    """
    leader = next((each["name"] for each in members if each["role"] == "leader"), None)
    if leader is None:
        return None
    replicas = [
        each["name"]
        for each in members
        if each["role"] in ("replica", "sync_standby", "quorum_standby")
        and each.get("state") == "streaming"
        and not each.get("tags", {}).get("nofailover")
    ]
    return min(replicas, default=leader)


def full_boundary(now, hour):
    """The last moment at which a full backup became due: the newest `hour` o'clock UTC that isn't in the future."""
    moment = datetime.fromtimestamp(now, timezone.utc)
    boundary = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (boundary if boundary <= moment else boundary - timedelta(days=1)).timestamp()


def timeline_of(segment):
    """The timeline in the name of a segment or a history file."""
    return int(segment[:8], 16)


def leads_elsewhere(newest, timeline, histories):
    """
    Whether the log between the newest backup and now is partly in another repository: a timeline in between belonged to
    another region, which archived its history file. Until the next backup a restore needs both repositories.
    """
    return any(
        each not in histories for each in range(timeline_of(newest["archive"]["start"]) + 1, timeline + 1)
    )


def due(backups, now, timeline, histories, full_hour, incremental_minutes):
    """
    `full`, `incr`, or None, and why.

    backups: complete backups of the own stanza, as `pgbackrest info` lists them.
    timeline: the cluster's present timeline.
    histories: timelines whose history files are in the own archive.
    """
    good = [each for each in backups if not each.get("error")]
    fulls = [each for each in good if each["type"] == "full"]
    if not fulls:
        return "full", "there is none yet"
    newest = max(good, key=lambda each: each["timestamp"]["start"])
    if leads_elsewhere(newest, timeline, histories):
        return "incr", "the region has changed its role since the newest backup"
    if max(each["timestamp"]["start"] for each in fulls) < full_boundary(now, full_hour):
        return "full", f"the newest full backup is from before {full_hour}:00 UTC"
    age = now - newest["timestamp"]["start"]
    if age >= incremental_minutes * MINUTE:
        return "incr", f"the newest backup is {age / MINUTE:.0f} minutes old"
    return None, f"the newest backup is {age / MINUTE:.0f} minutes old"


def elapsed(last, now, days):
    """Whether a task with an interval in days is due; 0 days: never."""
    return days > 0 and (last is None or now - last >= days * DAY)


def histories_in(names):
    """Timelines with a history file among an archive's names."""
    found = (re.fullmatch(r"([0-9A-F]{8})\.history", name) for name in names)
    return {int(match.group(1), 16) for match in found if match}
