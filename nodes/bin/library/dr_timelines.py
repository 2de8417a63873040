"""Timelines of a log that two regions have written: which belongs to which, and in whose stanza each one stands.

Pure: no file, no process. Each region archives into a stanza of its own, and a region that was cut off may have gone on to
a timeline of the same number as the other's real one. So a number names nothing; what does is a timeline's history:
the timelines before it, each with the position at which the next one began.
"""
import re

# PostgreSQL's default, which every cluster of this project has. dr-restore compares it with the restored cluster's own.
SEGMENT_BYTES = 16 << 20
SEGMENTS_PER_LOG = (1 << 32) // SEGMENT_BYTES


class Unrestorable(Exception):
    """What was asked for can't be restored; the message says why, and what can."""


def number(lsn):
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def text(lsn):
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def switches(history):
    """What a history file says: (timeline, position at which the next one began), oldest first."""
    found = re.findall(r"^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)", history, re.MULTILINE)
    return tuple((int(timeline), number(lsn)) for timeline, lsn in found)


def segment_of(lsn):
    """Number of the segment in which a position lies."""
    return lsn // SEGMENT_BYTES


def segment_name(segment):
    """Its name without the timeline, 16 digits. They sort as the segments do."""
    return f"{segment // SEGMENTS_PER_LOG:08X}{segment % SEGMENTS_PER_LOG:08X}"


def segment_number(name):
    """The opposite, of the last 16 digits of a file's name."""
    return int(name[-16:-8], 16) * SEGMENTS_PER_LOG + int(name[-8:], 16)


class Archive:
    """
    What a stanza's archive holds of one database.

    @param system the database system's identifier: the log of another one has nothing to do with this
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
        """Of the first timeline there is no file: it is nobody's child. None: there should be a file and is none."""
        return self.histories.get(timeline, () if timeline == 1 else None)

    def begin(self, timeline):
        """When it began; of the first one, when its first segment was archived."""
        if timeline in self.began:
            return self.began[timeline]
        return min(self.segments.get(timeline, {}).values(), default=None)

    def newest(self, timeline, until=None):
        """When the last segment of a timeline was archived; None without any."""
        times = self.segments.get(timeline, {}).values()
        return max((time for time in times if until is None or time <= until), default=None)

    def has_beginning(self, timeline):
        """Whether the segment is there in which a timeline begins. Without it, nothing of that timeline can be replayed."""
        history = self.history(timeline)
        return bool(history) and segment_of(history[-1][1]) in self.segments.get(timeline, {})


def chain_of(timeline, history):
    """The line that ends on a timeline: (timeline, its end or None), oldest first."""
    return (*history, (timeline, None))


def stanzas_of(target, archives, own):
    """
    For each timeline of the target's history: the stanza that holds it.

    @param target the timeline to recover along
    @param archives stanza → Archive
    @param own the stanza of the region that was active at the target
    @returns timeline → stanza
    @raises Unrestorable when no stanza holds a timeline that belongs to the target's history
    """
    history = archives[own].history(target)
    if history is None:
        raise Unrestorable(f"stanza {own} has no history file of timeline {target}, so nobody knows what came before it")
    found = {target: own}
    for position, (timeline, _) in enumerate(history):
        found[timeline] = holder_of(timeline, history[:position], archives, own, target)
    return dict(sorted(found.items()))


def holder_of(timeline, before, archives, own, target):
    fitting = [each for each in archives.values() if each.histories.get(timeline) == before and timeline in each.histories]
    if not fitting:
        # The first one has no file. Nor has one whose file never reached a vault; then its number must be no other's.
        others = [each.stanza for each in archives.values() if timeline in each.histories]
        if others:
            raise Unrestorable(
                f"timeline {target} of {own} has timeline {timeline} in its history, but timeline {timeline} in the archive of"
                f" {' and '.join(others)} is another one: it parted elsewhere. What belongs to the history is not archived"
            )
        fitting = [each for each in archives.values() if each.segments.get(timeline)]
    with_segments = [each for each in fitting if each.segments.get(timeline)] or fitting
    if not with_segments:
        raise Unrestorable(f"timeline {target} of {own} goes back to timeline {timeline}, of which no stanza has anything")
    if own in [each.stanza for each in with_segments] and timeline in archives[own].histories:
        return own
    # A standby that was copied may archive, once promoted, some of what it was copied with: the same log, but not all of it.
    return max(with_segments, key=lambda each: (len(each.segments.get(timeline, {})), each.stanza == own)).stanza


def holes(chain, holders, archives, start, until):
    """
    The segments that the archives lack on the way along a line, as files' names, in their order.

    @param start, until numbers of segments, both included
    """
    for segment in range(start, until + 1):
        timeline = timeline_of_segment(chain, segment)
        if segment not in archives[holders[timeline]].segments.get(timeline, {}):
            yield f"{timeline:08X}{segment_name(segment)}"


def first_hole(chain, holders, archives, start, until):
    """The first of them; None without one."""
    return next(holes(chain, holders, archives, start, until), None)


def timeline_of_segment(chain, segment):
    """Of the segment in which a timeline begins there are two: the younger one's has the older one's log, too."""
    for timeline, end in chain:
        if end is None or segment < segment_of(end):
            return timeline
    raise ValueError("a chain ends on a timeline without end")


def restore_map(chain, holders, archives):
    """What `dr-get-wal --map` goes by, as plain data: see there."""
    newest = max(timeline for each in archives.values() for timeline in [*each.timelines(), chain[-1][0]])
    beyond = {}
    for timeline in range(chain[-1][0] + 1, newest + 1):
        # Any stanza that has one: only its existence counts. One that never was archived counts as existing, too.
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
