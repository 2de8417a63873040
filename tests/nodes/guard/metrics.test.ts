import { expect, test } from "vitest";
import { initialState, NO_REGION_KEYS, type View } from "../../../nodes/guard/leader/leader-facts.js";
import { gauges, lines } from "../../../nodes/guard/metrics.js";
import { initialRegionState, NO_STATUS, type RegionView } from "../../../nodes/guard/region/region-facts.js";
import { monotonic } from "../../../nodes/guard/shared/clock.js";

const now = () => monotonic();
const view = (leader?: View["leader"]): View => ({
  startedAt: now(),
  endedAt: now(),
  leader,
  forgetMillis: 0,
  members: {},
  region: NO_REGION_KEYS,
});
const regionView = (role: RegionView["role"], term?: string): RegionView => ({
  startedAt: now(),
  endedAt: now(),
  role,
  configMod: "1",
  epoch: 1,
  epochMod: "1",
  term,
});
const reading = () => ({
  startedAt: now() - 3000,
  endedAt: now(),
  own: 1,
  peer: 0,
  mine: NO_STATUS,
  theirs: NO_STATUS,
  overrides: { fenced: 0, acceptDataLoss: 0 },
});
const NONE_READ = { count: undefined };
const key = { value: "a", create: "1", mod: "1", lease: "1" };

test("the active region's leader publishes its lease, the standby's its lag, and neither publishes unknown values", () => {
  const state = { ...initialState(0), view: view(key) };
  const waitsFor = { lagMillis: 2500, waitsFor: undefined };
  const active = {
    ...initialRegionState(),
    reading: reading(),
    permitUntil: now() + 9000,
    view: regionView({ kind: "primary" }, "1"),
  };
  const told = gauges({ state, isActive: true }, { state: active, waitsFor }, NONE_READ);
  expect(told).toMatchObject({ LeaderSeen: 1, RegionActive: 1 });
  expect(told.RegionLeaseSecondsLeft).toBeCloseTo(9, 0);
  expect(told.ClaimReadAgeSeconds).toBeCloseTo(3, 0);
  expect(told).not.toHaveProperty("CrossRegionLagSeconds");

  const standby = { ...active, view: regionView({ kind: "standby", source: { kind: "region" } }, "1") };
  expect(gauges({ state, isActive: false }, { state: standby, waitsFor }, NONE_READ)).toMatchObject({
    RegionActive: 0,
    CrossRegionLagSeconds: 2.5,
  });
  const unknown = { lagMillis: undefined, waitsFor: undefined };
  expect(
    gauges({ state, isActive: false }, { state: standby, waitsFor: unknown }, NONE_READ),
  ).not.toHaveProperty("CrossRegionLagSeconds");

  const follower = { ...initialRegionState(), view: regionView({ kind: "primary" }) };
  expect(
    gauges(
      { state: { ...state, view: view() }, isActive: false },
      { state: follower, waitsFor: unknown },
      NONE_READ,
    ),
  ).toEqual({
    LeaderSeen: 0,
  });
});

test("lines are gauges and one counter", () => {
  expect(lines({ LeaderSeen: 1, RegionLeaseSecondsLeft: 8.12345 }, 2)).toBe(
    "LeaderSeen:1.000|g\nRegionLeaseSecondsLeft:8.123|g\nClaimReadFailures:2|c",
  );
});

test("unexpected claims are published once the table was read", () => {
  const guard = { state: initialState(0), isActive: false };
  const region = { state: initialRegionState(), waitsFor: { lagMillis: undefined, waitsFor: undefined } };
  expect(gauges(guard, region, NONE_READ)).not.toHaveProperty("UnexpectedClaims");
  expect(gauges(guard, region, { count: 0 })).toHaveProperty("UnexpectedClaims", 0);
  expect(gauges(guard, region, { count: 2 })).toHaveProperty("UnexpectedClaims", 2);
});
