import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { archivedUntil, contents, leftBehind, missing } from "../../nodes/bin/verbs/archive.js";
import { switchesOf } from "../../nodes/guard/leader/timelines.js";

interface Question {
  readonly start: string;
  readonly until: readonly [timeline: number, segment: number];
  readonly history?: string;
  readonly objects: readonly string[];
}
const ask = ({ start, until: [timeline, segment], history = "", objects }: Question) =>
  missing(start, { timeline, segment }, switchesOf(history), contents(objects));

const name = (timeline: number, segment: number) =>
  `${timeline.toString(16).padStart(8, "0")}${Math.floor(segment / 256)
    .toString(16)
    .padStart(8, "0")}${(segment % 256).toString(16).padStart(8, "0")}`.toUpperCase();
/** As pgBackRest names it. */
const object = (timeline: number, segment: number) =>
  `${name(timeline, segment).slice(0, 16)}/${name(timeline, segment)}-${"0".repeat(40)}.zst`;
const segments = (timeline: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => object(timeline, from + i));

describe("up to where everything is archived", () => {
  test.each([
    ["000000010000000000000005", [1, 5]],
    ["0000000300000001000000FF", [3, 511]],
    // Of a backup that began there.
    ["000000010000000000000005.00000028.backup", [1, 5]],
    // The old timeline's last, of which the new leader has only the beginning.
    ["000000010000000000000005.partial", [1, 4]],
    ["00000002.history", null],
    ["", null],
  ])("%s", (last, until) => {
    const found = archivedUntil(last);
    expect(found ? [found.timeline, found.segment] : null).toEqual(until);
  });
});

describe("what is missing", () => {
  test("nothing, or what lies in between, over the end of a log too", () => {
    const objects = segments(1, 250, 260);
    const question = { start: name(1, 250), until: [1, 260] as const };
    expect(ask({ ...question, objects })).toEqual([]);
    expect(
      ask({
        ...question,
        objects: objects.filter((each) => each !== object(1, 255) && each !== object(1, 256)),
      }),
    ).toEqual([name(1, 255), name(1, 256)]);
  });

  test("what begins a segment is not the segment; what another database left counts for nothing", () => {
    const objects = [...segments(1, 2, 4), `0000000100000000/${name(1, 5)}.partial-${"0".repeat(40)}.zst`];
    expect(ask({ start: name(1, 2), until: [1, 5], objects })).toEqual([name(1, 5)]);
  });

  test("across a timeline switch in the region: the new timeline has the segment in which it began", () => {
    const objects = [...segments(1, 2, 4), "00000002.history", ...segments(2, 5, 9)];
    const question = {
      start: name(1, 2),
      until: [2, 9] as const,
      history: "1\t0/5000100\tno recovery target\n",
    };
    expect(ask({ ...question, objects })).toEqual([]);
    const holed = objects.filter((each) => each !== object(1, 4) && each !== object(2, 5));
    expect(ask({ ...question, objects: holed })).toEqual([name(1, 4), name(2, 5)]);
  });

  test("after the region's promotion: its own stretch begins in the middle", () => {
    const objects = ["00000002.history", ...segments(2, 5, 9)];
    expect(
      ask({ start: name(2, 6), until: [2, 9], history: "1\t0/5000100\tno recovery target\n", objects }),
    ).toEqual([]);
  });

  test("there and back: what the other region wrote in between is its own archive's business", () => {
    const objects = [...segments(1, 2, 4), "00000003.history", ...segments(3, 9, 12)];
    const history = "1\t0/5000100\tno recovery target\n2\t0/9000200\tno recovery target\n";
    expect(ask({ start: name(1, 2), until: [3, 12], history, objects })).toEqual([]);
    // What this region had not archived when it was lost is missing for good.
    const lost = objects.filter((each) => each !== object(1, 4));
    expect(ask({ start: name(1, 2), until: [3, 12], history, objects: lost })).toEqual([name(1, 4)]);
    // Copied along by a standby, and archived: some of a timeline that is not the region's own.
    expect(ask({ start: name(1, 2), until: [3, 12], history, objects: [...objects, object(2, 8)] })).toEqual(
      [],
    );
  });
});

test("a hole is left behind by a full backup that began after it was noticed, and lies beyond it", () => {
  const backup = {
    type: "full" as const,
    error: false,
    archive: { start: name(2, 8), stop: name(2, 9) },
    timestamp: { start: 1000, stop: 1010 },
  };
  expect(leftBehind(name(1, 5), 900, [backup])).toBe(true);
  expect(leftBehind(name(1, 5), 1001, [backup])).toBe(false);
  expect(leftBehind(name(2, 8), 900, [backup])).toBe(false);
  expect(leftBehind(name(1, 5), 900, [{ ...backup, type: "incr" }])).toBe(false);
  expect(leftBehind(name(1, 5), 900, [{ ...backup, error: true }])).toBe(false);
});

test("dr-restore takes the same objects for segments and histories", () => {
  const begun = `0000000100000000/${name(1, 5)}.partial-${"0".repeat(40)}.zst`;
  const objects = [...segments(1, 254, 257), begun, "00000002.history", object(2, 257), "other"];
  const program = `
import json, sys
sys.path.insert(0, ${JSON.stringify(resolve("nodes/bin/library"))})
from dr_vault import contents
histories, segments, _ = contents({name: {"time": 0} for name in json.load(sys.stdin)})
print(json.dumps([sorted(histories), {timeline: sorted(each) for timeline, each in segments.items()}]))`;
  const theirs = execFileSync("python3", ["-c", program], {
    input: JSON.stringify(objects),
    encoding: "utf8",
  });
  const own = contents(objects);
  const numbers = Object.fromEntries([...own.segments].map(([timeline, each]) => [timeline, [...each]]));
  expect(numbers).toEqual({ 1: [254, 255, 256, 257], 2: [257] });
  expect([[...own.histories], numbers]).toEqual(JSON.parse(theirs));
});
