/**
 * Gauges for CloudWatch, as StatsD lines to the agent on this machine; their meaning: components/alarms/metrics.ts. Without an
 * agent they are lost, which is harmless: a gauge that isn't sent has no value.
 */
import { createSocket } from "node:dgram";
import { STATSD } from "../../layout.js";

export type Gauges = Readonly<Record<string, number | null>>;

/** A gauge can't be below 0: a sign would mean "more" or "less". */
export const linesOf = (values: Gauges): string =>
  Object.entries(values)
    .flatMap(([name, value]) => (value === null ? [] : [`${name}:${Math.max(0, value).toFixed(3)}|g`]))
    .join("\n");

/** `publish({ BackupFailed: 0 })`: leaves out null values. */
export async function publish(values: Gauges): Promise<void> {
  const lines = linesOf(values);
  if (!lines) return;
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.send(lines, STATSD.port, STATSD.address, () => resolve()));
  socket.close();
}
