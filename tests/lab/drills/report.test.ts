import { expect, test } from "vitest";
import {
  type DrillResult,
  moveRecord,
  renderIndex,
  renderReport,
  renderSummary,
} from "../../../lab/drills/report.js";
import { judge } from "../../../lab/drills/verdict.js";
import { FAULT, failover, rowsOf } from "./ledgers.js";

const ledger = failover();
const common = {
  title: "The leader's PostgreSQL is killed",
  runbook: "no-leader.md",
  hypothesis: "A synchronous replica takes over; nothing is lost.",
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 31.4,
  repetition: 1,
  environment: { machine: "2 × CPU, 8 GiB, Linux 6.1", nodes: "3 voters" },
  steps: [
    { kind: "fault", title: "kill -9 the postmaster of n1", from: 0, to: 0.021 },
    { kind: "step", title: "Detect: another node leads", from: 0.022, to: 2.013 },
  ],
  proofs: [{ claim: "the leader changed from n1 to n2", held: true }],
} as const;
const passed: DrillResult = {
  ...common,
  name: "leader-process-killed",
  ...judge(
    { ledger, rows: rowsOf(ledger), faults: [FAULT], proofs: [...common.proofs], rejoinSeconds: 12.34 },
    { writeGapSeconds: 3, rejoinSeconds: 60 },
  ),
};
const failed: DrillResult = {
  ...common,
  name: "leader-partitioned-from-everyone-but-one-more",
  title: "The leader is cut off",
  repetition: 2,
  steps: [...common.steps, { ...common.steps[1], title: "Recover", error: "not within 90 s: a | b" }],
  proofs: [{ claim: "sessions broke", held: false }],
  logs: "leader-partitioned-logs",
  ...judge(
    {
      ledger,
      rows: rowsOf(ledger).slice(2),
      faults: [FAULT],
      proofs: [],
      stepError: "not within 90 s: a whole cluster: n1 is no member; n3 is on timeline 1, not 2",
    },
    { writeGapSeconds: 1 },
  ),
};

/** Home dies, and comes back long after recovery has opened. */
const moved: DrillResult = {
  ...passed,
  name: "home-dies",
  title: "The home region dies",
  moves: [
    moveRecord(
      {
        ...{ from: "home", to: "recovery", epoch: 2, claimedAt: 13_000, faultAt: 3000, fencedAt: 3004 },
        ...{ promotedAt: 34_210, firstWriteAt: 34_455, fullAt: 36_000, lagSeconds: 1.234 },
        reason: "its lease has run out; at most the last 1.2 s of its writes are missing",
      },
      3000,
    ),
    moveRecord({ from: "recovery", to: "home", epoch: 3, claimedAt: 90_000 }, 3000),
  ],
};

test.each([
  ["passed.md", () => renderReport(passed, "../../runbooks")],
  ["failed.md", () => renderReport(failed, "../../runbooks")],
  ["moved.md", () => renderReport(moved, "../../runbooks")],
  ["index.md", () => renderIndex([passed, failed])],
  ["summary.txt", () => `${renderSummary([passed, failed])}\n`],
])("%s is as its golden copy", async (file, render) => {
  await expect(render()).toMatchFileSnapshot(`../../golden/drills/${file}`);
});

test("the summary fits 80 columns", () => {
  for (const line of renderSummary([passed, failed]).split("\n"))
    expect([...line].length).toBeLessThanOrEqual(80);
});
