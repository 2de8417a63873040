/**
 * How long writes may stay away, at worst, when a region loses its leader: from the fault to the first
 * acknowledged write through HAProxy, computed from the settings in `failover`. Pure; the objectives' check and
 * the drills use it. "Measured" below means: on the twin, two cores, all six nodes.
 */
import type { SharedSettings } from "./schema.js";

export type FailoverSettings = SharedSettings["failover"];

/** What takes the leader away. */
export type FailoverEvent =
  /** PostgreSQL crashes; the node, its Patroni and its guard live. */
  | "processCrash"
  /** The node is dead, hangs, or is cut off. Its etcd may be the one that leads. */
  | "nodeLoss";

export interface FailoverPart {
  readonly what: string;
  readonly seconds: number;
}

export interface FailoverTime {
  readonly event: FailoverEvent;
  /** One after the other. */
  readonly parts: readonly FailoverPart[];
  /** Until HAProxy has dropped the old leader; runs beside the parts. */
  readonly detectionSeconds: number;
  /** The longer of the two. */
  readonly seconds: number;
}

/** How often a guard renews, and how long one renewal may take. The slowest that succeeded, measured: 300 ms. */
export const GUARD_RENEW_MILLIS = 250;
export const GUARD_TIMEOUT_MILLIS = 300;
/** The last heartbeat is seen late, and so is that it has grown old. Source: `pace` in nodes/guard. */
const GUARD_READ_MILLIS = (0.8 + 0.4) * GUARD_RENEW_MILLIS;
/** Clock drift and kernel timers. Source: `waitMillis` in nodes/guard/leader/succession.ts: lease × 1.01 + 0.2 s. */
const takeOverWaitMillis = (leaseMillis: number) => leaseMillis * 1.01 + 200;
/** A guard that couldn't read for a while lets the leader renew before its silence means anything. */
const PATIENCE_MILLIS = 2 * GUARD_RENEW_MILLIS + GUARD_TIMEOUT_MILLIS;
/** Marker in the leader key where the old leader's Patroni still answers (cut off from etcd only). */
const MARKER_MILLIS = 600;

/** `pg_ctl promote` to the first commit. Measured: 0.2 to 0.4 s; end of recovery with much WAL takes longer. */
const PROMOTION_MILLIS = 1000;
/** Patroni ends what is left of a crashed PostgreSQL and gives the key away. Measured: up to 1 s. */
const CLEANUP_MILLIS = 1000;
/** A candidate asks the old leader, and waits this long for its answer; the guard makes that fail at once. */
const PEER_REQUEST_MILLIS = 2000;
/** etcd looks for leases that have run out twice a second. Source: etcd, lease/lessor.go. */
const LEASE_EXPIRY_MILLIS = 500;
/** A healthy node answers a check within this. */
const CHECK_ANSWER_MILLIS = 200;
/** HAProxy's `timeout check`: how long a node may take to answer, once connected. */
export const CHECK_TIMEOUT_MILLIS = 1000;

/** At worst; longer than this only when a second thing fails at the same time. */
export function worstCaseFailoverSeconds(failover: FailoverSettings): Record<FailoverEvent, FailoverTime> {
  return {
    processCrash: time("processCrash", processCrash(failover), failover),
    nodeLoss: time("nodeLoss", nodeLoss(failover), failover),
  };
}

/** Longest time without a leader of etcd: time-outs are drawn from one to two election time-outs. */
export const etcdElectionMillis = ({ etcdElectionMillis: millis }: FailoverSettings): number => 2 * millis;

function processCrash(failover: FailoverSettings): Parts {
  return [
    ["Patroni's next cycle sees it", failover.loopWaitSeconds * 1000],
    // 0: another node takes over at once, without waiting for a crash recovery.
    ["the crashed leader may come back", failover.primaryStartTimeoutSeconds * 1000],
    ["the old leader is cleaned up and gives the key away", CLEANUP_MILLIS],
    ...promotionParts(failover),
  ];
}

function nodeLoss(failover: FailoverSettings): Parts {
  const election = etcdElectionMillis(failover);
  if (!failover.leaderLease) {
    return [
      // etcd extends every lease when its own leader changes, and the dead node is often that leader.
      ["etcd elects a leader, if the node was that too", election],
      ["the leader key runs out (ttl)", failover.ttlSeconds * 1000 + LEASE_EXPIRY_MILLIS],
      ["candidates wait for the old leader's answer", PEER_REQUEST_MILLIS],
      ...promotionParts(failover),
    ];
  }
  const noticed = GUARD_READ_MILLIS + takeOverWaitMillis(failover.leaderLeaseSeconds * 1000);
  // Both run at the same time: a node that waits for the lease waits for etcd too.
  const etcdBack = election + GUARD_TIMEOUT_MILLIS + PATIENCE_MILLIS;
  return [
    ["the old leader is silent for certain (leader lease)", noticed],
    ["etcd elects a leader, if the node was that too", Math.max(0, etcdBack - noticed)],
    // The endpoint asked first may be the dead one.
    ["another guard takes the key away", 2 * GUARD_TIMEOUT_MILLIS],
    ["a Patroni that is still alive is kept from the key", MARKER_MILLIS],
    ...promotionParts(failover),
  ];
}

/** From a free leader key to the first write. */
export const promotionParts = (failover: FailoverSettings): Parts => [
  ["Patroni elects", failover.loopWaitSeconds * 1000],
  ["PostgreSQL is promoted", PROMOTION_MILLIS],
  ["HAProxy finds the new leader", failover.checkIntervalMillis + CHECK_ANSWER_MILLIS],
];

/**
 * Until HAProxy drops a node that has just been checked and then dies: an interval, and each failed check at its
 * slowest. A connection gets one interval, then an answer the check's time-out.
 */
export function detectionSeconds(failover: FailoverSettings): number {
  const { checkIntervalMillis: inter, fastCheckIntervalMillis: fast, checkFall: fall } = failover;
  return (inter + fall * (inter + CHECK_TIMEOUT_MILLIS) + (fall - 1) * fast) / 1000;
}

type Parts = readonly (readonly [what: string, millis: number])[];

function time(event: FailoverEvent, parts: Parts, failover: FailoverSettings): FailoverTime {
  const sum = parts.reduce((total, [, millis]) => total + millis, 0) / 1000;
  const detection = detectionSeconds(failover);
  return {
    event,
    parts: parts
      .filter(([, millis]) => millis > 0)
      .map(([what, millis]) => ({ what, seconds: millis / 1000 })),
    detectionSeconds: detection,
    seconds: Math.max(sum, detection),
  };
}
