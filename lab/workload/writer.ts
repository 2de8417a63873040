/** Inserts rows through HAProxy, each with an id that it never uses again, and tells what became of each. */
import { now } from "./clock.js";
import { TABLES, type WriterConfig } from "./config.js";
import { paced, pause, RETRY_MILLIS } from "./pace.js";
import type { Surroundings } from "./part.js";
import { describe, Session } from "./session.js";

/** The timeline that the server writes on, as hexadecimal digits: of the commit itself, not of a later look. */
export const TIMELINE_SQL = "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";

export const timelineOf = (text: string | null | undefined): number | undefined =>
  text ? Number.parseInt(text, 16) : undefined;

export async function write(config: WriterConfig, around: Surroundings): Promise<void> {
  const { connections, firstWorker = 0 } = config;
  await Promise.all(Array.from({ length: connections }, (_, i) => work(firstWorker + i, config, around)));
}

async function work(worker: number, config: WriterConfig, around: Surroundings): Promise<void> {
  let session: Session | undefined;
  let sequence = 0;
  await paced(config.intervalMillis, around.stopping, async () => {
    if (session?.isOutdated(around.database)) {
      session.close();
      session = undefined;
    }
    session ??= await openSession("writer", worker, config, around);
    if (!session) return pause(RETRY_MILLIS);
    sequence += 1;
    const sent = now();
    const outcome = await session.execute(
      `INSERT INTO ${TABLES.writes} (worker, sequence, sent) VALUES (${worker}, ${sequence}, ${sent}) RETURNING ${TIMELINE_SQL}`,
      config.timeoutMillis,
    );
    const done = now();
    around.emit({
      kind: "write",
      worker,
      sequence,
      sent,
      done,
      arrived: around.arrivals.earliest(sent),
      result: outcome.result,
      node: session.node,
      timeline: timelineOf(outcome.row?.[0]),
      error: outcome.error,
    });
    if (outcome.result === "acknowledged") return;
    // Also after a refusal: a read-only server is not the leader, and HAProxy may know a better one by now.
    session.close();
    session = undefined;
    await pause(RETRY_MILLIS);
  });
  session?.close();
}

export async function openSession(
  of: "writer" | "reader",
  worker: number,
  { host, port }: Pick<WriterConfig, "host" | "port">,
  { database, emit }: Surroundings,
): Promise<Session | undefined> {
  const sent = now();
  try {
    const session = await Session.open(database, host, port);
    emit({ kind: "session", of, worker, sent, done: now(), ok: true, node: session.node });
    return session;
  } catch (error) {
    emit({ kind: "session", of, worker, sent, done: now(), ok: false, error: describe(error) });
    return undefined;
  }
}
