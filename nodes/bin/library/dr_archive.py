"""Which WAL segments a region's own archive should hold, and lacks. Pure, as dr_timelines is, by which it goes."""
import re

from dr_timelines import chain_of, holes, segment_number

ARCHIVED = re.compile(r"([0-9A-F]{8})([0-9A-F]{16})(\.partial|\.[0-9A-F]{8}\.backup)?")


def archived_until(last):
    """
    Up to which segment everything was archived, as (timeline, number), by pg_stat_archiver's `last_archived_wal`: the
    archiver goes by name. None where it tells of none: what a new leader archives first is its timeline's history.
    """
    found = ARCHIVED.fullmatch(last)
    if not found:
        return None
    # What only begins a segment is kept for nobody; the timeline that goes on from there has all of it.
    return int(found[1], 16), segment_number(found[2]) - (found[3] == ".partial")


def missing(start, until, history, archive):
    """
    Names of the segments that are not there, in their order.

    A region may have been active more than once, and its archive then begins and ends in the middle of the line. A
    timeline is its own when its history file is there; what lies in the other region's archive is told there.

    @param start the segment with which the oldest backup begins, by name
    @param until as archived_until has it
    @param history of that timeline
    @param archive dr_timelines.Archive
    """
    begin, (timeline, last) = int(start[:8], 16), until
    chain = chain_of(timeline, history)
    own = {begin, timeline, *archive.histories}
    found = holes(chain, dict.fromkeys(dict(chain), archive.stanza), {archive.stanza: archive}, segment_number(start), last)
    return [name for name in found if int(name[:8], 16) in own]


def left_behind(name, noticed, backups):
    """
    Whether a later backup made up for a hole, so that only moments before that one can't be restored: a full one, which
    was begun when the hole had been noticed.
    """
    return any(
        each["type"] == "full"
        and not each.get("error")
        and each["archive"]["start"][8:] > name[8:]
        and each["timestamp"]["start"] >= noticed
        for each in backups
    )
