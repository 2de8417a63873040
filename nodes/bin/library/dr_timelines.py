"""Timelines of a log that two regions have written: how they descend from each other, and which stanza contains each.

Pure: no file, no process. Each region archives into its own stanza, and a cut-off region may have begun a timeline with the
same number as the other region's real one. So a number alone doesn't identify a timeline; its history does: the timelines
before it, each with the position at which the next one began.
"""
import re

# PostgreSQL's default, which every cluster of this project uses. dr-restore compares it with the restored cluster's.
SEGMENT_BYTES = 16 << 20
SEGMENTS_PER_LOG = (1 << 32) // SEGMENT_BYTES


class Unrestorable(Exception):
    """The requested restore is impossible; the message says why, and what is possible."""


def number(lsn):
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def text(lsn):
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def switches(history):
    """A history file's entries: (timeline, position at which the next one began), oldest first."""
    found = re.findall(r"^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)", history, re.MULTILINE)
    return tuple((int(timeline), number(lsn)) for timeline, lsn in found)


def segment_of(lsn):
    """Number of the segment that contains a position."""
    return lsn // SEGMENT_BYTES


def segment_name(segment):
    """A segment's name without the timeline, 16 digits. The names sort like the numbers."""
    return f"{segment // SEGMENTS_PER_LOG:08X}{segment % SEGMENTS_PER_LOG:08X}"


def segment_number(name):
    """A segment's number, from the last 16 digits of a file's name."""
    return int(name[-16:-8], 16) * SEGMENTS_PER_LOG + int(name[-8:], 16)


class Archive:
    """
    A stanza's archive of one database.

    @param system the database system's identifier: logs of different systems are unrelated
    @param histories timeline → text of its history file
    @param began timeline → when it began, seconds since 1970: its promotion, or when its history file was archived
    @param segments timeline → {segment's number: when it was archived}
    """

    def __init__(self, stanza, histories=None, began=None, segments=None, system=None):
        self.stanza, self.system = stanza, system
        self.histories = {timeline: switches(history) for timeline, history in (histories or {}).items()}
        self.began = began or {}
        self.segments = segments or {}

    def timelines(self):
        return sorted({*self.histories, *self.segments})

    def history(self, timeline):
        """Timeline 1 has no file, because it has no parent. None: the file is missing."""
        return self.histories.get(timeline, () if timeline == 1 else None)

    def begin(self, timeline):
        """When a timeline began; for timeline 1, when its first segment was archived."""
        if timeline in self.began:
            return self.began[timeline]
        return min(self.segments.get(timeline, {}).values(), default=None)

    def newest(self, timeline, until=None):
        """When the last segment of a timeline was archived; None without segments."""
        times = self.segments.get(timeline, {}).values()
        return max((time for time in times if until is None or time <= until), default=None)

    def has_beginning(self, timeline):
        """Whether the archive has the segment in which a timeline begins. Without it PostgreSQL can't replay that timeline."""
        history = self.history(timeline)
        return bool(history) and segment_of(history[-1][1]) in self.segments.get(timeline, {})


def chain_of(timeline, history):
    """The line that ends on a timeline: (timeline, its end or None), oldest first."""
    return (*history, (timeline, None))


def stanzas_of(target, archives, own):
    """
    For each timeline of the target's history, the stanza that contains it.

    @param target the timeline to recover along
    @param archives stanza → Archive
    @param own the stanza of the region that was active at the target
    @returns timeline → stanza
    @raises Unrestorable when no stanza contains a timeline of the target's history
    """
    history = archives[own].history(target)
    if history is None:
        raise Unrestorable(f"stanza {own} has no history file of timeline {target}, so its earlier timelines are unknown")
    found = {target: own}
    for position, (timeline, _) in enumerate(history):
        found[timeline] = holder_of(timeline, history[:position], archives, own, target)
    return dict(sorted(found.items()))


def holder_of(timeline, before, archives, own, target):
    fitting = [each for each in archives.values() if each.histories.get(timeline) == before and timeline in each.histories]
    if not fitting:
        # Timeline 1 has no file. A timeline whose file never reached a vault has none either; then its number must be unique.
        others = [each.stanza for each in archives.values() if timeline in each.histories]
        if others:
            raise Unrestorable(
                f"timeline {target} of {own} has timeline {timeline} in its history, but timeline {timeline} in the archive of"
                f" {' and '.join(others)} is another one: it began elsewhere. The timeline of the history is not archived"
            )
        fitting = [each for each in archives.values() if each.segments.get(timeline)]
    with_segments = [each for each in fitting if each.segments.get(timeline)] or fitting
    if not with_segments:
        raise Unrestorable(f"timeline {target} of {own} descends from timeline {timeline}, of which no stanza contains anything")
    if own in [each.stanza for each in with_segments] and timeline in archives[own].histories:
        return own
    # After its promotion, a copied standby may archive part of the WAL that it was copied with: the same log, but incomplete.
    return max(with_segments, key=lambda each: (len(each.segments.get(timeline, {})), each.stanza == own)).stanza


def holes(chain, holders, archives, start, until):
    """
    The segments of a line that the archives lack, as file names, in their order.

    @param start, until segment numbers, both included
    """
    for segment in range(start, until + 1):
        timeline = timeline_of_segment(chain, segment)
        if segment not in archives[holders[timeline]].segments.get(timeline, {}):
            yield f"{timeline:08X}{segment_name(segment)}"


def first_hole(chain, holders, archives, start, until):
    """The first missing segment; None if there is none."""
    return next(holes(chain, holders, archives, start, until), None)


def timeline_of_segment(chain, segment):
    """The segment in which a timeline begins exists on both timelines: the younger one's contains the older one's log too."""
    for timeline, end in chain:
        if end is None or segment < segment_of(end):
            return timeline
    raise ValueError("the chain's last timeline must have no end")


def restore_map(chain, holders, archives):
    """The map for `dr-get-wal --map`, as plain data: see there."""
    newest = max(timeline for each in archives.values() for timeline in [*each.timelines(), chain[-1][0]])
    beyond = {}
    for timeline in range(chain[-1][0] + 1, newest + 1):
        # Any stanza that has its history: only the existence counts. A timeline without an archived history counts as existing too.
        have = next((each.stanza for each in archives.values() if timeline in each.histories), None)
        if have:
            beyond[str(timeline)] = have
    return {
        "target": chain[-1][0],
        "timelines": {
            str(timeline): {"stanza": holders[timeline], **({} if end is None else {"before": segment_name(segment_of(end))})}
            for timeline, end in chain
        },
        "newest": newest,
        "beyond": beyond,
    }
