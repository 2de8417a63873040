import { describe, expect, test } from "vitest";
import type { Expectations } from "../../../../../lab/drills/drill.js";
import { type Move, nextEpoch, timesOf } from "../../../../../lab/drills/region/stage/moves.js";
import { judge } from "../../../../../lab/drills/verdict.js";
import type { RequestEvent } from "../../../../../lab/workload/events.js";
import { Ledger } from "../../../../../lab/workload/ledger.js";
import { post, probe, rowsOf, write } from "../../ledgers.js";

const HOME = "10.10.200.10";
const FAR = "10.20.200.10";
const regionOf = (name: string) => (name.startsWith("10.10.") || name === "home" ? "home" : "recovery");

/**
 * Home takes a write every 10 ms until it dies at 1000; one is then in doubt. Recovery is claimed at 3000, a probe
 * gets through at 25 000, the writers of both regions at 25 100 and on, until 30 000. The name leads there at 28 000.
 */
function moved(): Ledger {
  const ledger = new Ledger();
  for (const source of ["home", "recovery"]) ledger.add({ kind: "started", at: 0, source });
  for (let i = 1; i < 100; i++) ledger.add(write(i, i * 10, { source: "home", node: HOME, timeline: 5 }));
  ledger.add(write(100, 1000, { source: "home", node: HOME, result: "unknown", timeline: undefined }));
  ledger.add(probe(992, { source: "home", node: HOME, timeline: 5 }));
  ledger.add(probe(25_000, { source: "recovery", node: FAR, timeline: 5 }));
  for (let i = 1; i < 490; i++)
    ledger.add(write(i, 25_090 + i * 10, { source: "recovery", worker: 1000, node: FAR, timeline: 5 }));
  ledger.add(byName("a", 500));
  for (let i = 0; i < 10; i++) ledger.add(byName(`b${i}`, 28_000 + i * 190));
  ledger.add({ kind: "stopped", at: 30_000, source: "recovery" });
  return ledger;
}
const byName = (id: string, sent: number): RequestEvent => ({
  ...post(id, sent),
  source: "users",
  name: "app.example.com",
});

const FAULT = { title: "kill home", from: 1000, to: 1005 };
const MOVE: Move = {
  from: "home",
  to: "recovery",
  epoch: 2,
  claimedAt: 3000,
  fullAt: 29_000,
  lagSeconds: 0.5,
};
const EXPECT: Expectations = {
  lostRows: "within-lag",
  writeGapSeconds: 26,
  nameGapSeconds: 28,
  claimToWriteSeconds: 23,
};

function judged(
  change: { lost?: number[]; ledger?: Ledger; move?: Partial<Move>; expect?: Expectations } = {},
) {
  const { ledger = moved(), lost = [], move = {}, expect = EXPECT } = change;
  const moves = timesOf([{ ...MOVE, ...move }], ledger, [FAULT], regionOf);
  return judge(
    {
      ledger,
      rows: rowsOf(ledger).filter(({ worker, sequence }) => worker !== 0 || !lost.includes(sequence)),
      items: new Set(ledger.requests.map(({ id }) => id)),
      faults: [FAULT],
      proofs: [{ claim: "home is dead", held: true }],
      region: { regionOf, moves },
    },
    expect,
  );
}

describe("times of a move", () => {
  test("fault, claim, last acknowledgement, first probe, first write", () => {
    expect(timesOf([MOVE], moved(), [FAULT], regionOf)).toEqual([
      { ...MOVE, faultAt: 1000, fencedAt: 993, promotedAt: 25_001, firstWriteAt: 25_102 },
    ]);
  });

  test("each move ends where the next begins", () => {
    const ledger = moved();
    const back: Move = { from: "recovery", to: "home", epoch: 3, claimedAt: 40_000 };
    ledger.add(write(101, 41_000, { source: "home", node: HOME, timeline: 6 }));
    const faults = [FAULT, { ...FAULT, from: 39_000 }];
    expect(timesOf([MOVE, back], ledger, faults, regionOf)).toMatchObject([
      { faultAt: 1000, fencedAt: 993, firstWriteAt: 25_102 },
      { faultAt: 39_000, fencedAt: 29_982, promotedAt: 41_002, firstWriteAt: 41_002 },
    ]);
  });

  test("a move that never came about has no times", () => {
    const ledger = new Ledger();
    ledger.add(write(1, 10, { node: HOME }));
    const [move] = timesOf([MOVE], ledger, [], regionOf);
    expect(move).toMatchObject({
      fencedAt: 12,
      faultAt: undefined,
      promotedAt: undefined,
      firstWriteAt: undefined,
    });
  });
});

describe("an unplanned move", () => {
  test("passes when nothing is lost, and says what it measured", () => {
    const { outcome, reasons, measures } = judged();
    expect([outcome, reasons]).toEqual(["passed", []]);
    const value = (name: string) => measures.find((one) => one.name === name)?.value;
    expect(value("epoch 2: from the claim to the first write")).toBeCloseTo(22.102);
    expect(value("epoch 2: lag reported at promotion")).toBe(0.5);
    expect(value("longest write gap")).toBeCloseTo(24.11);
    expect(value("longest gap through the name")).toBeCloseTo(27.5);
  });

  test("may lose what was acknowledged within the lag that was reported", () => {
    // Answered at 952 to 992; the last acknowledgement came in at 993.
    const { outcome, measures } = judged({ lost: [95, 96, 97, 98, 99] });
    expect(outcome).toBe("passed");
    expect(measures).toContainEqual(expect.objectContaining({ name: "acknowledged rows lost", value: 5 }));
    const oldest = "oldest lost row, before the old region's last acknowledgement";
    expect(measures.find(({ name }) => name === oldest)?.value).toBeCloseTo(0.041);
  });

  test.each<[string, Parameters<typeof judged>[0], string]>([
    [
      "older than the lag",
      { lost: [40, 99] },
      "rows lost beyond the lag reported at promotion: 1, expected 0",
    ],
    [
      "while no lag was reported",
      { lost: [99], move: { lagSeconds: undefined } },
      "rows lost beyond the lag reported at promotion: 1, expected 0",
    ],
    ["where none may be", { lost: [99], expect: {} }, "acknowledged rows lost: 1, expected 0"],
  ])("fails when a row is lost %s", (_, change, reason) => {
    const { outcome, reasons } = judged(change);
    expect(outcome).toBe("failed");
    expect(reasons).toContain(reason);
  });

  test("fails when the region that was moved to has lost a row", () => {
    const ledger = moved();
    ledger.add(write(999, 26_000, { worker: 1001, source: "recovery", node: FAR, timeline: 5 }));
    const moves = timesOf([MOVE], ledger, [FAULT], regionOf);
    const rows = rowsOf(ledger).filter(({ worker }) => worker !== 1001);
    const { reasons } = judge(
      { ledger, rows, faults: [FAULT], proofs: [], region: { regionOf, moves } },
      EXPECT,
    );
    expect(reasons).toContain("rows lost beyond the lag reported at promotion: 1, expected 0");
  });

  test("fails when the old region acknowledges beside the new one, on an equal timeline", () => {
    const ledger = moved();
    ledger.add(probe(26_000, { source: "home", node: HOME, timeline: 5 }));
    const { outcome, reasons } = judged({ ledger });
    expect(outcome).toBe("failed");
    expect(reasons).toContain("two nodes acknowledging at once: 1, expected 0");
    expect(reasons.at(-1)).toContain("of home (timeline 5) still acknowledged 1.000 s after");
  });

  test.each<[Expectations, string]>([
    [{ nameGapSeconds: 20 }, "longest gap through the name: 27.5 s, expected ≤ 20 s"],
    [{ claimToWriteSeconds: 20 }, "epoch 2: from the claim to the first write: 22.1 s, expected ≤ 20 s"],
    [{ writeGapSeconds: 20 }, "longest write gap: 24.1 s, expected ≤ 20 s"],
  ])("fails beyond %j", (expect_, reason) => {
    expect(judged({ expect: expect_ }).reasons).toContain(reason);
  });

  test("an item that is lost must be as young as a row", () => {
    const ledger = moved();
    const check = (lost: string) => {
      const moves = timesOf([MOVE], ledger, [FAULT], regionOf);
      const items = new Set(ledger.requests.map(({ id }) => id).filter((id) => id !== lost));
      const rows = rowsOf(ledger);
      return judge({ ledger, rows, items, faults: [FAULT], proofs: [], region: { regionOf, moves } }, EXPECT)
        .reasons;
    };
    // Posted at 500 and at 28 000; what was acknowledged from 493 on may be lost, until 993.
    expect(check("a").join()).not.toContain("items lost beyond");
    expect(check("b0")).toContain("items lost beyond the lag reported at promotion: 1, expected 0");
  });
});

test.each([
  [1, 0, "recovery", 2],
  [1, 0, "home", 3],
  [3, 2, "recovery", 4],
  [3, 8, "home", 9],
  [0, 0, "recovery", 2],
] as const)("with %i and %i claimed, %s claims %i next", (home, recovery, region, epoch) => {
  expect(nextEpoch({ home, recovery }, region)).toBe(epoch);
});
