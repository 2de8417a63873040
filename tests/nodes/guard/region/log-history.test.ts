/** Which log has what another one acknowledged: by marks and positions. */
import { describe, expect, test } from "vitest";
import { hasAllOf, hasLastOf, reaches } from "../../../../nodes/guard/region/log-history.js";
import type { LogEnd, Mark, Release } from "../../../../nodes/guard/region/region-facts.js";

const mark = (epoch: number, timeline: number): Mark => ({ epoch, timeline });
const log = (epoch: number, timeline: number, lsn: number): LogEnd => ({
  startedAt: 0,
  isPrimary: false,
  mark: mark(epoch, timeline),
  lsn,
});
const READ = mark(3, 7);

describe("what was acknowledged up to a position is", () => {
  test.each<[string, LogEnd, boolean]>([
    ["in the same leader's log that reaches it", log(3, 7, 500), true],
    ["not in one that is shorter", log(3, 7, 499), false],
    // The leader that was demoted read the mark before its own, for that still waited for a standby.
    ["in a later leader's of the epoch", log(3, 8, 500), true],
    ["not in a later leader's that is shorter", log(3, 8, 499), false],
    ["not in an earlier leader's, however long", log(3, 6, 900), false],
    ["not in another epoch's", log(4, 7, 900), false],
  ])("%s", (_, end, has) => expect(reaches(end, READ, 500)).toBe(has));
});

describe("a release", () => {
  const released: Release = {
    epoch: 4,
    opened: 3,
    mark: READ,
    acknowledged: 500,
    lsn: 540,
    address: "10.0.0.1",
  };
  test.each<[string, LogEnd, boolean, boolean]>([
    ["all, and what came after it", log(3, 7, 540), true, true],
    ["all", log(3, 7, 539), true, false],
    ["less", log(3, 7, 499), false, false],
    ["all, under a later leader's mark", log(3, 8, 540), true, true],
    ["whatever led to a later epoch", log(5, 9, 10), true, true],
  ])("by a log that has %s", (_, end, all, last) => {
    expect(hasAllOf(end, released)).toBe(all);
    expect(all && hasLastOf(end, released)).toBe(last);
  });
});
