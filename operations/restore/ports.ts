/** What a guided restore needs from the outside world, so that tests can replace it. */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { Answer } from "../promotion/confirm.js";
import type { RestoreMachines } from "./machines.js";

export interface RestorePorts {
  readonly machines: RestoreMachines;
  readonly settings: Pick<SharedSettings, "restoreTest">;
  readonly contract: Pick<Contract, "home" | "recovery">;
  /** In the twin: suggested commands carry `--twin`. */
  readonly twin?: boolean;
  /** @throws UserError without a terminal. */
  confirm(question: string): Promise<Answer>;
  say(text: string): void;
  sleep(millis: number): Promise<void>;
  /** Now, for names. */
  date(): Date;
  /** Called before each step of a cut-over. Throws Interrupted to end this process as if killed. */
  at?(step: CutOverStep): Promise<void>;
}

/** After `close` clients can't connect; after `forget` there is no way back. */
export type CutOverStep = "prepare" | "close" | "aside" | "forget" | "lead" | "join" | "back";

/** Undoes nothing, as a killed process undoes nothing. */
export class Interrupted extends Error {}
