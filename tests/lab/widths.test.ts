/** What `dr` prints about the lab fits 80 columns. */
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addSandbox } from "../../cli/commands/sandbox.js";
import { renderClosing } from "../../lab/demo/closing.js";
import { ALL_DRILLS, isNightly } from "../../lab/drills/catalogue.js";
import { renderList } from "../../lab/drills/listing.js";
import type { DrillResult } from "../../lab/drills/report.js";
import type { MachineStatus } from "../../lab/twin/control.js";
import { renderStatus } from "../../lab/twin/listing.js";

const tooWide = (lines: readonly string[]) => lines.filter((line) => line.length > 80);

test("dr drill list has one line of 80 columns per drill, in the catalogue's order", () => {
  const lines = renderList(ALL_DRILLS.map((one) => ({ ...one, nightly: isNightly(one) }))).split("\n");
  expect(tooWide(lines)).toEqual([]);
  expect(lines.slice(0, -1).map((line) => line.split(/[ *]/)[0])).toEqual(ALL_DRILLS.map(({ name }) => name));
});

test("dr drill list cuts a long title at a word and marks nightly drills", () => {
  const [line] = renderList([{ name: "n", title: `${"word ".repeat(20)}end`, nightly: true }]).split("\n");
  expect(line).toBe(`n* ${"word ".repeat(15).trimEnd()}…`);
});

test("dr twin status fits, with the longest states and lags", () => {
  const machine: MachineStatus = {
    name: "recovery-read-replica-1",
    role: "read-replica",
    region: "recovery",
    address: "10.251.130.121",
    alive: true,
    databaseRole: "standby_leader",
    state: "streaming",
    timeline: 12,
    lag: 2 ** 40,
  };
  const lines = renderStatus([
    machine,
    { ...machine, databaseRole: "sync_standby", state: "in archive recovery", lag: "unknown" },
    { ...machine, databaseRole: undefined, role: "tomcat" },
    { ...machine, alive: false },
  ]).split("\n");
  expect(tooWide(lines)).toEqual([]);
  expect(lines[1]).toMatch(/standby_leader +streaming +12 +1024 GiB$/);
  expect(lines[3]).toMatch(/tomcat +alive$/);
  expect(lines[4]).toMatch(/dead$/);
});

test("dr sandbox --help fits 80 columns and 30 lines", () => {
  const dr = new Command("dr");
  addSandbox(dr);
  const help = dr.commands[0]?.helpInformation().trimEnd().split("\n") ?? [];
  expect(help.join("\n")).toContain("destroy [options] <stack>");
  expect(tooWide(help)).toEqual([]);
  expect(help.length).toBeLessThanOrEqual(30);
});

describe("the demo's closing", () => {
  const result = (name: string): DrillResult => ({
    ...{ name, title: "", runbook: "", hypothesis: "", startedAt: "", seconds: 123.4, repetition: 1 },
    ...{ outcome: "passed", reasons: [], steps: [], proofs: [], environment: {} },
    measures: [
      { name: "acknowledged rows lost", value: 1234, unit: "", ok: true },
      { name: "longest write gap", value: 123.4, unit: "s", ok: true },
    ],
  });
  const rest = { seconds: 754.9, reports: ".sandbox/drills/demo-2026-01-02T03-04-05-678Z" };

  test("says in ten lines of 80 columns what happened, what was lost, how long, and where the reports are", () => {
    const lines = renderClosing({
      ...rest,
      results: ["leader-node-dead", "region-dead-and-failback"].map(result),
    });
    expect(tooWide(lines)).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines[0]).toContain("12 min 34 s");
    expect(lines).toContain("  drill region-dead-and-failback: passed in 123 s");
    expect(lines).toContain("    acknowledged rows lost: 1234, longest write gap: 123.4 s");
    expect(lines).toContain(`Reports: ${rest.reports}`);
  });

  test("names the reason when no machine ran, and no reports", () => {
    const lines = renderClosing({ ...rest, results: [], notShown: "--no-machines was given" });
    expect(lines).toContain("No machine ran: --no-machines was given");
    expect(lines.join("\n")).not.toContain("Reports");
  });
});
