/**
 * Writes to every node's own port, whatever HAProxy thinks of it: would this node acknowledge a write now?
 *
 * The probes commit locally, without waiting for a standby. That is harsher than what clients do: a deposed
 * leader whose standbys have left could never acknowledge a quorum commit, but its port must be shut too.
 */
import { now } from "./clock.js";
import { type ProberConfig, TABLES } from "./config.js";
import { paced } from "./pace.js";
import type { Surroundings } from "./part.js";
import { describe, type Outcome, Session } from "./session.js";
import { TIMELINE_SQL, timelineOf } from "./writer.js";

type Node = ProberConfig["nodes"][number];

export async function probe(config: ProberConfig, around: Surroundings): Promise<void> {
  await Promise.all(config.nodes.map((node) => watch(node, config, around)));
}

async function watch(node: Node, config: ProberConfig, around: Surroundings): Promise<void> {
  let session: Session | undefined;
  let sequence = 0;
  const insert = (on: Session) =>
    on.execute(
      `INSERT INTO ${TABLES.probes} (node, sequence) VALUES ('${node.address}', ${sequence}) RETURNING ${TIMELINE_SQL}`,
      config.timeoutMillis,
    );
  await paced(config.intervalMillis, around.stopping, async () => {
    if (session?.isOutdated(around.database)) {
      session.close();
      session = undefined;
    }
    try {
      session ??= await Session.open(
        around.database,
        node.address,
        node.port,
        "SET synchronous_commit = local",
      );
    } catch (error) {
      const at = now();
      around.emit({
        kind: "probe",
        node: node.address,
        sequence,
        sent: at,
        done: at,
        arrived: at,
        result: "refused",
        error: describe(error),
      });
      return;
    }
    sequence += 1;
    const sent = now();
    // Query the role before the write, or a replica's log would fill with refusals.
    const asked = await session.execute("SELECT pg_is_in_recovery()", config.timeoutMillis);
    const outcome: Outcome =
      asked.row?.[0] === "t"
        ? { result: "refused", error: "in recovery", usable: true }
        : asked.result !== "acknowledged"
          ? { ...asked, result: "refused" }
          : await insert(session);
    around.emit({
      kind: "probe",
      node: node.address,
      sequence,
      sent,
      done: now(),
      arrived: around.arrivals.earliest(sent),
      result: outcome.result,
      timeline: timelineOf(outcome.row?.[0]),
      error: outcome.error,
    });
    // A replica may be the leader a moment later: the session is kept for that.
    if (!outcome.usable) session = undefined;
  });
  session?.close();
}
