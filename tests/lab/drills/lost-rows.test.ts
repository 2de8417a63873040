import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  duplicatedRows,
  inFlight,
  longestGap,
  lostItems,
  lostRows,
  unexpectedRows,
  watched,
  worstStaleness,
} from "../../../lab/drills/lost-rows.js";
import { Ledger } from "../../../lab/workload/ledger.js";
import { failover, post, read, rowsOf, write } from "./ledgers.js";

describe("rows", () => {
  test("an acknowledged row that isn't there is lost; one in doubt or refused is not", () => {
    const writes = [
      write(1, 0),
      write(2, 10),
      write(3, 20, { result: "unknown" }),
      write(4, 30, { result: "refused" }),
    ];
    expect(lostRows(writes, [{ worker: 0, sequence: 1 }]).map(({ sequence }) => sequence)).toEqual([2]);
  });

  test("another worker's row of the same number is no substitute", () => {
    expect(lostRows([write(1, 0)], [{ worker: 1, sequence: 1 }])).toHaveLength(1);
  });

  test("a row that exists three times is one duplicate", () => {
    const row = { worker: 0, sequence: 7 };
    expect(duplicatedRows([row, { ...row }, { worker: 1, sequence: 7 }, { ...row }])).toEqual([row]);
  });

  test("a row that no client sent, or that was refused, is unexpected; one in doubt may be there", () => {
    const writes = [write(1, 0, { result: "unknown" }), write(2, 10, { result: "refused" })];
    const rows = [1, 2, 3].map((sequence) => ({ worker: 0, sequence }));
    expect(unexpectedRows(writes, rows).map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  test("whatever is taken away, exactly that is found missing; whatever comes twice, exactly that", () => {
    const ledger = failover();
    const all = rowsOf(ledger);
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(all.length - 1)), (taken) => {
        const left = all.filter((_, i) => !taken.includes(i));
        const lost = lostRows(ledger.writes, left).map(({ sequence }) => sequence);
        const expected = taken.map((i) => all[i]?.sequence).toSorted((a, b) => (a ?? 0) - (b ?? 0));
        expect(lost).toEqual(expected);
        const twice = taken.map((i) => all[i] as (typeof all)[number]);
        expect(duplicatedRows([...all, ...twice])).toHaveLength(taken.length);
        expect(unexpectedRows(ledger.writes, left)).toEqual([]);
      }),
    );
  });

  test("an item is lost only when its POST was confirmed", () => {
    const requests = [post("a", 0), post("b", 10, 503), post("c", 20, 200), post("d", 30)];
    expect(lostItems(requests, new Set(["a"])).map(({ id }) => id)).toEqual(["c", "d"]);
  });
});

describe("gaps", () => {
  test("the longest time between two successes, in whatever order they arrive", () => {
    expect(longestGap([40, 10, 90, 20], { from: 0, to: 100 })).toEqual({ from: 40, to: 90 });
  });

  test("a service that never came back has a gap up to the end; one that never began, over everything", () => {
    expect(longestGap([10, 20], { from: 0, to: 500 })).toEqual({ from: 20, to: 500 });
    expect(longestGap([], { from: 0, to: 500 })).toEqual({ from: 0, to: 500 });
  });

  test("only gaps that end after the fault can be its doing", () => {
    expect(longestGap([100, 900, 1000, 1200], { from: 0, to: 1300 }, 950)).toEqual({ from: 1000, to: 1200 });
  });

  test("the gap holds no success, lies within what was watched, and none is longer", () => {
    const instants = fc.array(fc.integer({ min: 1, max: 999 }), { maxLength: 50 });
    fc.assert(
      fc.property(instants, (successes) => {
        const gap = longestGap(successes, { from: 0, to: 1000 });
        expect(successes.some((at) => at > gap.from && at < gap.to)).toBe(false);
        const edges = [0, ...successes, 1000].toSorted((a, b) => a - b);
        const longest = Math.max(...edges.slice(1).map((at, i) => at - (edges[i] as number)));
        expect(gap.to - gap.from).toBe(longest);
      }),
    );
  });

  test("a workload without an end can't be judged", () => {
    const ledger = new Ledger();
    ledger.add({ kind: "started", at: 1 });
    expect(() => watched(ledger)).toThrow("no end");
  });
});

test("a write is in flight from its sending to its answer", () => {
  const writes = [write(1, 0), write(2, 98), write(3, 101), write(4, 200)];
  expect(inFlight(writes, { from: 100, to: 150 }).map(({ sequence }) => sequence)).toEqual([2, 3]);
});

describe("staleness", () => {
  test("is measured against what was acknowledged before the read began", () => {
    const writes = [write(1, 0), write(2, 50), write(3, 99)];
    expect(worstStaleness(writes, [read(100, 50)])).toBe(0);
    expect(worstStaleness(writes, [read(102, 0)])).toBe(99);
    expect(worstStaleness(writes, [read(60, 0), read(110, 50)])).toBe(50);
  });

  test("a replica that shows nothing is behind by all; a failed read tells nothing", () => {
    const writes = [write(1, 0), write(2, 50)];
    expect(worstStaleness(writes, [read(100, null)])).toBe(50);
    expect(worstStaleness(writes, [read(100, null, { ok: false })])).toBe(0);
  });
});
