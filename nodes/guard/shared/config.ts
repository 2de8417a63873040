import type { TlsFiles } from "./tls.js";

/** A guard's configuration: `nodes/render/guard-config.ts` renders it into `/etc/dr/guard.json`. Times in milliseconds. */
export interface GuardConfig {
  /** This node's name: its member name in Patroni and etcd. */
  readonly node: string;
  readonly address: string;
  /** Every database node of this region that may lead, including this one. */
  readonly members: readonly { readonly name: string; readonly address: string }[];
  /** Patroni's keys in etcd are below `<namespace><scope>/`, e.g. `/drs/drs-eu-west-1/`. */
  readonly namespace: string;
  readonly scope: string;
  readonly etcd: readonly string[];
  readonly tls: TlsFiles;
  /** PostgreSQL's data directory, which contains the history of its timelines. */
  readonly dataDirectory: string;
  readonly ports: { readonly postgres: number; readonly patroni: number; readonly guard: number };
  readonly leaderLease: {
    /** False: the port follows Patroni's leader key alone, and no guard takes over from a leader. */
    readonly enabled: boolean;
    readonly leaseMillis: number;
    readonly renewMillis: number;
    /** Timeout of one etcd transaction. */
    readonly timeoutMillis: number;
  };
  /** Whether this node may ever lead: false on a read replica. */
  readonly mayLead: boolean;
  /** Settings for the decision between the two regions. */
  readonly region: {
    /** AWS region names. */
    readonly own: string;
    readonly peer: string;
    /** The claim table. */
    readonly table: string;
    /** DynamoDB's endpoint in each region that this node can reach, the own region's first. */
    readonly endpoints: readonly { readonly region: string; readonly url: string }[];
    readonly rules: RegionRules;
    readonly source: StandbySource;
    /** This region's permanent slot for the other region. */
    readonly peerSlot: string;
    /** Whether patroni.yml makes a new cluster a standby. */
    readonly startsAsStandby: boolean;
  };
}

/** The other region's nodes, for Patroni's `standby_cluster`. */
export interface StandbySource {
  readonly addresses: readonly string[];
  readonly port: number;
  /** The other region's permanent slot for this region. */
  readonly slot: string;
  readonly createReplicaMethods: readonly string[];
  /** How a cluster without data gets them from the copy of the other region's vault when no node there answers. */
  readonly vault: {
    /** `basebackup` comes first: a node that answers has newer data. */
    readonly createReplicaMethods: readonly string[];
    readonly restoreCommand: string;
  };
}

/** The rules of a region's guards. */
export interface RegionRules {
  /** Region lease: how long a node may serve writes after the last reading of the claims that showed its region's epoch as the highest. */
  readonly leaseMillis: number;
  /** Added to the other region's lease before that counts as expired. */
  readonly marginMillis: number;
  readonly readMillis: number;
  /** The guards refuse an unplanned promotion when the lag may be higher. */
  readonly lagBudgetMillis: number;
}
