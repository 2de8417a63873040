/** The input of a region guard's decisions, and questions that several of them share. Pure. */
import type { RegionRules } from "../shared/config.js";
import { unsavedEpoch } from "./diverged.js";
import { headOf } from "./log-history.js";
import type { LogEnd, Reading, RegionState, RegionView, Role } from "./region-facts.js";

export interface RegionConfig {
  readonly node: string;
  /** The address at which the other region's nodes reach this node. */
  readonly address: string;
  readonly rules: RegionRules;
  /** A new cluster in this region begins as a standby: patroni.yml decides that while etcd is empty. */
  readonly startsAsStandby: boolean;
}

export interface Known {
  readonly config: RegionConfig;
  readonly state: RegionState;
  readonly reading: Reading;
  readonly view: RegionView;
  readonly role: Role;
  readonly now: number;
}

/** An older answer of PostgreSQL is stale. */
export const LOG_MILLIS = 1_000;

export const lacksHistory = ({ reading }: Known, log: LogEnd): boolean => log.mark.epoch < headOf(reading);

export const mustSaveFirst = ({ state }: Known): boolean =>
  unsavedEpoch(state) !== undefined && state.data?.patroniRuns !== false;
