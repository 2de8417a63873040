/** A run of drills whose twins do not all come up, and one that is interrupted. No twin is started. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UserError } from "../../../common/errors.js";
import type { AnyDrill, Drill, RegionDrill } from "../../../lab/drills/drill.js";
import { rehearse } from "../../../lab/drills/rehearse.js";
import type { DrillResult } from "../../../lab/drills/report.js";
import { runDrills } from "../../../lab/drills/run.js";
import { openTwin, type RegionTwin } from "../../../lab/twin/open.js";
import { quiet } from "../../support/quiet.js";

vi.mock("../../../lab/twin/open.js");
vi.mock("../../../lab/drills/rehearse.js", { spy: true });
vi.mock("../../../lab/workload/bundle.js", () => ({ bundleWorkload: async () => "workload.mjs" }));

const drill = (name: string, volumeGib: number): Drill => ({
  name,
  title: `The ${name}`,
  runbook: "no-leader.md",
  hypothesis: "It holds.",
  settings: { database: { volumeGib } },
  expect: {},
  run: async () => {},
});
const DRILLS = [drill("first", 20), drill("second", 21)];

const passed = ({ name, title, runbook, hypothesis }: AnyDrill, repetition: number): DrillResult => ({
  ...{ name, title, runbook, hypothesis, repetition },
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 1,
  outcome: "passed",
  ...{ reasons: [], measures: [], steps: [], proofs: [], environment: {} },
});

let report: string;
const close = vi.fn(async () => {});
const running = { twin: { machines: [] }, close } as unknown as RegionTwin;
const run = (repeat = 1) => runDrills(DRILLS, { report, runbooks: "runbooks", progress: quiet(), repeat });
const summary = async () => JSON.parse(await readFile(join(report, "summary.json"), "utf8")) as DrillResult[];

beforeEach(async () => {
  report = await mkdtemp(join(tmpdir(), "dr-report-"));
  vi.mocked(rehearse).mockImplementation(async (one, { repetition }) => passed(one, repetition));
  vi.mocked(openTwin).mockReset().mockResolvedValue(running);
  close.mockClear();
});
afterEach(() => rm(report, { recursive: true, force: true }));

test("a drill whose twin does not come up has failed, and the next one is run", async () => {
  vi.mocked(openTwin).mockRejectedValueOnce(new Error("drs did not settle\nwithin 180 s"));
  const results = await run();
  expect(results.map(({ name, outcome }) => [name, outcome])).toEqual([
    ["first", "failed"],
    ["second", "passed"],
  ]);
  expect(results[0]?.reasons).toEqual(["its twin did not come up: drs did not settle within 180 s"]);
  expect(await summary()).toEqual(results);
  expect((await readdir(report)).toSorted()).toEqual(
    ["README.md", "first.json", "first.md", "second.json", "second.md", "summary.json"].toSorted(),
  );
});

test("what the user must fix ends the run, and what is known by then is written", async () => {
  vi.mocked(openTwin)
    .mockResolvedValueOnce(running)
    .mockRejectedValueOnce(new UserError("no root", "It needs it.", "sudo"));
  await expect(run()).rejects.toThrow("no root");
  expect((await summary()).map(({ name }) => name)).toEqual(["first"]);
});

test("a twin that fails to stop cleanly is reported, after the summary was written", async () => {
  close.mockRejectedValue(new Error("not populated 0"));
  vi.mocked(openTwin).mockResolvedValue(running);
  await expect(runDrills([DRILLS[0] as Drill], { report, runbooks: "", progress: quiet() })).rejects.toThrow(
    "not populated 0",
  );
  close.mockReset();
  expect(await summary()).toHaveLength(1);
});

describe("a drill on a host that stalled", () => {
  const unmeasured = async (one: AnyDrill, { repetition }: { repetition: number }): Promise<DrillResult> => ({
    ...passed(one, repetition),
    outcome: "unmeasured",
    reasons: ["the host stalled for 93 s"],
  });

  test("is played again on a new twin, and both reports stay", async () => {
    vi.mocked(rehearse).mockImplementationOnce(unmeasured);
    const results = await run();
    expect(results.map(({ name, outcome, replayed }) => [name, outcome, replayed])).toEqual([
      ["first", "passed", "the host stalled for 93 s"],
      ["second", "passed", undefined],
    ]);
    expect(openTwin).toHaveBeenCalledTimes(3);
    expect(await readdir(report)).toEqual(expect.arrayContaining(["first-unmeasured.json", "first.json"]));
  });

  test("is played twice at most, and has not passed then", async () => {
    vi.mocked(rehearse).mockImplementationOnce(unmeasured).mockImplementationOnce(unmeasured);
    expect((await run()).map(({ outcome }) => outcome)).toEqual(["unmeasured", "passed"]);
  });
});

describe("drills about two regions", () => {
  const moving = (name: string, change: Partial<RegionDrill> = {}): RegionDrill => ({
    ...{ name, title: `The ${name}`, runbook: "failback.md", hypothesis: "It moves.", expect: {} },
    kind: "region",
    run: async () => {},
    ...change,
  });
  const play = (...drills: AnyDrill[]) =>
    runDrills(drills, { report, runbooks: "runbooks", progress: quiet() });
  const opened = () => vi.mocked(openTwin).mock.calls.map(([{ regions }]) => regions);

  test("share a twin of both regions, and none with drills about one", async () => {
    await play(moving("there"), { ...drill("first", 20), settings: undefined }, moving("back"));
    expect(opened()).toEqual([["home", "recovery"], ["home"]]);
    expect(
      vi
        .mocked(rehearse)
        .mock.calls.map(([{ name }]) => name)
        .slice(-3),
    ).toEqual(["there", "back", "first"]);
  });

  test("one that leaves a single region is played last on its twin, and the next such one gets a new twin", async () => {
    await play(
      moving("lost", { leavesOneRegion: true }),
      moving("lost-too", { leavesOneRegion: true }),
      moving("back"),
    );
    const played = vi.mocked(rehearse).mock.calls.map(([{ name }]) => name);
    expect(played.slice(-3)).toEqual(["back", "lost", "lost-too"]);
    expect(opened()).toHaveLength(2);
    expect(close).toHaveBeenCalledTimes(2);
  });

  test("after one that did not pass, too", async () => {
    vi.mocked(rehearse).mockImplementationOnce(async (one) => ({ ...passed(one, 1), outcome: "failed" }));
    await play(moving("there"), moving("back"));
    expect(opened()).toHaveLength(2);
  });
});

test.each(["SIGINT", "SIGHUP"] as const)(
  "%s stops the twin and ends the process; no other is started",
  async (signal) => {
    const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
    const exited = vi.waitFor(() => expect(exit).toHaveBeenCalledWith(130));
    const asked = process.listenerCount(signal);
    vi.mocked(rehearse).mockImplementationOnce(async (one) => {
      expect(process.listenerCount(signal)).toBe(asked + 1);
      process.emit(signal, signal);
      return passed(one, 1);
    });
    void run();
    await exited;
    expect(close).toHaveBeenCalledTimes(1);
    expect(openTwin).toHaveBeenCalledTimes(1);
    exit.mockRestore();
  },
);
