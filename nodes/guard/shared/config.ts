import type { TlsFiles } from "./tls.js";

/** What a guard is told: rendered by `nodes/render/guard-config.ts` into `/etc/dr/guard.json`. Times in milliseconds. */
export interface GuardConfig {
  /** This node's name: its member name in Patroni and etcd. */
  readonly node: string;
  readonly address: string;
  /** Every database node of this region, this one too, that may lead. */
  readonly members: readonly { readonly name: string; readonly address: string }[];
  /** Patroni's keys in etcd stand below `<namespace><scope>/`, e.g. `/drs/drs-eu-west-1/`. */
  readonly namespace: string;
  readonly scope: string;
  readonly etcd: readonly string[];
  readonly tls: TlsFiles;
  /** PostgreSQL's data directory: its timelines' history is read there. */
  readonly dataDirectory: string;
  readonly ports: { readonly postgres: number; readonly patroni: number; readonly guard: number };
  readonly leaderLease: {
    /** False: the port follows Patroni's leader key alone and nobody is robbed. */
    readonly enabled: boolean;
    readonly leaseMillis: number;
    readonly renewMillis: number;
    /** Of one etcd transaction. */
    readonly timeoutMillis: number;
  };
  /** Whether this node may ever lead: false on a read replica. */
  readonly mayLead: boolean;
  /** What decides between the two regions. */
  readonly region: {
    /** AWS region names. */
    readonly own: string;
    readonly peer: string;
    /** The claim table. */
    readonly table: string;
    /** DynamoDB's address in each region that can be reached from here, the own first. */
    readonly endpoints: readonly { readonly region: string; readonly url: string }[];
    readonly rules: RegionRules;
    readonly source: StandbySource;
    /** Permanent slot here that is kept for the other region. */
    readonly peerSlot: string;
    /** What patroni.yml makes of a cluster that is new. */
    readonly startsAsStandby: boolean;
  };
}

/** The other region's nodes, for Patroni's `standby_cluster`. */
export interface StandbySource {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Permanent slot there that is kept for this region. */
  readonly slot: string;
  readonly createReplicaMethods: readonly string[];
  /** How a cluster without data gets it from the copy of the other region's vault, where no node there answers. */
  readonly vault: {
    /** With `basebackup` before it: a node that answers has more. */
    readonly createReplicaMethods: readonly string[];
    readonly restoreCommand: string;
  };
}

/** The settings that a region's guards work by. */
export interface RegionRules {
  /** Region lease: how long a node may serve writes after the last read of the claims that showed its region greatest. */
  readonly leaseMillis: number;
  /** Added to the lease before silence counts as absence. */
  readonly marginMillis: number;
  readonly readMillis: number;
  /** An unplanned promotion with more proven lag than this is refused. */
  readonly lagBudgetMillis: number;
}
