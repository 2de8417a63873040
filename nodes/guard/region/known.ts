/** What a region guard decides from, and what several of its decisions ask. Pure. */
import type { RegionRules } from "../shared/config.js";
import { unsavedEpoch } from "./diverged.js";
import { headOf } from "./log-history.js";
import type { LogEnd, Reading, RegionState, RegionView, Role } from "./region-facts.js";

export interface RegionConfig {
  readonly node: string;
  /** Under which the other region's nodes reach this one. */
  readonly address: string;
  readonly rules: RegionRules;
  /** A new cluster here begins as a standby: what patroni.yml says where etcd says nothing yet. */
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

/** What PostgreSQL said longer ago than this says nothing about now. */
export const LOG_MILLIS = 1_000;

export const lacksHistory = ({ reading }: Known, log: LogEnd): boolean => log.mark.epoch < headOf(reading);

export const mustSaveFirst = ({ state }: Known): boolean =>
  unsavedEpoch(state) !== undefined && state.data?.patroniRuns !== false;
