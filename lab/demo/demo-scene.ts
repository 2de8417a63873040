/** What every part of the demo works with. */

import type { Progress } from "../../common/progress.js";
import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { Sandbox } from "../sandbox/sandbox.js";

export interface Scene {
  readonly sandbox: Sandbox;
  readonly progress: Progress;
  /** The user's, as the sandbox's copy of the stack files has them. */
  readonly settings: SharedSettings;
  /** The regions and names that follow from them. */
  readonly contract: Contract;
  /** Text for the reader, on standard output. */
  say(text: string): void;
  /** Folder of the drills' reports; made with the first one. */
  readonly reports: string;
}
