/** What a guard sees and remembers. Times are milliseconds on this node's monotonic clock. */
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
 * - `held`: the node below may be serving clients; nobody else may begin before that has certainly run out.
 * - `closed`: it has closed its port and said so.
 * - `taken`: another guard waited until its kernel had silenced it, and deleted its leader key.
 * - `off`: it leads by Patroni's key alone (`leaderLease.enabled` is false) and must not be robbed.
 */
export type BeatState = "held" | "closed" | "taken" | "off";

/** The heartbeat: one key per cluster, rewritten by the leader's guard with each renewal. */
export interface Beat {
  readonly node: string;
  readonly state: BeatState;
  /** Create revision of the leader key that it belongs to. */
  readonly term: string;
  /** Newest timeline on which clients may have been served; a term on an older one is refused. */
  readonly timeline: number;
  /** PostgreSQL's system identifier (Patroni's `initialize` key): timelines of another cluster don't count. */
  readonly system: string;
  /** Patroni session (etcd lease) to revoke once the state is `taken`. */
  readonly session?: string;
}

/** One linearizable read of the cluster's keys, or what a transaction left there. */
export interface View {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly leader?: Key;
  /** Whole seconds that the leader key's lease still has; asked for when the leader lease is off. */
  readonly leaderTtlSeconds?: number;
  readonly heartbeat?: { readonly beat: Beat; readonly mod: string };
  readonly sync?: Key;
  /** The cluster's system identifier; empty while a first node makes it. */
  readonly initialize?: string;
  readonly initializeMod?: string;
  /** How long a Patroni must be kept from etcd so that it has forgotten what it read before. */
  readonly forgetMillis: number;
  /** Patroni's member keys: name → key. */
  readonly members: Readonly<Record<string, Key>>;
  /** Keys by which the region's role is decided. */
  readonly region: RegionKeys;
}

/** Values as they stand in etcd, and the revisions of those that are compared. "0": there is no such key. */
export interface RegionKeys {
  /** Patroni's dynamic configuration, JSON. */
  readonly config?: string;
  readonly configMod: string;
  readonly epoch: number;
  readonly epochMod: string;
  readonly extent?: Extent;
  readonly opening?: Opening;
}

/** What Patroni says about PostgreSQL on this node. */
export interface Local {
  readonly startedAt: number;
  readonly role: "primary" | "standby_leader" | "replica";
  readonly timeline: number | undefined;
  /** Timelines that it came through to this one; undefined while that isn't known. Of a primary only. */
  readonly ancestors: readonly number[] | undefined;
  /** Patroni believes that it holds the leader key. */
  readonly holdsLock: boolean;
}

/** What the region that this node is in allows: `nodes/guard/region` decides it. */
export interface Gate {
  /** Until when writes may be served here, as far as the region is concerned. */
  readonly writesUntil: number;
  /** Until when a replica's port may be open. */
  readonly replicaUntil: number;
  /** A standby region's leader may be reached: not while the region is being promoted. */
  readonly standbyLeaderMayServe: boolean;
  readonly patroniMayRun: boolean;
  /** The region is standby or about to be: its leader may take long to stop and to start again. */
  readonly isStandby: boolean;
  /** Patroni is stopped here to save what only this node has: another shall lead. */
  readonly standsAside: boolean;
}

/** There is no other region. */
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
  /** The renewal was accepted; the view holds the rewritten heartbeat. */
  | { readonly kind: "renewed"; readonly view: View; readonly opens: boolean }
  | { readonly kind: "local"; readonly local: Local }
  /** Whether a suspected leader's Patroni still answers on `/liveness`. */
  | { readonly kind: "probed"; readonly node: string; readonly alive: boolean }
  | { readonly kind: "revoked"; readonly session: string }
  /** The leader key now holds our marker. */
  | { readonly kind: "marked"; readonly marker: string; readonly startedAt: number }
  /** What the kernel said to `shut-out`. */
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
  /** Serve clients until then; replaces what was allowed before. */
  | { readonly kind: "open"; readonly until: number; readonly as: "leader" | "replica" }
  | { readonly kind: "close"; readonly reason: string }
  /** Let this node's Patroni speak with etcd until then. */
  | { readonly kind: "admit"; readonly until: number }
  /** From now on it may not, and its connections to etcd, the watch above all, are cut off. */
  | { readonly kind: "shut-out" }
  /** Only after the port is known to be closed. */
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
  /** The nodes whose Patroni this node's own Patroni must not wait for. */
  | { readonly kind: "mute"; readonly nodes: readonly string[] };

/** Something seen first at a time and unchanged since. */
interface Seen {
  readonly what: string;
  readonly since: number;
}

export interface State {
  readonly gate: Gate;
  readonly view?: View;
  readonly local?: Local;
  /** Since when the heartbeat, and the leader key, have been as they are. */
  readonly heartbeatSeen?: Seen;
  readonly leaderSeen?: Seen;
  /** End of the last stretch of time without a read from etcd. */
  readonly blindUntil: number;
  /** When PostgreSQL here was last known to run. */
  readonly healthyAt: number;
  readonly openUntil: number;
  readonly openAs?: "leader" | "replica";
  /** Until when Patroni may speak with etcd, and until when it must not, so that it forgets its old picture. */
  readonly admittedUntil: number;
  readonly forgetUntil: number;
  /** Patroni ran before this guard did: what it has read, nobody knows. */
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
