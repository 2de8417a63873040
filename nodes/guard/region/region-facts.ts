/**
 * What a guard knows of both regions, and what it may do about it. Times are milliseconds on this node's monotonic
 * clock unless they are called wall.
 */

/**
 * A row that each leader writes into the log before it serves writes, and that is replicated like any other: which
 * history a log belongs to. Timeline and position alone don't tell two regions' logs apart, for both count on.
 */
export interface Mark {
  /** Epoch in which the region that wrote it was active; 0 when there is none yet. */
  readonly epoch: number;
  /** Of the leader that wrote it: a region's failovers part histories too. */
  readonly timeline: number;
}

export const NO_MARK: Mark = { epoch: 0, timeline: 0 };

/** How far a leader's log went, and when by its own wall clock. */
export interface Position {
  readonly wallMillis: number;
  readonly node: string;
  readonly mark: Mark;
  /** Bytes since the beginning of the log. */
  readonly lsn: number;
}

/** The leader of this region is about to become a standby: the other region waits for what it will release. */
export interface Demotion {
  /** The epoch that it served in. */
  readonly of: number;
  /** The other region's epoch that it yields to. */
  readonly epoch: number;
  readonly node: string;
  /** Create revision of the leader key that it held. */
  readonly term: string;
}

/**
 * How far the log went when the region was made a standby: all that was acknowledged stands before. Read after the
 * leader's port was shut, and kept in the region's etcd by the very transaction that changes its role.
 */
export interface Extent {
  /** The epoch that was served in. */
  readonly of: number;
  readonly mark: Mark;
  readonly lsn: number;
}

/** Nothing more will be acknowledged in this region under an epoch below `epoch`. */
export interface Release {
  /** The other region's epoch that this one yields to. Valid for that epoch alone. */
  readonly epoch: number;
  /** The newest epoch in which this region has ever served: 0 if none. */
  readonly opened: number;
  /** All that it acknowledged stands in the log of this mark, up to this position. */
  readonly mark: Mark;
  readonly acknowledged: number;
  /** Where its log ends: who has all of it need not make this region rewind what it wrote while it stopped. */
  readonly lsn: number;
  /** Of a node that has it all, to fetch the rest from. */
  readonly address: string;
}

/** The last time at which this node is known to have had all of the other region's log. */
export interface Proof {
  readonly node: string;
  readonly mark: Mark;
  /** Of the position that was reached: by the other leader's clock. */
  readonly wallMillis: number;
}

/**
 * Why this region may open an epoch: kept in its etcd by the transaction that makes it primary. What it rests on stays
 * true, so that the next guard need not wait anew, and what the other region says afterwards comes too late.
 */
export interface Opening {
  readonly epoch: number;
  readonly reason: string;
  /** At most so much of what the other region acknowledged was missing; undefined when nobody could say. */
  readonly lagMillis?: number;
}

/** What a region's guards say of it: one item, each write of which compares the sequence of the one before. */
export interface Status {
  /** 0: there is no item yet. */
  readonly sequence: number;
  /** The newest own epoch in which clients may have been served writes: written before they are. */
  readonly opened: number;
  readonly opening?: Opening;
  readonly position?: Position;
  readonly demoted?: Demotion;
  readonly released?: Release;
  readonly proof?: Proof;
}

export const NO_STATUS: Status = { sequence: 0, opened: 0 };

/** Epochs for which an operator has taken it on himself; 0 for none. */
export interface Overrides {
  /** The other region is certainly silent: no waiting. */
  readonly fenced: number;
  /** Promote with more lag than the budget, or without what a demoted peer still holds. */
  readonly acceptDataLoss: number;
}

export const NO_OVERRIDES: Overrides = { fenced: 0, acceptDataLoss: 0 };

/** One strongly consistent reading of claims, status and overrides. */
export interface Reading {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Greatest claimed epoch of this region and of the other; 0 for none. */
  readonly own: number;
  readonly peer: number;
  readonly mine: Status;
  readonly theirs: Status;
  /** Of this region. */
  readonly overrides: Overrides;
}

/** Where a standby region's leader gets its log from. */
export type Source =
  /** Nobody yet: what the other region has may still be of no account, and this log must not be rewound to it. */
  | { readonly kind: "nobody" }
  /** Whichever node of the other region takes writes. */
  | { readonly kind: "region" }
  /**
   * The same, and what they don't give from the copy of the other region's vault: so a region without data begins, and
   * one that was left behind fetches what it can. Not for longer, for the archive would be asked whenever the log is handed over, and at each promotion.
   */
  | { readonly kind: "vault" }
  /** One node by its address: it has been demoted and takes no writes. */
  | { readonly kind: "node"; readonly address: string };

export type Role = { readonly kind: "primary" } | { readonly kind: "standby"; readonly source: Source };

/** What this region's etcd says. */
export interface RegionView {
  readonly startedAt: number;
  readonly endedAt: number;
  /** What Patroni's configuration makes of the region; undefined while there is none. */
  readonly role?: Role;
  readonly configMod: string;
  /** Of the last demotion, and of the last promotion. */
  readonly extent?: Extent;
  readonly opening?: Opening;
  /** The greatest epoch that any guard of this region has seen. */
  readonly epoch: number;
  readonly epochMod: string;
  /** Of the key that names the cluster, where nothing else is left of it: nobody leads, and nobody has any data. */
  readonly nameOnlyMod?: string;
  /** This node leads, in this term: its guard has renewed the heartbeat, so that nobody before it is served any more. */
  readonly term?: string;
}

/** What PostgreSQL here says of its log. */
export interface LogEnd {
  readonly startedAt: number;
  /** Only a primary writes. */
  readonly isPrimary: boolean;
  /** Of a primary. */
  readonly timeline?: number;
  /** The newest in the log, as far as it is replayed. */
  readonly mark: Mark;
  /** Written by a primary, replayed by a standby. */
  readonly lsn: number;
  /** Of a standby. */
  readonly replay?: Replay;
}

/** How a standby gets on. */
export interface Replay {
  /** When the newest commit (or abort) that was replayed was made, by the clock of who made it; none since the start. */
  readonly wallMillis?: number;
  /** Somebody sends it the log. */
  readonly isStreaming: boolean;
  /** PostgreSQL has a restore_command that may find something. */
  readonly usesArchive: boolean;
  /** It has replayed what it found, has looked for more, in the archive too, and found none. */
  readonly isWaiting: boolean;
}

/** What has been done about changes that only this node has: a file beside its data, written by `dr-save-diverged`. */
export interface SaveRecord {
  /** Of this region: the epoch in which they were acknowledged. */
  readonly epoch: number;
  /** AWS's name of the region, the node's name, and when it wrote this, ISO 8601. */
  readonly region?: string;
  readonly node?: string;
  readonly at?: string;
  readonly state:
    | "saving"
    /** Decoded, and kept beside the data until they are in the vault. */
    | "saved"
    /** Could not be decoded, or not all: the data directory is kept as it was. */
    | "kept-copy"
    | "nothing"
    | "failed"
    /** An operator has said that they don't matter. */
    | "given-up";
  readonly timeline?: number;
  /** Where this log and the other region's part; null where its leader didn't say. */
  readonly divergedAt?: string | null;
  /** Rows changed in transactions that the other region lacks, and these transactions. */
  readonly rows?: number;
  readonly transactions?: number;
  readonly files?: readonly string[];
  readonly copy?: string;
  /** Whether the vault has the files. */
  readonly uploaded?: boolean;
  readonly note?: string;
}

/** What this node's volume says, whether PostgreSQL runs or not. */
export interface OwnData {
  /** Slots that keep changes for a region that returns. */
  readonly slots: readonly {
    readonly name: string;
    readonly epoch: number;
    readonly timeline: number;
    readonly database: number;
  }[];
  /** False of one that runs as primary, or stopped as one; undefined when there are no data. */
  readonly isStandby?: boolean;
  /** The newest that it has come to. */
  readonly timeline?: number;
  readonly records: readonly SaveRecord[];
  readonly patroniRuns: boolean;
}

export type RegionEvent =
  /** `heldUpUntil`: this process stood still, or got no turn, until then. */
  | { readonly kind: "tick"; readonly heldUpUntil?: number }
  | { readonly kind: "data"; readonly data: OwnData }
  | { readonly kind: "reading"; readonly reading: Reading }
  | { readonly kind: "view"; readonly view: RegionView }
  | { readonly kind: "log"; readonly log: LogEnd }
  /** The kernel has shut this node's port to writers. */
  | { readonly kind: "closed"; readonly at: number }
  /** Own status, as it was written; from when on it counts. */
  | { readonly kind: "status-written"; readonly status: Status; readonly startedAt: number };

export type RegionAction =
  | { readonly kind: "read-claims" }
  | { readonly kind: "raise-epoch"; readonly epoch: number; readonly expectMod: string }
  /** No write may be served from now on, until the lease is renewed. */
  | { readonly kind: "close"; readonly reason: string }
  /** Written only if the item still has the sequence before. The wall clock of its position is the writer's to fill in. */
  | { readonly kind: "write-status"; readonly status: Status; readonly reason: string }
  | {
      readonly kind: "change-role";
      readonly role: Role;
      /** Written with it when an active region is demoted. */
      readonly extent?: Extent;
      /** Written with it when a standby region is promoted. */
      readonly opening?: Opening;
      readonly expect: {
        readonly configMod: string;
        readonly epochMod: string;
        /** Undefined: nobody needs to lead for it. */
        readonly term?: string;
      };
      /** Of no effect when it can't be asked for before. */
      readonly notAfter: number;
      readonly reason: string;
    }
  | { readonly kind: "mark-log"; readonly mark: Mark }
  /** So that Patroni makes the standby cluster anew, from the other region. */
  | {
      readonly kind: "forget-cluster";
      readonly nameMod: string;
      readonly expect: { readonly configMod: string; readonly epochMod: string };
      readonly reason: string;
    };

/** Something about an epoch, and when this process saw it first. */
export interface FirstSeen {
  readonly epoch: number;
  readonly at: number;
}

export interface RegionState {
  readonly reading?: Reading;
  readonly view?: RegionView;
  readonly log?: LogEnd;
  /** Since when a standby has had nothing more to replay; undefined while it has. */
  readonly restingSince?: number;
  readonly data?: OwnData;
  /** When this region's greatest claim, and the other's release for it, were first seen by this process. */
  readonly claimSeen?: FirstSeen;
  readonly releaseSeen?: FirstSeen;
  /** When the other region's greatest epoch was first seen to be open. */
  readonly peerOpenSeen?: FirstSeen;
  /** The own status' last change: not before this. */
  readonly publishedNotBefore: number;
  /** The other region's last publication: not before this. */
  readonly peerNotBefore: number;
  /** Positions that the other region's leader published, the newest last; what this node has reached is forgotten. */
  readonly peerPositions: readonly Position[];
  readonly proof?: Proof;
  /** Region lease: until when writes may be served here. */
  readonly permitUntil: number;
  readonly readAskedAt: number;
  /** What was read before is nothing to act on: this process was held up since. */
  readonly heldUpUntil: number;
  readonly wroteAt: number;
  /** Since when this node's port is certainly shut to writers; undefined while it may be open. */
  readonly closedAt?: number;
  /** Since when this region has been a standby. */
  readonly standbySince?: number;
  /** Since when nothing but the cluster's name was seen to be left. */
  readonly nameOnlySince?: number;
  /** The term in which this node leads, and when it was first seen to. */
  readonly term?: { readonly term: string; readonly since: number };
}

/** Names all it can have: copies of objects of one shape are cheap. */
export const initialRegionState = (): RegionState => ({
  reading: undefined,
  view: undefined,
  log: undefined,
  restingSince: undefined,
  data: undefined,
  claimSeen: undefined,
  releaseSeen: undefined,
  peerOpenSeen: undefined,
  publishedNotBefore: Number.NEGATIVE_INFINITY,
  peerNotBefore: Number.NEGATIVE_INFINITY,
  peerPositions: [],
  proof: undefined,
  permitUntil: 0,
  readAskedAt: Number.NEGATIVE_INFINITY,
  heldUpUntil: Number.NEGATIVE_INFINITY,
  wroteAt: Number.NEGATIVE_INFINITY,
  closedAt: undefined,
  standbySince: undefined,
  nameOnlySince: undefined,
  term: undefined,
});
