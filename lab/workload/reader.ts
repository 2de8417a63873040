/** Reads through HAProxy's replica port, and tells how new the newest row was that it saw. */
import { now } from "./clock.js";
import { type ReaderConfig, TABLES } from "./config.js";
import { paced, pause, RETRY_MILLIS } from "./pace.js";
import type { Surroundings } from "./part.js";
import type { Session } from "./session.js";
import { openSession } from "./writer.js";

export async function read(config: ReaderConfig, around: Surroundings): Promise<void> {
  await Promise.all(Array.from({ length: config.connections }, (_, worker) => work(worker, config, around)));
}

async function work(worker: number, config: ReaderConfig, around: Surroundings): Promise<void> {
  let session: Session | undefined;
  await paced(config.intervalMillis, around.stopping, async () => {
    if (session?.isOutdated(around.database)) {
      session.close();
      session = undefined;
    }
    session ??= await openSession("reader", worker, config, around);
    if (!session) return pause(RETRY_MILLIS);
    const sent = now();
    const { result, row, error } = await session.execute(
      `SELECT max(sent) FROM ${TABLES.writes}`,
      config.timeoutMillis,
    );
    const ok = result === "acknowledged";
    const newest = row?.[0];
    around.emit({
      kind: "read",
      worker,
      sent,
      done: now(),
      ok,
      node: session.node,
      newest: ok ? (newest ? Number(newest) : null) : undefined,
      error,
    });
    if (ok) return;
    session.close();
    session = undefined;
    await pause(RETRY_MILLIS);
  });
  session?.close();
}
