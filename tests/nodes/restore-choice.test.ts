import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const LIBRARY = fileURLToPath(new URL("../../nodes/bin/library", import.meta.url));

const PROGRAM = `
import json, sys
sys.path.insert(0, sys.argv[1])
from dr_timelines import Archive, Unrestorable, stanzas_of
import dr_choose
asked = json.load(sys.stdin)
numbered = lambda each: {int(key): value for key, value in each.items()}
archives = {
    name: Archive(
        name,
        numbered(a.get("histories", {})),
        numbered(a.get("began", {})),
        {timeline: numbered(each) for timeline, each in numbered(a.get("segments", {})).items()},
        a.get("system"),
    )
    for name, a in asked["archives"].items()
}
try:
    if "map" in asked:
        result = stanzas_of(asked["map"], archives, asked["own"])
    else:
        chosen = dr_choose.choose(dr_choose.Wanted(**asked["wanted"]), asked["backups"], archives, asked["now"])
        result = {**chosen, "backup": chosen["backup"]["label"]}
except Unrestorable as error:
    result = {"error": str(error)}
print(json.dumps(result))`;

const ask = (question: object) =>
  JSON.parse(
    execFileSync("python3", ["-c", PROGRAM, LIBRARY], { input: JSON.stringify(question), encoding: "utf8" }),
  );

/** Segments `from` to `to`, the first archived at `begin` and one every minute from there. */
const segments = (from: number, to: number, begin: number) =>
  Object.fromEntries(Array.from({ length: to - from + 1 }, (_, i) => [from + i, begin + 60 * i]));
const backup = (label: string, stop: number, timeline: number, segment: number, error = false) => {
  const name = `0000000${timeline}000000000000000${segment.toString(16).toUpperCase()}`;
  const lsn = `0/${segment.toString(16).toUpperCase()}000100`;
  return {
    label,
    error,
    timestamp: { start: stop - 10, stop },
    archive: { start: name, stop: name },
    lsn: { start: lsn, stop: lsn },
  };
};

/** Times: A from 0, B promoted at 500 (segment 5), A again at 1000 (segment 9). */
const A1 = { began: {}, segments: { 1: segments(1, 6, 60) } };
const B2_HISTORY = "1\t0/5000100\tno recovery target specified\n";
const B2 = { histories: { 2: B2_HISTORY }, began: { 2: 500 }, segments: { 2: segments(5, 9, 560) } };
const A3_HISTORY = `${B2_HISTORY}2\t0/9000200\tno recovery target specified\n`;
const A13 = {
  histories: { 3: A3_HISTORY },
  began: { 3: 1000 },
  segments: { ...A1.segments, 3: segments(9, 12, 1060) },
};
const EARLY = backup("A-early", 100, 1, 2);
const LATE = backup("B-late", 700, 2, 7);

describe("which stanza holds a timeline", () => {
  test("where the history goes back and forth", () => {
    expect(ask({ map: 3, own: "A", archives: { A: A13, B: B2 } })).toEqual({ 1: "A", 2: "B", 3: "A" });
  });

  test("a timeline of the same number that parted elsewhere is another one", () => {
    const diverged = { ...A13, histories: { 2: "1\t0/5100000\tmine\n", 3: A3_HISTORY } };
    expect(ask({ map: 3, own: "A", archives: { A: diverged, B: B2 } })).toEqual({ 1: "A", 2: "B", 3: "A" });
  });

  test("refused when only another one of that number is archived", () => {
    const diverged = { ...A13, histories: { 2: "1\t0/5100000\tmine\n", 3: A3_HISTORY } };
    expect(ask({ map: 3, own: "A", archives: { A: diverged, B: {} } }).error).toMatch(
      /timeline 2 in the archive of A is another one: it began elsewhere/,
    );
  });

  test("part of it may be in the other stanza too, after that region was copied and promoted", () => {
    const both = { ...B2, segments: { ...B2.segments, 1: segments(4, 4, 560) } };
    expect(ask({ map: 2, own: "B", archives: { A: A1, B: both } })).toEqual({ 1: "A", 2: "B" });
  });

  test("refused without the target's own history, and without anything of an ancestor", () => {
    expect(ask({ map: 4, own: "A", archives: { A: A13, B: B2 } }).error).toMatch(
      /no history file of timeline 4/,
    );
    expect(ask({ map: 2, own: "B", archives: { A: {}, B: B2 } }).error).toMatch(
      /of which no stanza contains anything/,
    );
  });
});

describe("what is restored", () => {
  const both = { A: A13, B: B2 };
  const backups = { A: [EARLY], B: [LATE] };
  const choose = (wanted: object, more: object = {}) =>
    ask({ wanted, backups, archives: both, now: 5000, ...more });

  test("the latest: the newest backup on the line that is active now, and all there is", () => {
    expect(choose({})).toMatchObject({
      stanza: "B",
      backup: "B-late",
      timeline: 3,
      target: {},
      lastSegment: "00000003000000000000000C",
      map: {
        target: 3,
        timelines: {
          1: { stanza: "A", before: "0000000000000005" },
          2: { stanza: "B", before: "0000000000000009" },
          3: { stanza: "A" },
        },
      },
    });
  });

  test("a moment after a promotion: the older region's backup, the newer one's timeline", () => {
    expect(choose({ time: 560 })).toMatchObject({
      stanza: "A",
      backup: "A-early",
      timeline: 2,
      target: { recovery_target_time: "1970-01-01 00:09:20+00" },
    });
  });

  test("before it: the older timeline, although its region archived on for a while", () => {
    expect(choose({ time: 450 })).toMatchObject({ timeline: 1, timelineStanza: "A", backup: "A-early" });
    expect(choose({ time: 450.25 }).target).toEqual({
      recovery_target_time: "1970-01-01 00:07:30.250000+00",
    });
  });

  test("a backup of an abandoned branch doesn't count", () => {
    const beyond = backup("A-beyond", 520, 1, 6);
    expect(choose({ time: 560 }, { backups: { A: [EARLY, beyond], B: [] } }).backup).toBe("A-early");
  });

  test("nothing of another database, although its timelines have the same numbers", () => {
    const archives = { A: { ...A1, system: 1 }, B: { ...B2, system: 2 } };
    expect(choose({ time: 560 }, { archives }).error).toMatch(/timeline 2 of B descends from timeline 1/);
    expect(choose({ time: 560, stanza: "A" }, { archives })).toMatchObject({
      timeline: 1,
      map: { newest: 1 },
    });
  });

  test("of two timelines of one number: the one that was gone on with", () => {
    const cutOff = {
      histories: { 2: "1\t0/5100000\tmine\n" },
      began: { 2: 640 },
      segments: { ...A1.segments, 2: { 5: 650 } },
    };
    const chosen = choose(
      { time: 900 },
      { archives: { A: cutOff, B: { ...B2, segments: { 2: segments(5, 20, 560) } } } },
    );
    expect(chosen).toMatchObject({ timeline: 2, timelineStanza: "B", notes: [] });
  });

  test("while nothing decides, the later one, and a note says so", () => {
    const cutOff = {
      histories: { 2: "1\t0/5100000\tmine\n" },
      began: { 2: 640 },
      segments: { ...A1.segments, 2: { 5: 650 } },
    };
    const archives = { A: cutOff, B: { ...B2, segments: { 2: segments(5, 6, 560) } } };
    expect(choose({ time: 700 }, { archives }).notes).toEqual([
      expect.stringMatching(/timeline 2 of B may be the real one too.*--stanza B/),
    ]);
    expect(choose({ time: 700, stanza: "B" }, { archives })).toMatchObject({
      timelineStanza: "B",
      notes: [],
    });
  });

  test("after a restore to an earlier moment, what was there before it can still be restored", () => {
    // Timeline 2 goes back to segment 4 of timeline 1, which had gone on to 6.
    const archives = {
      A: {
        ...A1,
        histories: { 2: "1\t0/4000100\tbefore 2020\n" },
        began: { 2: 1000 },
        segments: { ...A1.segments, 2: segments(4, 8, 1060) },
      },
      B: {},
    };
    expect(choose({ time: 400 }, { archives })).toMatchObject({
      timeline: 1,
      map: { timelines: { 1: { stanza: "A" } } },
    });
    expect(choose({ time: 1100 }, { archives })).toMatchObject({ timeline: 2 });
  });

  test("no number of a timeline is used twice: the restored cluster's is greater than all", () => {
    expect(choose({ time: 450 }).map).toMatchObject({ target: 1, newest: 3, beyond: { 2: "B", 3: "A" } });
  });

  test("where the new timeline's beginning is not archived: up to there, and not what the old one wrote beyond", () => {
    const archives = { A: A1, B: { histories: { 2: B2_HISTORY }, began: { 2: 500 } } };
    expect(choose({}, { archives, backups: { A: [EARLY], B: [] } })).toMatchObject({
      timeline: 1,
      target: { recovery_target_lsn: "0/5000100", recovery_target_inclusive: "off" },
      left: "0000000000000005",
      notes: [expect.stringMatching(/nothing of timeline 2, begun at 0\/5000100, is archived yet/)],
    });
    expect(choose({ time: 510 }, { archives }).error).toMatch(/lies beyond what is archived/);
  });

  test("a position, a restore point, a backup by its name", () => {
    expect(choose({ lsn: 0x6000000 })).toMatchObject({
      backup: "A-early",
      timeline: 3,
      target: { recovery_target_lsn: "0/6000000" },
    });
    expect(choose({ name: "before-upgrade" })).toMatchObject({
      backup: "B-late",
      target: { recovery_target_name: "before-upgrade" },
    });
    expect(choose({ label: "A-early" }).backup).toBe("A-early");
    expect(choose({ label: "A-never" }).error).toMatch(/A-never is not one of A-early \(A\), B-late \(B\)/);
  });

  test("refused: before the first backup, with the earliest time that is possible", () => {
    expect(choose({ time: 90 }).error).toMatch(
      /1970-01-01T00:01:30Z is before the end of the first backup: the earliest possible time is 1970-01-01T00:01:40Z, position 0\/2000100/,
    );
    expect(choose({}, { backups: { A: [], B: [] } }).error).toMatch(/no backup in A or B/);
  });

  test("refused: the future", () => {
    expect(choose({ time: 5001 }).error).toMatch(/is in the future.*--to latest/);
  });

  test("refused: a hole in the log, with the position up to which it goes", () => {
    const { 7: _, ...holed } = segments(5, 9, 560) as Record<number, number>;
    const archives = { A: A13, B: { ...B2, segments: { 2: holed } } };
    const early = { A: [EARLY], B: [] };
    expect(choose({}, { archives, backups: early }).error).toMatch(
      /000000020000000000000007 is missing.*--lsn 0\/7000000/,
    );
    expect(choose({ lsn: 0x7000000 }, { archives, backups: early }).error).toMatch(/lies beyond/);
    expect(choose({ lsn: 0x6ffffff }, { archives, backups: early }).backup).toBe("A-early");
    expect(choose({ time: 590 }, { archives, backups: early }).notes).toEqual([
      expect.stringMatching(/A restore to a later time ends there and fails/),
    ]);
  });

  test("what is missing before segments of the last minutes is on its way, and no hole", () => {
    const { 11: _, ...late } = segments(9, 12, 1060) as Record<number, number>;
    const archives = { A: { ...A13, segments: { ...A13.segments, 3: late } }, B: B2 };
    expect(choose({}, { archives, now: 1300 })).toMatchObject({
      lastSegment: "00000003000000000000000A",
      notes: [expect.stringMatching(/00000003000000000000000B is not archived yet/)],
    });
    expect(choose({}, { archives, now: 9999 }).error).toMatch(/is missing from the archive/);
  });

  test("a backup with damaged pages only where that is accepted", () => {
    const damaged = { A: [EARLY], B: [backup("B-late", 700, 2, 7, true)] };
    expect(choose({}, { backups: damaged }).backup).toBe("A-early");
    expect(choose({ damaged: true }, { backups: damaged }).backup).toBe("B-late");
    expect(choose({}, { backups: { A: [], B: damaged.B } }).error).toMatch(/--accept-damage/);
  });
});
