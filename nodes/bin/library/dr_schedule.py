"""What backup is due, and who makes it. Pure: everything it goes by stands in its arguments.

Nothing depends on a machine having been awake at a certain hour: what is due follows from what the repository holds, so
that a run that was missed is made up for by the next, on whichever node that is.
"""
import re
from datetime import datetime, timedelta, timezone

MINUTE, DAY = 60, 86_400


def actor(members):
    """
    The member that makes backups: the first replica by name that streams and may lead, or the leader when there is
    none. None without a leader that takes writes: a standby region has nothing of its own to back up.
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
    """The timeline of a segment's name, or of a history file's."""
    return int(segment[:8], 16)


def leads_elsewhere(newest, timeline, histories):
    """
    Whether the way from the newest backup to the present leaves this repository: a timeline in between was another
    region's, for its history file was archived there. Until there is a new backup, a restore needs both repositories.
    """
    return any(
        each not in histories for each in range(timeline_of(newest["archive"]["start"]) + 1, timeline + 1)
    )


def due(backups, now, timeline, histories, full_hour, incremental_minutes):
    """
    `full`, `incr`, or None, and why.

    backups: complete ones of the own stanza, as `pgbackrest info` has them.
    timeline: that of the cluster now.
    histories: timelines whose history files stand in the own archive.
    """
    good = [each for each in backups if not each.get("error")]
    fulls = [each for each in good if each["type"] == "full"]
    if not fulls:
        return "full", "there is none yet"
    newest = max(good, key=lambda each: each["timestamp"]["start"])
    if leads_elsewhere(newest, timeline, histories):
        return "incr", "the region has changed its role since the newest"
    if max(each["timestamp"]["start"] for each in fulls) < full_boundary(now, full_hour):
        return "full", f"the newest full one is from before {full_hour}:00 UTC"
    age = now - newest["timestamp"]["start"]
    if age >= incremental_minutes * MINUTE:
        return "incr", f"the newest is {age / MINUTE:.0f} minutes old"
    return None, f"the newest is {age / MINUTE:.0f} minutes old"


def elapsed(last, now, days):
    """Whether something that is done every so many days is due; 0 days: never."""
    return days > 0 and (last is None or now - last >= days * DAY)


def histories_in(names):
    """Timelines whose history files are among an archive's names."""
    found = (re.fullmatch(r"([0-9A-F]{8})\.history", name) for name in names)
    return {int(match.group(1), 16) for match in found if match}
