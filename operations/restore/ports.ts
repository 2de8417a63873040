/** What a guided restore works with: the outside world, so that tests can stand in for it. */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { Answer } from "../promotion/confirm.js";
import type { RestoreMachines } from "./machines.js";

export interface RestorePorts {
  readonly machines: RestoreMachines;
  readonly settings: Pick<SharedSettings, "restoreTest">;
  readonly contract: Pick<Contract, "home" | "recovery">;
  /** In the twin: commands that are named say so. */
  readonly twin?: boolean;
  /** @throws UserError when nobody can be asked. */
  confirm(question: string): Promise<Answer>;
  say(text: string): void;
  sleep(millis: number): Promise<void>;
  /** Now, for names. */
  date(): Date;
  /** Told of each step of a cut-over before it is taken. Throws Interrupted where this process is to end as if killed. */
  at?(step: CutOverStep): Promise<void>;
}

/** After `close` nobody is served; after `forget` there is no way back. */
export type CutOverStep = "prepare" | "close" | "aside" | "forget" | "lead" | "join" | "back";

/** Nothing is put back: whoever is killed puts nothing back. */
export class Interrupted extends Error {}
