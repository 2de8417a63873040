/**
 * Metrics for alarms and dashboards, as StatsD lines to the agent on this machine. Without an agent they are lost, which
 * is harmless: a gauge that isn't sent has no value, and each alarm defines what a missing value means.
 */
import { createSocket } from "node:dgram";
import { STATSD } from "../layout.js";
import type { Guard } from "./leader/guard.js";
import type { Region } from "./region/region.js";
import type { UnexpectedClaims } from "./region/unexpected-claims.js";
import { monotonic } from "./shared/clock.js";

/** As often as the agent collects. */
const EVERY_MILLIS = 10_000;

/** Gauges by their names in CloudWatch, without unknown ones. */
export function gauges(
  guard: Pick<Guard, "state" | "isActive">,
  region: Pick<Region, "state" | "waitsFor">,
  unexpected: Pick<UnexpectedClaims, "count">,
) {
  const now = monotonic();
  const { view } = guard.state;
  const { reading, permitUntil, view: role } = region.state;
  const leads = role?.term !== undefined;
  const values: Record<string, number> = {};
  if (view && now - view.endedAt < EVERY_MILLIS) values.LeaderSeen = view.leader ? 1 : 0;
  if (reading) values.ClaimReadAgeSeconds = (now - reading.startedAt) / 1000;
  if (unexpected.count !== undefined) values.UnexpectedClaims = unexpected.count;
  if (leads) {
    values.RegionActive = guard.isActive ? 1 : 0;
    if (role.role?.kind === "primary") values.RegionLeaseSecondsLeft = Math.max(0, permitUntil - now) / 1000;
    const { lagMillis } = region.waitsFor;
    // Only in the region that could take over. An unknown lag isn't 0: it isn't sent.
    if (role.role?.kind === "standby" && lagMillis !== undefined)
      values.CrossRegionLagSeconds = lagMillis / 1000;
  }
  return values;
}

/** @param failures failed reads of the claims since the last call, sent as a counter */
export const lines = (values: Readonly<Record<string, number>>, failures: number): string =>
  [
    ...Object.entries(values).map(([name, value]) => `${name}:${value.toFixed(3)}|g`),
    `ClaimReadFailures:${failures}|c`,
  ].join("\n");

/** Sends the metrics every ten seconds for as long as the process lives. */
export function publishMetrics(guard: Guard, region: Region, unexpected: UnexpectedClaims): void {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  let reported = 0;
  setInterval(() => {
    const { readFailures } = region;
    socket.send(
      lines(gauges(guard, region, unexpected), readFailures - reported),
      STATSD.port,
      STATSD.address,
      () => {},
    );
    reported = readFailures;
  }, EVERY_MILLIS).unref();
  socket.unref();
}
