/** What a guard observes and remembers. Times are milliseconds of this node's monotonic clock. */
import type { Extent, Opening } from "../region/region-facts.js";

/** A key in etcd. Revisions and leases are decimal strings, compared for equality only. */
export interface Key {
  readonly value: string;
  readonly create: string;
  readonly mod: string;
  /** "0" without one. */
  readonly lease: string;
}

/**
 * - `held`: the node may be serving clients; no other node may begin before its lease has certainly run out.
 * - `closed`: the node has closed its port and confessed it.
 * - `taken`: another guard waited until the node's kernel had silenced it, and deleted its leader key.
 * - `off`: the node leads by Patroni's key alone (`leaderLease.enabled` is false); no guard may take over from it.
 */
export type BeatState = "held" | "closed" | "taken" | "off";

/** The heartbeat: one key per cluster, rewritten by the leader's guard with each renewal. */
export interface Beat {
  readonly node: string;
  readonly state: BeatState;
  /** Create revision of the leader key for which the node writes this heartbeat. */
  readonly term: string;
  /** Newest timeline on which clients may have been served; a term on an older one is refused. */
  readonly timeline: number;
  /** PostgreSQL's system identifier (Patroni's `initialize` key): timelines of another cluster don't count. */
  readonly system: string;
  /** Patroni session (etcd lease) to revoke once the state is `taken`. */
  readonly session?: string;
}

/** One linearizable read of the cluster's keys, or their state after a transaction. */
export interface View {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly leader?: Key;
  /** Whole seconds left on the leader key's etcd lease; read only when the guard's leader lease is off. */
  readonly leaderTtlSeconds?: number;
  readonly heartbeat?: { readonly beat: Beat; readonly mod: string };
  readonly sync?: Key;
  /** The cluster's system identifier; empty while a first node creates the cluster. */
  readonly initialize?: string;
  readonly initializeMod?: string;
  /** How long to keep a Patroni from etcd until it has dropped its old view. */
  readonly forgetMillis: number;
  /** Patroni's member keys: name → key. */
  readonly members: Readonly<Record<string, Key>>;
  /** Keys that decide the region's role. */
  readonly region: RegionKeys;
}

/** Values from etcd, and the revisions of those that transactions compare. "0": there is no such key. */
export interface RegionKeys {
  /** Patroni's dynamic configuration, JSON. */
  readonly config?: string;
  readonly configMod: string;
  readonly epoch: number;
  readonly epochMod: string;
  readonly extent?: Extent;
  readonly opening?: Opening;
}

/** What Patroni reports about PostgreSQL on this node. */
export interface Local {
  readonly startedAt: number;
  readonly role: "primary" | "standby_leader" | "replica";
  readonly timeline: number | undefined;
  /** The timelines before this one in its history; undefined while unknown. Only for a primary. */
  readonly ancestors: readonly number[] | undefined;
  /** Patroni believes that it holds the leader key. */
  readonly holdsLock: boolean;
}

/** What this node's region allows: `nodes/guard/region` decides it. */
export interface Gate {
  /** Until when the region allows writes on this node. */
  readonly writesUntil: number;
  /** Until when a replica's port may be open. */
  readonly replicaUntil: number;
  /** Clients may reach a standby region's leader: not during the region's promotion. */
  readonly standbyLeaderMayServe: boolean;
  readonly patroniMayRun: boolean;
  /** The region is a standby or becoming one: its leader may take long to stop and to start again. */
  readonly isStandby: boolean;
  /** This node stops Patroni to save writes that only it has: another node is to lead. */
  readonly standsAside: boolean;
}

/** For a cluster without another region. */
export const OPEN_GATE: Gate = {
  writesUntil: Number.POSITIVE_INFINITY,
  replicaUntil: Number.POSITIVE_INFINITY,
  standbyLeaderMayServe: true,
  patroniMayRun: true,
  isStandby: false,
  standsAside: false,
};

export const NO_REGION_KEYS: RegionKeys = { configMod: "0", epoch: 0, epochMod: "0" };

export type Event =
  | { readonly kind: "tick" }
  | { readonly kind: "gate"; readonly gate: Gate; readonly reason?: string }
  | { readonly kind: "view"; readonly view: View }
  /** etcd accepted the renewal; the view contains the rewritten heartbeat. */
  | { readonly kind: "renewed"; readonly view: View; readonly opens: boolean }
  | { readonly kind: "local"; readonly local: Local }
  /** Whether a suspected leader's Patroni still answers on `/liveness`. */
  | { readonly kind: "probed"; readonly node: string; readonly alive: boolean }
  | { readonly kind: "revoked"; readonly session: string }
  /** The leader key now holds our marker. */
  | { readonly kind: "marked"; readonly marker: string; readonly startedAt: number }
  /** The kernel refused `shut-out`. */
  | { readonly kind: "shut-out-failed" }
  /** A planned switchover has closed the port, or is over. */
  | { readonly kind: "handover"; readonly active: boolean };

export type Action =
  | { readonly kind: "read"; readonly withTtl: boolean }
  | {
      readonly kind: "renew";
      readonly expect: { readonly leader: Key; readonly heartbeatMod: string };
      readonly beat: Beat;
      /** Whether clients may be served for one lease from the start of this renewal. */
      readonly opens: boolean;
    }
  /** Serve clients until then; replaces any earlier permission. */
  | { readonly kind: "open"; readonly until: number; readonly as: "leader" | "replica" }
  | { readonly kind: "close"; readonly reason: string }
  /** Let this node's Patroni use etcd until then. */
  | { readonly kind: "admit"; readonly until: number }
  /** Keep Patroni from etcd from now on, and end its connections there, above all its watch. */
  | { readonly kind: "shut-out" }
  /** Only after the kernel has confirmed that the port is closed. */
  | { readonly kind: "confess"; readonly heartbeatMod: string; readonly beat: Beat }
  | {
      readonly kind: "take-over";
      readonly expect: {
        readonly leader: Key;
        readonly heartbeatMod: string;
        readonly sync: Key | undefined;
      };
      readonly beat: Beat;
      /** Leave a marker in the leader key first, so that a live Patroni beside a dead guard steps down. */
      readonly mark: boolean;
      readonly waitedMillis: number;
    }
  | { readonly kind: "unmark"; readonly marker: string }
  | { readonly kind: "revoke"; readonly session: string }
  | { readonly kind: "probe"; readonly node: string }
  /** Nodes whose Patroni this node's Patroni must not wait for. */
  | { readonly kind: "mute"; readonly nodes: readonly string[] };

/** A value, and since when it has not changed. */
interface UnchangedSince {
  readonly what: string;
  readonly since: number;
}

export interface State {
  readonly gate: Gate;
  readonly view?: View;
  readonly local?: Local;
  /** Since when the heartbeat, and the leader key, have not changed. */
  readonly heartbeatSeen?: UnchangedSince;
  readonly leaderSeen?: UnchangedSince;
  /** End of the last period without a read from etcd. */
  readonly blindUntil: number;
  /** When PostgreSQL was last known to run on this node. */
  readonly healthyAt: number;
  readonly openUntil: number;
  readonly openAs?: "leader" | "replica";
  /** Until when Patroni may use etcd, and until when it must not, so that it drops its old view. */
  readonly admittedUntil: number;
  readonly forgetUntil: number;
  /** Patroni was running before this guard started: what it has read is unknown. */
  readonly patroniIsOlder: boolean;
  readonly probe?: {
    readonly node: string;
    readonly alive: boolean;
    readonly askedAt: number;
    readonly answered: boolean;
  };
  /** Sessions still to revoke → since when. */
  readonly revoking: Readonly<Record<string, number>>;
  readonly marker?: { readonly value: string; readonly deleteAt: number };
  readonly muted: readonly string[];
  readonly handover: boolean;
}

export const initialState = (now: number, patroniIsOlder = false, gate = OPEN_GATE): State => ({
  gate,
  blindUntil: now,
  healthyAt: now,
  openUntil: 0,
  admittedUntil: 0,
  forgetUntil: 0,
  patroniIsOlder,
  revoking: {},
  muted: [],
  handover: false,
});
