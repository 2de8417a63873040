"""Which WAL segments an archive must hold, and which it does. Pure.

Segments of 16 MiB: a name is timeline, log and segment, eight hexadecimal digits each, and a log has 256 of them.
"""
import re

SEGMENT = re.compile(r"^([0-9A-F]{24})(?:-[0-9a-f]{40}(?:\.(?:zst|gz|lz4|bz2))?)?$")
SEGMENT_BYTES = 16 * 1024 * 1024
PER_LOG = 256


def number(segment):
    """Its place in the log, whatever the timeline."""
    return int(segment[8:16], 16) * PER_LOG + int(segment[16:24], 16)


def name(timeline, place):
    return f"{timeline:08X}{place // PER_LOG:08X}{place % PER_LOG:08X}"


def place_of(lsn):
    """The place of the segment that holds this position, e.g. `0/3000148`."""
    high, low = (int(part, 16) for part in lsn.split("/"))
    return ((high << 32) + low) // SEGMENT_BYTES


def present(names):
    """Segments among an archive's objects, timeline → places. What only begins one (`.partial`) is none."""
    found = {}
    for each in names:
        match = SEGMENT.match(each.rsplit("/", 1)[-1])
        if match:
            segment = match.group(1)
            found.setdefault(int(segment[:8], 16), set()).add(number(segment))
    return found


def parse_history(text):
    """A `.history` file: ancestors, oldest first, as (timeline, position where it was left)."""
    rows = (line.split("\t") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(int(row[0]), row[1].strip()) for row in rows if len(row) > 1]


def stretches(first, last, ancestors):
    """
    What must be there between two segments, as (timeline, first place, last place). `ancestors` of the last one's
    timeline, from its history file. The segment in which a timeline is left belongs to the next: the old one archives
    no more than the beginning of it.
    """
    begin, end = int(first[:8], 16), int(last[:8], 16)
    found, place = [], number(first)
    for timeline, left in ancestors:
        if timeline >= begin:
            found.append((timeline, place, place_of(left) - 1))
            place = max(place, place_of(left))
    found.append((end, place, number(last)))
    return [each for each in found if each[1] <= each[2]]


def missing(first, last, ancestors, found):
    """Names of the segments that are not there, in their order."""
    return [
        name(timeline, place)
        for timeline, begin, end in stretches(first, last, ancestors)
        for place in range(begin, end + 1)
        if place not in found.get(timeline, ())
    ]
