/** What a guided promotion needs from the outside world, so that tests can replace it. */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { Change } from "../engine/events.js";
import type { Observation } from "../observation.js";
import type { Answer } from "./confirm.js";
import type { Deployment } from "./deployment.js";

export interface PromotionPorts {
  observe(): Promise<Observation>;
  readonly deployment: Deployment;
  readonly settings: Pick<SharedSettings, "promotion" | "failover" | "objectives">;
  readonly contract: Pick<Contract, "home" | "recovery">;
  /** Whether machines run that can open the epoch. */
  hasMachines(observation: Observation): boolean;
  /** @throws UserError without a terminal. */
  confirm(question: string): Promise<Answer>;
  say(text: string): void;
  showChanges(changes: readonly Change[]): void;
  /** Monotonic, in milliseconds. */
  now(): number;
  sleep(millis: number): Promise<void>;
  /** Whether the operator pressed Ctrl-C. */
  interrupted(): boolean;
}
