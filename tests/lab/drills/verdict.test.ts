import { describe, expect, test } from "vitest";
import { brokenOff, judge, type Observations } from "../../../lab/drills/verdict.js";
import type { Ledger } from "../../../lab/workload/ledger.js";
import { FAULT, failover, NODE_1, NODE_2, post, probe, rowsOf, write } from "./ledgers.js";

const PROOF = { claim: "the leader changed", held: true };
const observed = (change: Partial<Observations> = {}, ledger: Ledger = failover()): Observations => ({
  ledger,
  rows: rowsOf(ledger),
  faults: [FAULT],
  proofs: [PROOF],
  ...change,
});
const EXPECT = { writeGapSeconds: 3 };

test("a good failover passes, and says what it measured", () => {
  const { outcome, reasons, measures } = judge(observed(), EXPECT);
  expect([outcome, reasons]).toEqual(["passed", []]);
  const value = (name: string) => measures.find((one) => one.name === name)?.value;
  expect(value("writes acknowledged")).toBe(298);
  expect(value("longest write gap")).toBeCloseTo(2.01, 5);
});

test("what was slow before the load ran well is not judged; a lost row is, whenever it was written", () => {
  const late = { judgedFrom: FAULT.to + 5000 };
  expect(judge(observed(late), { writeGapSeconds: 0.5 }).outcome).toBe("passed");
  expect(judge(observed({ ...late, rows: rowsOf(failover()).slice(1) }), {}).outcome).toBe("failed");
});

/** Each takes the good failover and spoils one thing. */
const SPOILED: [string, string, () => [Observations, object?]][] = [
  [
    "a lost row",
    "acknowledged rows lost: 1, expected 0",
    () => [observed({ rows: rowsOf(failover()).slice(1) })],
  ],
  [
    "a row twice",
    "rows duplicated: 1, expected 0",
    () => [observed({ rows: [...rowsOf(failover()), { worker: 0, sequence: 5 }] })],
  ],
  [
    "a row from nowhere",
    "rows that no client could have written: 1, expected 0",
    () => [observed({ rows: [...rowsOf(failover()), { worker: 9, sequence: 5 }] })],
  ],
  [
    "a gap too long",
    "longest write gap: 2.01 s, expected ≤ 1.5 s",
    () => [observed(), { writeGapSeconds: 1.5 }],
  ],
  [
    "an old leader's late probe",
    "two nodes acknowledging at once: 1, expected 0",
    () => {
      const ledger = failover();
      ledger.add(probe(4500, { node: NODE_1, timeline: 1 }));
      return [observed({}, ledger)];
    },
  ],
  [
    "an old leader's late write",
    "two nodes acknowledging at once: 1, expected 0",
    () => {
      const ledger = failover();
      ledger.add(write(900, 4500, { node: NODE_1, timeline: 1 }));
      return [observed({}, ledger)];
    },
  ],
  [
    "a confirmed item that is gone",
    "confirmed items lost: 1, expected 0",
    () => {
      const ledger = failover();
      ledger.add(post("a", 200));
      return [observed({ items: new Set() }, ledger)];
    },
  ],
  [
    "an HTTP error too many",
    "HTTP errors: 1, expected 0",
    () => {
      const ledger = failover();
      ledger.add(post("a", 200, 503));
      return [observed({}, ledger), { httpErrors: 0 }];
    },
  ],
  [
    "members that never came back",
    "all members healthy again: not measured, expected ≤ 30 s",
    () => [observed(), { rejoinSeconds: 30 }],
  ],
  [
    "a step that failed",
    "not within 30 s: a leader",
    () => [observed({ stepError: "not within 30 s: a leader" })],
  ],
  [
    "a control that found no loss",
    "acknowledged rows lost: 0, expected ≥ 1",
    () => [observed(), { lostRows: "some" }],
  ],
];

test.each(SPOILED)("%s fails", (_, reason, make) => {
  const [observations, expectations = EXPECT] = make();
  const { outcome, reasons } = judge(observations, expectations);
  expect(outcome).toBe("failed");
  expect(reasons[0]).toBe(reason);
});

test("a control passes when rows are lost", () => {
  expect(judge(observed({ rows: rowsOf(failover()).slice(3) }), { lostRows: "some" }).outcome).toBe("passed");
});

describe("inconclusive, which is no pass, when nothing shows that the fault was a test:", () => {
  test.each<[string, string, Partial<Observations>]>([
    [
      "no write in flight",
      "no write was in flight: kill node 1",
      { faults: [{ ...FAULT, from: 1500, to: 1505 }] },
    ],
    ["no proof", "nothing was offered as proof that the fault took effect", { proofs: [] }],
    [
      "a proof that didn't hold",
      "not so: the leader changed",
      { proofs: [PROOF, { ...PROOF, held: false }] },
    ],
    ["no fault", "no fault was marked", { faults: [] }],
  ])("%s", (_, reason, change) => {
    const verdict = judge(observed(change), EXPECT);
    expect([verdict.outcome, verdict.reasons]).toEqual(["inconclusive", [reason]]);
  });

  test("no probe was ever acknowledged", () => {
    const ledger = failover();
    ledger.probes.length = 0;
    ledger.add(probe(10, { node: NODE_2, result: "refused", timeline: undefined }));
    expect(judge(observed({}, ledger), EXPECT).outcome).toBe("inconclusive");
  });
});

describe("a service that was set back", () => {
  const EXPECTED = { lostRows: "set-back" } as const;
  const ledger = failover();
  const [first] = ledger.writes;
  /** The moment: two seconds after the first write; the close: the end of the fault's gap. */
  const setBack = { from: (first?.done ?? 0) + 1500, to: 3500 };
  const rows = (there: (sent: number, done: number) => boolean) =>
    rowsOf(ledger).filter(({ worker, sequence }) =>
      ledger.writes.some(
        (write) => write.worker === worker && write.sequence === sequence && there(write.sent, write.done),
      ),
    );
  const gone = rows((sent, done) => done <= setBack.from || sent > setBack.to);
  const outcome = (observations: Partial<Observations>) => judge(observed(observations, ledger), EXPECTED);

  test("may have lost what came between the moment and the close, and says how much", () => {
    const { outcome: result, measures, reasons } = outcome({ rows: gone, setBack });
    expect([result, reasons]).toEqual(["passed", []]);
    expect(measures.find(({ name }) => name === "acknowledged rows lost")?.value).toBeGreaterThan(0);
  });

  test("may not have lost what came before, or after", () => {
    expect(outcome({ rows: gone.slice(1), setBack }).outcome).toBe("failed");
    expect(outcome({ rows: gone.slice(0, -1), setBack }).outcome).toBe("failed");
  });

  test("may not have kept anything from between", () => {
    expect(outcome({ rows: rowsOf(ledger), setBack }).outcome).toBe("failed");
  });

  test("may have lost nothing where it never was", () => {
    expect(outcome({ rows: gone }).outcome).toBe("failed");
  });
});

describe("on a host that stalled", () => {
  const stalledSeconds = 93;
  test.each([
    ["a time", observed({ stalledSeconds }), { writeGapSeconds: 1.5 }],
    ["a step", observed({ stalledSeconds, stepError: "no leader within 60 s" }), EXPECT],
  ])("%s that missed its limit is not judged, and the reason is given first", (_, observations, expect_) => {
    const { outcome, reasons } = judge(observations, expect_);
    expect(outcome).toBe("unmeasured");
    expect(reasons[0]).toMatch(/^the host stalled for 93 s/);
    expect(reasons).toHaveLength(2);
  });

  test("a loss or a second leader fails as ever", () => {
    const lost = observed({ stalledSeconds, rows: rowsOf(failover()).slice(1) });
    expect(judge(lost, { writeGapSeconds: 1.5 }).outcome).toBe("failed");
    const ledger = failover();
    ledger.add(probe(4500, { node: NODE_1, timeline: 1 }));
    expect(judge(observed({ stalledSeconds }, ledger), EXPECT).outcome).toBe("failed");
  });

  test("what kept its limits all the same has passed", () =>
    expect(judge(observed({ stalledSeconds }), EXPECT).outcome).toBe("passed"));

  test("a drill that broke off is not judged either", () => {
    expect(brokenOff("no baseline", stalledSeconds).outcome).toBe("unmeasured");
    expect(brokenOff("no baseline", 0)).toMatchObject({ outcome: "failed", reasons: ["no baseline"] });
  });
});
