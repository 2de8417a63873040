/** Who writes, reads, asks and probes, how fast, and with which login. */
import type { BalancerConfig } from "./balancer.js";
import type { NameConfig } from "./service-name/config.js";

/** Replaces the one that a running workload has. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A workload's settings, the first line of its standard input: a password has no place in `ps`. */
export interface WorkloadConfig {
  /** Part of each of its events: where it runs, when several workloads fill one ledger. */
  readonly source?: string;
  readonly database: Login & {
    readonly name: string;
    /** Certificate authority in PEM; servers must show a certificate of it (`verify-ca`). */
    readonly authority: string;
  };
  readonly writer?: WriterConfig;
  readonly reader?: ReaderConfig;
  readonly http?: HttpConfig;
  readonly prober?: ProberConfig;
  /** Serves the name by which `http` asks. */
  readonly name?: NameConfig;
}

export interface WriterConfig {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Number of the first worker; 0 when left out. Rows carry it, so two workloads on one table must not share any. */
  readonly firstWorker?: number;
  /** Of one connection, from one send to the next. */
  readonly intervalMillis: number;
  /** An answer later than this proves nothing; the session is given up. */
  readonly timeoutMillis: number;
}

export type ReaderConfig = WriterConfig;

interface HttpPace {
  readonly connections: number;
  readonly intervalMillis: number;
  readonly timeoutMillis: number;
}

/** Asks the service by its name. */
export interface ByName extends HttpPace {
  readonly hostname: string;
  readonly port: number;
  /** `address:port`. */
  readonly nameServer: string;
}

/** Straight to Tomcat servers, those passed over that fail their health checks; or by the service's name. */
export type HttpConfig = (HttpPace & BalancerConfig) | ByName;

export interface ProberConfig {
  readonly nodes: readonly { readonly address: string; readonly port: number }[];
  readonly intervalMillis: number;
  readonly timeoutMillis: number;
}

/** Tables of the workload. No unique key: a row that came twice must be able to show. */
export const TABLES = { writes: "drill_writes", probes: "drill_probes" } as const;
