/**
 * What a guard knows about both regions, and its actions. Times are milliseconds of this node's monotonic clock unless
 * their name says wall.
 */

/**
 * A row that each leader writes into the log before it serves writes, replicated like any other row: it shows which
 * history a log belongs to. Timeline and position alone don't distinguish two regions' logs, because both continue.
 */
export interface Mark {
  /** Epoch in which its region was active; 0 when there is no mark yet. */
  readonly epoch: number;
  /** Timeline of the leader that wrote it: a failover inside a region splits histories too. */
  readonly timeline: number;
}

export const NO_MARK: Mark = { epoch: 0, timeline: 0 };

/** The end of a leader's log, and the time by its wall clock. */
export interface Position {
  readonly wallMillis: number;
  readonly node: string;
  readonly mark: Mark;
  /** Bytes since the beginning of the log. */
  readonly lsn: number;
}

/** The leader of this region is about to become a standby: the other region waits for its release. */
export interface Demotion {
  /** The epoch in which it served. */
  readonly of: number;
  /** The other region's epoch to which it yields. */
  readonly epoch: number;
  readonly node: string;
  /** Create revision of the leader key that it held. */
  readonly term: string;
}

/**
 * The end of the log when the region became a standby: every acknowledged write precedes it. The guard reads it after
 * the leader's port is closed, and stores it in the region's etcd in the transaction that changes the role.
 */
export interface Extent {
  /** The epoch in which the region served. */
  readonly of: number;
  readonly mark: Mark;
  readonly lsn: number;
}

/** This region will acknowledge nothing more under an epoch below `epoch`. */
export interface Release {
  /** The other region's epoch to which this one yields. Valid for that epoch alone. */
  readonly epoch: number;
  /** The newest epoch in which this region has ever served: 0 if none. */
  readonly opened: number;
  /** The log of this mark contains every write that the region acknowledged, up to this position. */
  readonly mark: Mark;
  readonly acknowledged: number;
  /** The end of its log: if the other region takes over all of it, this region needn't rewind what it wrote while it stopped. */
  readonly lsn: number;
  /** Address of a node that has all of it, to fetch the rest from. */
  readonly address: string;
}

/** The last time at which this node certainly had all of the other region's log. */
export interface Proof {
  readonly node: string;
  readonly mark: Mark;
  /** Time of the reached position, by the other leader's clock. */
  readonly wallMillis: number;
  /** The reached position itself: the proof counts only while this node's log contains it. */
  readonly lsn: number;
}

/**
 * Why this region may open an epoch. The transaction that makes the region primary stores it in etcd. Its grounds stay
 * true: the next guard needn't wait again, and later news from the other region comes too late.
 */
export interface Opening {
  readonly epoch: number;
  readonly reason: string;
  /** Upper bound of the lag behind the other region at that time; undefined when it was unknown. */
  readonly lagMillis?: number;
  /** The end of the log that it was decided on: it holds only while the promoted log contains this. */
  readonly log?: { readonly mark: Mark; readonly lsn: number };
}

/** A region's status as its guards publish it: one item. Each write compares the previous write's sequence. */
export interface Status {
  /** 0: there is no item yet. */
  readonly sequence: number;
  /** The newest own epoch in which this region may have served writes: recorded before it serves any. */
  readonly opened: number;
  readonly opening?: Opening;
  readonly position?: Position;
  readonly demoted?: Demotion;
  readonly released?: Release;
  readonly proof?: Proof;
}

export const NO_STATUS: Status = { sequence: 0, opened: 0 };

/** Epochs for which an operator has overridden a rule; 0 for none. */
export interface Overrides {
  /** The operator vouches that the other region accepts no writes: don't wait for its lease. */
  readonly fenced: number;
  /** Promote with more lag than the budget, or without the writes that only a demoted peer has. */
  readonly acceptDataLoss: number;
}

export const NO_OVERRIDES: Overrides = { fenced: 0, acceptDataLoss: 0 };

/** One strongly consistent reading of claims, status and overrides. */
export interface Reading {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Highest claimed epoch of this region and of the other; 0 for none. */
  readonly own: number;
  readonly peer: number;
  readonly mine: Status;
  readonly theirs: Status;
  /** For this region. */
  readonly overrides: Overrides;
}

/** Where a standby region's leader gets its log from. */
export type Source =
  /** No source yet: it may turn out that the other region's log doesn't count; this log must not be rewound to it. */
  | { readonly kind: "nobody" }
  /** The node of the other region that accepts writes. */
  | { readonly kind: "region" }
  /**
   * The same, and the copy of the other region's vault for what no node sends: for a region without data, and for one
   * that was left behind. Only until then: otherwise PostgreSQL would query the archive at each handover and promotion.
   */
  | { readonly kind: "vault" }
  /** One node by its address: it has been demoted and accepts no writes. */
  | { readonly kind: "node"; readonly address: string };

export type Role = { readonly kind: "primary" } | { readonly kind: "standby"; readonly source: Source };

/** The state of this region's etcd. */
export interface RegionView {
  readonly startedAt: number;
  readonly endedAt: number;
  /** The region's role in Patroni's configuration; undefined while there is none. */
  readonly role?: Role;
  readonly configMod: string;
  /** From the last demotion, and from the last promotion. */
  readonly extent?: Extent;
  readonly opening?: Opening;
  /** The highest epoch that any guard of this region has seen. */
  readonly epoch: number;
  readonly epochMod: string;
  /** Revision of the key that names the cluster, if nothing else is left: no node leads, and no node has data. */
  readonly nameOnlyMod?: string;
  /** The term in which this node leads: its guard has renewed the heartbeat, so no earlier leader serves clients any more. */
  readonly term?: string;
}

/** What PostgreSQL on this node reports about its log. */
export interface LogEnd {
  readonly startedAt: number;
  /** Only a primary writes the log. */
  readonly isPrimary: boolean;
  /** Only of a primary. */
  readonly timeline?: number;
  /** The newest mark in the replayed part of the log. */
  readonly mark: Mark;
  /** Written by a primary, replayed by a standby. */
  readonly lsn: number;
  /** Only of a standby. */
  readonly replay?: Replay;
}

/** A standby's progress. */
export interface Replay {
  /** Time of the newest replayed commit or abort, by its primary's clock; undefined if there was none since the start. */
  readonly wallMillis?: number;
  /** Another node streams the log to it. */
  readonly isStreaming: boolean;
  /** PostgreSQL has a restore_command that can find files. */
  readonly usesArchive: boolean;
  /** It has replayed everything it found, and has then found nothing more, in the archive either. */
  readonly isWaiting: boolean;
}

/** What `dr-save-diverged` has done about changes that only this node has: a file beside the data directory. */
export interface SaveRecord {
  /** This region's epoch in which the changes were acknowledged. */
  readonly epoch: number;
  /** The region's name in AWS, the node's name, and the time of this record (ISO 8601). */
  readonly region?: string;
  readonly node?: string;
  readonly at?: string;
  readonly state:
    | "saving"
    /** Decoded, and kept beside the data directory until the vault has them. */
    | "saved"
    /** Not all could be decoded: a copy of the data directory is kept. */
    | "kept-copy"
    | "nothing"
    | "failed"
    /** An operator has given them up. */
    | "given-up";
  readonly timeline?: number;
  /** Where this log and the other region's diverge; null when that region's leader didn't report it. */
  readonly divergedAt?: string | null;
  /** Number of rows changed in transactions that the other region lacks, and of these transactions. */
  readonly rows?: number;
  readonly transactions?: number;
  readonly files?: readonly string[];
  readonly copy?: string;
  /** Whether the vault has the files. */
  readonly uploaded?: boolean;
  readonly note?: string;
}

/** The state of this node's volume, whether PostgreSQL runs or not. */
export interface OwnData {
  /** Slots that keep diverged changes. */
  readonly slots: readonly {
    readonly name: string;
    readonly epoch: number;
    readonly timeline: number;
    readonly database: number;
  }[];
  /** False when PostgreSQL runs as a primary or stopped as one; undefined without data. */
  readonly isStandby?: boolean;
  /** The newest timeline that the data have reached. */
  readonly timeline?: number;
  readonly records: readonly SaveRecord[];
  readonly patroniRuns: boolean;
}

export type RegionEvent =
  /** `heldUpUntil`: this process was paused, or got no turn, until then. */
  | { readonly kind: "tick"; readonly heldUpUntil?: number }
  | { readonly kind: "data"; readonly data: OwnData }
  | { readonly kind: "reading"; readonly reading: Reading }
  | { readonly kind: "view"; readonly view: RegionView }
  | { readonly kind: "log"; readonly log: LogEnd }
  /** The kernel has closed this node's port to writers. */
  | { readonly kind: "closed"; readonly at: number }
  /** The own status as it was written, and the time from which it counts. */
  | { readonly kind: "status-written"; readonly status: Status; readonly startedAt: number };

export type RegionAction =
  | { readonly kind: "read-claims" }
  | { readonly kind: "raise-epoch"; readonly epoch: number; readonly expectMod: string }
  /** Serve no writes from now on, until the lease is renewed. */
  | { readonly kind: "close"; readonly reason: string }
  /** Written only if the item still has the previous sequence. The writer fills in the wall clock of its position. */
  | { readonly kind: "write-status"; readonly status: Status; readonly reason: string }
  | {
      readonly kind: "change-role";
      readonly role: Role;
      /** Stored in the same transaction when an active region is demoted. */
      readonly extent?: Extent;
      /** Stored in the same transaction when a standby region is promoted. */
      readonly opening?: Opening;
      readonly expect: {
        readonly configMod: string;
        readonly epochMod: string;
        /** Undefined when the change needs no leader. */
        readonly term?: string;
      };
      /** The guard drops the change after this time. */
      readonly notAfter: number;
      readonly reason: string;
    }
  | { readonly kind: "mark-log"; readonly mark: Mark }
  /** So that Patroni recreates the standby cluster from the other region. */
  | {
      readonly kind: "forget-cluster";
      readonly nameMod: string;
      readonly expect: { readonly configMod: string; readonly epochMod: string };
      readonly reason: string;
    };

/** An epoch, and when this process first saw it. */
export interface FirstSeen {
  readonly epoch: number;
  readonly at: number;
}

export interface RegionState {
  readonly reading?: Reading;
  readonly view?: RegionView;
  readonly log?: LogEnd;
  /** Since when a standby has had nothing more to replay; undefined while it replays. */
  readonly restingSince?: number;
  readonly data?: OwnData;
  /** When this process first saw this region's highest claim, and the other region's release for it. */
  readonly claimSeen?: FirstSeen;
  readonly releaseSeen?: FirstSeen;
  /** When this process first saw the other region's highest epoch open. */
  readonly peerOpenSeen?: FirstSeen;
  /** This region's last publication was not before this time. */
  readonly publishedNotBefore: number;
  /** The other region's last publication was not before this time. */
  readonly peerNotBefore: number;
  /** Positions that the other region's leader published, the newest last, without those that this node has reached. */
  readonly peerPositions: readonly Position[];
  readonly proof?: Proof;
  /** Region lease: until when this node may serve writes. */
  readonly permitUntil: number;
  readonly readAskedAt: number;
  /** Earlier readings don't count: this process was held up after them. */
  readonly heldUpUntil: number;
  readonly wroteAt: number;
  /** Since when this node's port is certainly closed to writers; undefined while it may be open. */
  readonly closedAt?: number;
  /** Since when this region has been a standby. */
  readonly standbySince?: number;
  /** Since when only the cluster's name has been left in etcd. */
  readonly nameOnlySince?: number;
  /** The term in which this node leads, and when this process first saw it. */
  readonly term?: { readonly term: string; readonly since: number };
}

/** Lists every field: copies of objects with one shape are cheap. */
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
