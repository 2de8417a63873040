"""Chooses a restore's backup, timeline and stanzas. Pure, as dr_timelines is.

A *branch* is a timeline in one stanza. The *line* that ends on it, its history, is what PostgreSQL replays. The branch that
was active at the wanted time decides everything else: the newest backup on its line that had ended by then, and for each
timeline of the line the stanza that contains it.
"""
import time as clock

from dr_timelines import (
    Unrestorable,
    chain_of,
    first_hole,
    number,
    restore_map,
    segment_name,
    segment_number,
    segment_of,
    stanzas_of,
    text,
    timeline_of_segment,
)

# A fenced region may continue to archive its last WAL for about this long. A region that archives for longer than that after
# the other one is the one that continued.
CLEARLY_SECONDS = 300
LATEST = "latest"
# PostgreSQL archives several segments at a time, and S3 copies a vault in any order, for up to 15 minutes: a segment that is
# missing before recent ones may still arrive.
ON_ITS_WAY_SECONDS = 1200


class Wanted:
    """
    The requested target: a time (seconds since 1970), an LSN, a restore point, or the latest.

    @param stanza only branches of this stanza count; None: branches of all stanzas
    @param timeline only this timeline; None: the one that was active
    @param label only this backup
    @param damaged whether to accept a backup in which pgBackRest found damaged pages
    """

    def __init__(self, time=None, lsn=None, name=None, stanza=None, timeline=None, label=None, damaged=False):
        self.time, self.lsn, self.name = time, lsn, name
        self.stanza, self.timeline, self.label, self.damaged = stanza, timeline, label, damaged

    def words(self):
        if self.lsn is not None:
            return text(self.lsn)
        if self.name is not None:
            return f"restore point {self.name}"
        return LATEST if self.time is None else utc(self.time)


def utc(seconds):
    return clock.strftime("%Y-%m-%dT%H:%M:%SZ", clock.gmtime(seconds))


def choose(wanted, backups, archives, now):
    """
    @param backups stanza → `info`'s list of backups
    @param archives stanza → dr_timelines.Archive
    @returns stanza, backup, timeline, timelineStanza, chain, holders, map, target (PostgreSQL's settings), left (the segment
        in which a younger timeline begins that is not archived yet), lastSegment, notes
    @raises Unrestorable
    """
    if wanted.time is not None and wanted.time > now:
        raise Unrestorable(f"{utc(wanted.time)} is in the future; it is {utc(now)}. To restore everything: --to latest")
    notes = []
    own, timeline = active(wanted, archives, notes)
    archives = {name: each for name, each in archives.items() if each.system == archives[own].system}
    backups = {name: each for name, each in backups.items() if name in archives}
    begun = timeline
    own, timeline, stop, left = usable(own, timeline, archives, notes)
    if timeline != begun and (wanted.time is not None or (wanted.lsn is not None and stop is not None and wanted.lsn > stop)):
        raise Unrestorable(f"{wanted.words()} lies beyond what is archived: {notes[-1]}. To restore everything: --to latest")
    history = archives[own].history(timeline)
    chain = chain_of(timeline, history)
    holders = stanzas_of(timeline, archives, own)
    stanza, backup = backup_for(wanted, backups, chain, holders, stop)
    start = segment_number(backup["archive"]["start"])
    last = last_segment(chain, holders, archives, stop)
    hole = first_hole(chain, holders, archives, start, last)
    if hole:
        reason = f"{hole} is missing from the archive, although later segments are archived"
        if oldest_beyond(hole, chain, holders, archives, last) > now - ON_ITS_WAY_SECONDS:
            reason = f"{hole} is not archived yet, although a later segment is: for now the log ends before it"
            last = segment_number(hole) - 1
        elif wanted.time is None and wanted.lsn is None:
            raise Unrestorable(
                f"{reason}: a restore ends before it. To restore up to there: --lsn {text(segment_number(hole) << 24)}"
            )
        if wanted.lsn is not None and segment_of(wanted.lsn) >= segment_number(hole):
            raise Unrestorable(f"{reason}: a restore ends before it, and {text(wanted.lsn)} lies beyond")
        # Only the log itself shows which time it had reached there.
        notes.append(f"{reason}. A restore to a later time ends there and fails")
    return {
        "stanza": stanza,
        "backup": backup,
        "timeline": timeline,
        "timelineStanza": own,
        "chain": chain,
        "holders": holders,
        "map": restore_map(chain, holders, archives),
        "target": target_of(wanted, stop),
        "left": None if left is None else segment_name(segment_of(left)),
        "lastSegment": f"{timeline:08X}{segment_name(last)}",
        "notes": notes,
    }


def oldest_beyond(hole, chain, holders, archives, last):
    """When the oldest segment after a missing one was archived."""
    times = []
    for segment in range(segment_number(hole) + 1, last + 1):
        timeline = timeline_of_segment(chain, segment)
        times.append(archives[holders[timeline]].segments.get(timeline, {}).get(segment))
    return min(time for time in times if time is not None)


def target_of(wanted, stop):
    """PostgreSQL's recovery_target_…; empty to replay everything."""
    if wanted.time is not None:
        return {"recovery_target_time": clock.strftime("%Y-%m-%d %H:%M:%S", clock.gmtime(wanted.time)) + fraction(wanted.time)}
    if wanted.lsn is not None:
        # Up to a position: records that begin there are left out.
        return {"recovery_target_lsn": text(wanted.lsn), "recovery_target_inclusive": "off"}
    if wanted.name is not None:
        return {"recovery_target_name": wanted.name}
    return {"recovery_target_lsn": text(stop), "recovery_target_inclusive": "off"} if stop is not None else {}


def fraction(seconds):
    micros = round(seconds % 1 * 1e6)
    return f".{micros:06d}+00" if micros else "+00"


def active(wanted, archives, notes):
    """
    The branch that was active at the wanted time; without one, the one that is active now.

    Of the branches that had begun by then, one that another branch continues has ended. If two remain, one of them belongs to
    a cut-off region that began a timeline by itself: the real branch is the one that was archived into for longer, directly or
    through its continuations. If that doesn't decide, the higher number is the later promotion.
    """
    branches = [
        (name, timeline)
        for name, archive in archives.items()
        for timeline in archive.timelines()
        if archive.history(timeline) is not None and archive.begin(timeline) is not None
    ]
    asked = [
        branch for branch in branches if wanted.stanza in (None, branch[0]) and wanted.timeline in (None, branch[1])
    ]
    if not asked:
        what = "an archive" if wanted.timeline is None else f"timeline {wanted.timeline}"
        raise Unrestorable(
            f"{wanted.stanza or ' or '.join(archives)} does not contain {what}. If it is only hidden: --as-of a time before that"
        )
    if wanted.time is not None:
        begin = lambda branch: archives[branch[0]].begin(branch[1])  # noqa: E731
        # If the time is before all branches, the choice of the backup reports the earliest possible time.
        asked = [branch for branch in asked if begin(branch) <= wanted.time] or [min(asked, key=begin)]
    leaves = [branch for branch in asked if not continued(branch, asked, archives)]
    life = {branch: last_life(branch, branches, archives) for branch in leaves}
    living = [branch for branch in leaves if life[branch] > max(life.values()) - CLEARLY_SECONDS]
    chosen = max(living, key=lambda branch: later(branch, archives))
    for name, timeline in living:
        if (name, timeline) != chosen:
            notes.append(
                f"timeline {timeline} of {name} may be the real one too; timeline {chosen[1]} of {chosen[0]} is the later"
                f" promotion. To choose the former: --stanza {name}"
            )
    return chosen


def later(branch, archives):
    name, timeline = branch
    return timeline, archives[name].begin(timeline), name


def continued(branch, branches, archives):
    """Whether another branch continues this one."""
    name, timeline = branch
    own = archives[name].history(timeline)
    for other, child in branches:
        history = archives[other].history(child)
        if history is None or child == timeline or archives[other].system != archives[name].system:
            continue
        place = next((place for place, (each, _) in enumerate(history) if each == timeline), None)
        if place is not None and history[:place] == own:
            return True
    return False


def last_life(branch, branches, archives):
    """When a segment was last archived on this branch or its continuations."""
    name, timeline = branch
    times = [archives[name].begin(timeline), archives[name].newest(timeline)]
    for other, child in branches:
        if child != timeline and continued(branch, [(other, child)], archives):
            times += [archives[other].begin(child), archives[other].newest(child)]
    return max(time for time in times if time is not None)


def usable(own, timeline, archives, notes):
    """
    The branch, or its parent while the segment in which the branch begins is not archived: PostgreSQL would continue with the
    older timeline's segment, beyond the point where they diverged.

    @returns stanza and timeline; for an older timeline also the position at which to stop (None if nothing follows), and where
        the younger one began
    """
    stop = end = None
    while timeline != 1 and archives[own].history(timeline) and not archives[own].has_beginning(timeline):
        holders = stanzas_of(timeline, archives, own)
        parent, end = archives[own].history(timeline)[-1]
        notes.append(f"nothing of timeline {timeline}, begun at {text(end)}, is archived yet, so a restore ends there")
        own, timeline = holders[parent], parent
        stop = end if segment_of(end) in archives[own].segments.get(parent, {}) else None
    return own, timeline, stop, end


def last_segment(chain, holders, archives, stop):
    timeline = chain[-1][0]
    segments = archives[holders[timeline]].segments.get(timeline, {})
    if not segments:
        raise Unrestorable(f"nothing of timeline {timeline} is archived in {holders[timeline]}")
    newest = max(segments)
    return newest if stop is None else min(newest, segment_of(stop))


def backup_for(wanted, backups, chain, holders, stop):
    """The newest backup on the line that had ended by the wanted time."""
    ends = dict(chain)
    all_of_them = [(stanza, backup) for stanza, listed in backups.items() for backup in listed]
    if not all_of_them:
        raise Unrestorable(f"there is no backup in {' or '.join(backups) or 'any stanza'}")
    fitting, damaged = [], []
    for stanza, backup in all_of_them:
        timeline = int(backup["archive"]["stop"][:8], 16)
        end = ends.get(timeline)
        position = number(backup["lsn"]["stop"]) if "lsn" in backup else segment_number(backup["archive"]["stop"]) << 24
        if timeline not in ends or holders[timeline] != stanza or (end is not None and position > end):
            continue
        if stop is not None and position > stop:
            continue
        (damaged if backup.get("error") and not wanted.damaged else fitting).append((stanza, backup, position))
    if not fitting:
        if damaged:
            names = ", ".join(backup["label"] for _, backup, _ in damaged)
            raise Unrestorable(
                f"all backups on timeline {chain[-1][0]} have damaged pages ({names}). To use one nevertheless: --accept-damage"
            )
        raise Unrestorable(f"no backup is on the line of timeline {chain[-1][0]}; the backups are {labels(all_of_them)}")
    if wanted.label is not None:
        chosen = [each for each in fitting if each[1]["label"] == wanted.label]
        if not chosen:
            raise Unrestorable(f"backup {wanted.label} is not one of {labels([each[:2] for each in fitting])}")
        fitting = chosen
    return newest_before(wanted, fitting)


def newest_before(wanted, fitting):
    stopped = lambda each: each[1]["timestamp"]["stop"]  # noqa: E731
    before = [
        each
        for each in fitting
        if (wanted.time is None or stopped(each) <= wanted.time) and (wanted.lsn is None or each[2] <= wanted.lsn)
    ]
    if not before:
        first = min(fitting, key=stopped)
        raise Unrestorable(
            f"{wanted.words()} is before the end of the first backup: the earliest possible time is"
            f" {utc(stopped(first))}, position {text(first[2])} (backup {first[1]['label']} of {first[0]})"
        )
    stanza, backup, _ = max(before, key=stopped)
    return stanza, backup


def labels(backups):
    return ", ".join(f"{backup['label']} ({stanza})" for stanza, backup in backups) or "none"
