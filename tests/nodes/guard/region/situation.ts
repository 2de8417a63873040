/** What a guard knows in a moment: one that every rule lets through, from which a test takes one thing away. */
import type { Known, RegionConfig } from "../../../../nodes/guard/region/known.js";
import {
  initialRegionState,
  type LogEnd,
  NO_OVERRIDES,
  NO_STATUS,
  type Reading,
  type RegionState,
  type RegionView,
  type Role,
} from "../../../../nodes/guard/region/region-facts.js";

export const NOW = 100_000;
export const RULES = { leaseMillis: 15_000, marginMillis: 5_000, readMillis: 2_000, lagBudgetMillis: 60_000 };
export const CONFIG: RegionConfig = { node: "n1", address: "10.0.0.1", rules: RULES, startsAsStandby: false };
export const PRIMARY: Role = { kind: "primary" };
export const standby = (kind: "nobody" | "region" | "vault"): Role => ({ kind: "standby", source: { kind } });

export const reading = (more: Parts<Reading> = {}): Reading => ({
  startedAt: NOW - 100,
  endedAt: NOW - 50,
  own: 0,
  peer: 0,
  mine: NO_STATUS,
  theirs: NO_STATUS,
  overrides: NO_OVERRIDES,
  ...more,
});
export const view = (more: Parts<RegionView> = {}): RegionView => ({
  startedAt: NOW - 100,
  endedAt: NOW - 50,
  role: PRIMARY,
  configMod: "1",
  epoch: 2,
  epochMod: "1",
  term: "5",
  ...more,
});
export const log = (more: Parts<LogEnd> = {}): LogEnd => ({
  startedAt: NOW - 100,
  isPrimary: true,
  timeline: 4,
  mark: { epoch: 1, timeline: 4 },
  lsn: 1_000,
  ...more,
});

/** Parts that differ; what is undefined is not known. */
type Parts<T> = { readonly [K in keyof T]?: T[K] | undefined };
export interface Situation {
  readonly config?: Parts<RegionConfig>;
  readonly state?: Parts<RegionState>;
  readonly reading?: Parts<Reading> | undefined;
  readonly view?: Parts<RegionView>;
  readonly log?: Parts<LogEnd> | undefined;
  readonly role?: Role;
}

/** What is given on top wins, one level deep. */
export function knownOf(...situations: readonly Situation[]): Known & { readonly log: LogEnd } {
  const merged = <K extends keyof Situation>(part: K) =>
    Object.assign({}, ...situations.map((one) => one[part]));
  const role = situations.map((one) => one.role).findLast((one) => one !== undefined) ?? PRIMARY;
  const own = {
    reading: reading(merged("reading")),
    view: view({ role, ...merged("view") }),
    log: log(merged("log")),
  };
  const state: RegionState = {
    ...initialRegionState(),
    ...own,
    term: { term: "5", since: NOW - 5_000 },
    ...merged("state"),
  };
  return { config: { ...CONFIG, ...merged("config") }, state, ...own, role, now: NOW };
}
