/** The lag: which positions are kept, which of them this log proves, and what then can be missing. */
import { describe, expect, test } from "vitest";
import { lagMillis, published, reached, validProof } from "../../../../nodes/guard/region/lag.js";
import { NO_STATUS, type Position } from "../../../../nodes/guard/region/region-facts.js";
import { log, NOW, RULES, reading } from "./situation.js";

const mark = (epoch: number, timeline: number) => ({ epoch, timeline });
const at = (wallMillis: number, more: Partial<Position> = {}): Position => ({
  wallMillis,
  node: "b",
  mark: mark(1, 4),
  lsn: wallMillis,
  ...more,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => at(i + 1));
const times = (positions: readonly Position[]) => positions.map(({ wallMillis }) => wallMillis);

describe("published positions", () => {
  test("are kept in order, each once", () => {
    const first = published([], at(1));
    expect(times(first)).toEqual([1]);
    expect(published(first, at(1))).toBe(first);
    expect(published(first, undefined)).toBe(first);
    const second = published(first, at(2));
    expect(times(second)).toEqual([1, 2]);
    expect(published(second, at(2))).toBe(second);
    expect(times(published(second, at(1)))).toEqual([1, 2, 1]);
  });

  test("are thinned out beyond 2000: every second one goes, never the newest", () => {
    expect(published(many(1999), at(2000))).toHaveLength(2000);
    const thinned = times(published(many(2000), at(2001)));
    expect(thinned).toHaveLength(1001);
    expect(thinned.slice(0, 3)).toEqual([2, 4, 6]);
    expect(thinned.slice(-2)).toEqual([2000, 2001]);
    expect(times(published(many(2001), at(2002))).slice(-2)).toEqual([2000, 2002]);
  });
});

describe("a standby's log", () => {
  const standby = (lsn: number, of = mark(1, 4)) => log({ isPrimary: false, mark: of, lsn });
  const positions = [at(1), at(2), at(3)];

  test("proves the newest position that it has reached, and those after it are ahead", () => {
    const { proof, ahead } = reached("a", positions, standby(2));
    expect(proof).toEqual({ node: "a", mark: mark(1, 4), wallMillis: 2, lsn: 2 });
    expect(ahead).toEqual([at(3)]);
    expect(reached("a", positions, standby(3)).ahead).toEqual([]);
    expect(reached("a", positions, standby(0))).toEqual({ ahead: positions });
  });

  test("proves all of an earlier leader of the same epoch, and nothing of a later leader or another epoch", () => {
    expect(reached("a", positions, standby(0, mark(1, 5))).proof).toMatchObject({ wallMillis: 3 });
    for (const other of [mark(1, 3), mark(2, 5), mark(0, 5)])
      expect(reached("a", positions, standby(9, other)).proof).toBeUndefined();
  });

  test("proves nothing where it is a primary's: it writes itself", () => {
    expect(reached("a", positions, log({ mark: mark(1, 4), lsn: 9 }))).toEqual({ ahead: positions });
  });

  test("may have lost what it proved", () => {
    const proof = { node: "a", mark: mark(1, 4), wallMillis: 2, lsn: 2 };
    expect(validProof(proof, standby(2))).toBe(proof);
    expect(validProof(proof, standby(1))).toBeUndefined();
    expect(validProof(proof, undefined)).toBeUndefined();
    expect(validProof(undefined, standby(2))).toBeUndefined();
  });
});

describe("the lag", () => {
  const position = at(50_000, { lsn: 500 });
  const proof = { node: "a", mark: mark(1, 4), wallMillis: 49_000, lsn: 400 };
  const lag = (more: {
    readonly opened?: number;
    readonly position?: Position | undefined;
    readonly epoch?: number;
    readonly silentFor?: number;
  }) => {
    const { opened = 1, epoch = 1, silentFor = 2_000 } = more;
    const theirs = { ...NO_STATUS, opened, position: "position" in more ? more.position : position };
    return lagMillis(
      RULES,
      reading({ theirs: theirs as typeof NO_STATUS }),
      log({ isPrimary: false, mark: mark(epoch, 4), lsn: 400 }),
      { proof, peerNotBefore: NOW - silentFor },
      NOW,
    );
  };

  test("is what was published since the proof, and the silence since", () => {
    expect(lag({})).toBe(1_000 + 2_000);
  });

  test("counts a silence of two leases at most, with 1 % for the clocks", () => {
    expect(lag({ silentFor: 30_299 })).toBe(1_000 + 30_299);
    expect(lag({ silentFor: 99_000 })).toBe(1_000 + 30_300);
  });

  test("is nothing where the other region has never opened, whatever this log is", () => {
    expect(lag({ opened: 0, epoch: 0 })).toBe(0);
    expect(lag({ opened: 0, epoch: 1 })).toBe(0);
  });

  test("is nothing where this log has a later epoch", () => {
    expect(lag({ opened: 1, epoch: 2 })).toBe(0);
  });

  test("is unknown where this log lacks the epoch, or nothing was published", () => {
    expect(lag({ opened: 2, epoch: 1 })).toBe(Number.POSITIVE_INFINITY);
    expect(lag({ opened: 2, epoch: 1, position: undefined })).toBe(Number.POSITIVE_INFINITY);
    expect(lag({ position: undefined })).toBe(Number.POSITIVE_INFINITY);
  });
});
