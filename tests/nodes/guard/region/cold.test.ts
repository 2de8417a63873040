/** A region that begins from the copy of the other region's vault: what its own log proves, and when it may open. */
import { beforeEach, describe, expect, test } from "vitest";
import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { lagMillis } from "../../../../nodes/guard/region/lag.js";
import { decideRegion, explain } from "../../../../nodes/guard/region/region-decision.js";
import {
  initialRegionState,
  type LogEnd,
  NO_OVERRIDES,
  NO_STATUS,
  type Reading,
  type RegionAction,
  type RegionState,
  type Replay,
  type Role,
} from "../../../../nodes/guard/region/region-facts.js";
import { RULES } from "./sim/regions.js";

const CONFIG: RegionConfig = { node: "far-1", address: "10.20.0.1", rules: RULES, startsAsStandby: true };
const MARK = { epoch: 1, timeline: 1 };
/** What the other region's leader published last, by its clock. */
const LAST = 1_000_000;
const SILENT = 2 * RULES.leaseMillis * 1.01;

const reading = (at: number, overrides = NO_OVERRIDES): Reading => ({
  startedAt: at,
  endedAt: at,
  own: 2,
  peer: 1,
  mine: NO_STATUS,
  theirs: {
    sequence: 9,
    opened: 1,
    position: { wallMillis: LAST, node: "near-1", mark: MARK, lsn: 900 },
  },
  overrides,
});
const standby = (kind: "vault" | "region" | "nobody"): Role => ({ kind: "standby", source: { kind } });
const log = (startedAt: number, lsn: number, replay: Partial<Replay> = {}): LogEnd => ({
  startedAt,
  isPrimary: false,
  mark: MARK,
  lsn,
  replay: { isStreaming: false, usesArchive: true, isWaiting: true, ...replay },
});

let state: RegionState;
let source: "vault" | "region" | "nobody";
let overrides = NO_OVERRIDES;
beforeEach(() => {
  state = initialRegionState();
  source = "vault";
  overrides = NO_OVERRIDES;
});

/** One look at everything, at this time. */
function look(at: number, lsn: number, replay: Partial<Replay> = {}): readonly RegionAction[] {
  const view = {
    ...{
      startedAt: at,
      endedAt: at,
      role: standby(source),
      configMod: "1",
      epoch: 2,
      epochMod: "1",
      term: "5",
    },
  };
  const step = (event: Parameters<typeof decideRegion>[2]) => {
    const result = decideRegion(CONFIG, state, event, at);
    state = result.state;
    return result.actions;
  };
  step({ kind: "reading", reading: reading(at, overrides) });
  step({ kind: "view", view });
  return step({ kind: "log", log: log(at, lsn, replay) });
}
const roles = (actions: readonly RegionAction[]) =>
  actions.flatMap((action) => (action.kind === "change-role" ? [action.role] : []));
const waitsFor = (at: number) => explain(CONFIG, state, at).waitsFor;

describe("the lag", () => {
  const lag = (end: LogEnd) => lagMillis(RULES, reading(0), end, initialRegionState(), 100_000);

  test("follows from the newest replayed commit, minus the difference between clocks", () => {
    expect(lag(log(0, 500, { wallMillis: LAST - 10_000 }))).toBe(10_000 + 1_000 + SILENT);
    expect(lag(log(0, 500, { wallMillis: LAST + 10_000 }))).toBe(SILENT);
  });

  test("is not, where no commit was replayed, or another leader has published since", () => {
    expect(lag(log(0, 500))).toBe(Number.POSITIVE_INFINITY);
    const older = { ...log(0, 500, { wallMillis: LAST }), mark: { epoch: 1, timeline: 0 } };
    expect(lag(older)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a region that begins from the vault", () => {
  const recent = { wallMillis: LAST - 5_000 };

  test("does not open in the middle of the archive, whatever the clock says", () => {
    look(0, 100, { ...recent, isWaiting: false });
    expect(roles(look(60_000, 200, { ...recent, isWaiting: false }))).toEqual([]);
    expect(waitsFor(60_000)).toMatch(/still replaying/);
  });

  test("at its end it first stops looking there, then it is promoted", () => {
    look(0, 100, recent);
    expect(roles(look(19_000, 100, recent))).toEqual([]);
    expect(roles(look(21_000, 100, recent))).toEqual([standby("nobody")]);
    source = "nobody";
    expect(roles(look(21_500, 100, recent))).toEqual([]);
    expect(roles(look(22_000, 100, { ...recent, usesArchive: false }))).toEqual([{ kind: "primary" }]);
  });

  test("stays at rest while it looks for more, and counts again after more has arrived", () => {
    look(0, 100, recent);
    look(18_000, 200, recent);
    expect(roles(look(22_000, 200, { ...recent, isWaiting: false }))).toEqual([]);
    expect(roles(look(23_500, 200, recent))).toEqual([standby("nobody")]);
  });

  test("waits above the budget, until loss is accepted", () => {
    const old = { wallMillis: LAST - 300_000 };
    look(0, 100, old);
    expect(roles(look(60_000, 100, old))).toEqual([]);
    expect(waitsFor(60_000)).toMatch(/lag is 331 s/);
    overrides = { fenced: 0, acceptDataLoss: 2 };
    expect(roles(look(61_000, 100, old))).toEqual([standby("nobody")]);
    source = "nobody";
    const [, change] = look(62_000, 100, { ...old, usesArchive: false });
    expect(change).toMatchObject({ role: { kind: "primary" }, opening: { epoch: 2, lagMillis: 331_300 } });
  });
});

describe("a region that was left behind", () => {
  const old = { wallMillis: LAST - 300_000, usesArchive: false };
  beforeEach(() => {
    source = "region";
  });

  test("fetches from the vault what no node gives, even where loss is accepted", () => {
    overrides = { fenced: 0, acceptDataLoss: 2 };
    look(0, 100, old);
    expect(roles(look(19_000, 100, old))).toEqual([]);
    expect(roles(look(21_000, 100, old))).toEqual([standby("vault")]);
  });

  test("does not within the budget, nor while it is sent the log", () => {
    look(0, 100, old);
    expect(roles(look(21_000, 100, { ...old, isStreaming: true }))).toEqual([]);
    expect(roles(look(21_500, 100, { ...old, wallMillis: LAST }))).toEqual([{ kind: "primary" }]);
  });
});
