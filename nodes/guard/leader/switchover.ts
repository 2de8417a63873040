/**
 * Planned switchover: the leader's guard closes the port, waits until the candidate has every write, and gives the
 * leader key to the candidate's Patroni. Clients wait for a fraction of a second. On any failure the port reopens.
 */
import { monotonic, sleep } from "../shared/clock.js";
import { log } from "../shared/log.js";
import { Psql } from "../shared/postgres.js";
import type { Guard } from "./guard.js";
import type { Key, View } from "./leader-facts.js";
import { handover, keysOf } from "./leader-keys.js";
import type { Patroni } from "./patroni.js";

/** The other guards count the silence: the switchover must end well before they would take over. */
const FLUSH_MILLIS = 800;
const CHECKPOINT_MILLIS = 120_000;
/** Bytes that a candidate may lack before the port closes: they arrive during the wait. */
const MAX_LAG = 16 * 1024 * 1024;

export interface Switchover {
  readonly from: string;
  readonly to: string;
  /** From closing the port to handing over the key, without the new leader's promotion. */
  readonly closedMillis: number;
}

/** A standby as the leader's pg_stat_replication shows it. */
export interface Standby {
  readonly name: string;
  readonly state: string;
  readonly flushed: number;
}

interface Candidate {
  readonly name: string;
  /** The session of its Patroni, an etcd lease. */
  readonly session: string;
}

/**
 * @param requested the node that should lead. Default: the standby that has flushed most.
 * @throws Error with the reason when the leader didn't change: the port opens again with the next renewal. If etcd
 * stopped answering in the middle, the switchover may still have succeeded; etcd then refuses that renewal.
 */
export async function switchover(
  guard: Guard,
  patroni: Patroni,
  requested?: string,
  openPsql: () => Psql = () => new Psql(),
): Promise<Switchover> {
  const { config } = guard;
  if (!config.leaderLease.enabled) throw new Error("the leader lease is off. Use Patroni's own switchover");
  if (!guard.isActive) throw new Error(`${config.node} is not the leader`);
  const sql = openPsql();
  let closedAt: number | undefined;
  try {
    const candidate = chooseCandidate(await guard.read(), await standbys(sql), requested);
    const address = config.members.find(({ name }) => name === candidate.name)?.address;
    if (!address || !(await patroni.isAlive(address, 500))) {
      throw new Error(`Patroni on ${candidate.name} does not answer`);
    }
    // So that the promotion has little left to write. Clients continue to write meanwhile.
    await sql.query("CHECKPOINT", CHECKPOINT_MILLIS);
    if (!guard.isActive) throw new Error(`${config.node} lost the leadership during the checkpoint`);

    closedAt = monotonic();
    await guard.suspend();
    // First of all: from here on this node's keys must not change. If another node has taken over (our renewals may
    // have failed for a while), its key must not be handed on.
    const held = await guard.read();
    if (!holds(held, config.node)) throw new Error(`${config.node} has lost the leadership`);
    // Every write acknowledged so far, at any setting of synchronous_commit, precedes this record. A position read
    // before the port was closed would miss writes acknowledged in between.
    const rows = await sql.query(
      "SET synchronous_commit TO local; SELECT pg_logical_emit_message(true, 'dr', 'switchover');" +
        " SELECT 'at', pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')",
      FLUSH_MILLIS,
    );
    const position = Number(rows.find(([name]) => name === "at")?.[1]);
    await flushed(sql, candidate.name, position, closedAt + FLUSH_MILLIS);
    await handOver(guard, held, candidate);
    const closedMillis = Math.round(monotonic() - closedAt);
    log("switched-over", { to: candidate.name, position, closedMillis });
    return { from: config.node, to: candidate.name, closedMillis };
  } catch (error) {
    log("switchover-failed", { error: String(error) });
    throw error;
  } finally {
    // Reopens with a renewal, which etcd refuses if the key was handed over after all.
    if (closedAt !== undefined) guard.resume();
    sql.close();
  }
}

const holds = ({ leader, heartbeat }: View, node: string): boolean =>
  leader?.value === node && heartbeat?.beat.node === node && heartbeat.beat.state === "held";

async function handOver(guard: Guard, held: View, to: Candidate): Promise<void> {
  let succeeded: boolean;
  try {
    ({ succeeded } = await guard.transact(handover(keysOf(guard.config), held, to)));
  } catch (error) {
    // Perhaps only the answer was lost.
    const { leader } = await guard.read();
    succeeded = leader?.value === to.name && leader.lease === to.session;
    if (!succeeded) throw error;
  }
  if (!succeeded) throw new Error("the keys changed while the candidate caught up");
}

async function standbys(sql: Psql): Promise<Standby[]> {
  const rows = await sql.query(
    "SELECT application_name, state, coalesce(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn), 1e15) FROM pg_stat_replication",
  );
  return rows.map(([name = "", state = "", lag = ""]) => ({ name, state, flushed: -Number(lag) }));
}

async function flushed(sql: Psql, name: string, position: number, deadline: number): Promise<void> {
  const quoted = name.replaceAll("'", "''");
  const question = `SELECT coalesce(max(pg_wal_lsn_diff(flush_lsn, '0/0')), 0) FROM pg_stat_replication WHERE application_name = '${quoted}' AND state = 'streaming'`;
  for (;;) {
    const left = deadline - monotonic();
    if (left <= 0) throw new Error(`${name} has not flushed all writes within ${FLUSH_MILLIS} ms`);
    const [row] = await sql.query(question, left);
    if (Number(row?.[0]) >= position) return;
    await sleep(5);
  }
}

/** The synchronous standby that is nearest to the leader's position, streams and may lead. */
export function chooseCandidate(view: View, replication: readonly Standby[], requested?: string): Candidate {
  const sync = voters(view.sync);
  const reasons: string[] = [];
  const fit = replication
    .filter(({ name }) => requested === undefined || name === requested)
    .filter(({ name, state, flushed: position }) => {
      const reason = unfit(name, state, -position, sync, view.members[name]);
      if (reason) reasons.push(`${name} ${reason}`);
      return !reason;
    })
    .toSorted((a, b) => b.flushed - a.flushed);
  const [best] = fit;
  const member = best && view.members[best.name];
  if (!best || !member) {
    if (reasons.length === 0)
      reasons.push(
        requested ? `${requested} does not replicate from this node` : "no standby replicates from this node",
      );
    throw new Error(`no standby can take over: ${reasons.join("; ")}`);
  }
  return { name: best.name, session: member.lease };
}

function unfit(name: string, state: string, lag: number, sync: readonly string[] | undefined, member?: Key) {
  if (state !== "streaming") return `is in state ${state}`;
  if (!member || member.lease === "0") return "is not a member of the cluster";
  const { tags } = JSON.parse(member.value) as { tags?: { nofailover?: boolean } };
  if (tags?.nofailover) return "is tagged nofailover";
  if (sync && !sync.includes(name)) return "is not synchronous";
  if (lag > MAX_LAG) return `is ${lag} bytes behind`;
  return undefined;
}

/** Names in Patroni's sync key; undefined when the cluster is not synchronous. */
function voters(sync: Key | undefined): string[] | undefined {
  const { leader, sync_standby } = JSON.parse(sync?.value || "{}") as {
    leader?: string;
    sync_standby?: string;
  };
  return leader ? (sync_standby ?? "").split(",").filter(Boolean) : undefined;
}
