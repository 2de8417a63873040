/** What every part of the demo works with. */
import type { Progress } from "../../common/progress.js";
import type { Sandbox } from "../sandbox/sandbox.js";

export interface Scene {
  readonly sandbox: Sandbox;
  readonly progress: Progress;
  /** Text for the reader, on standard output. */
  say(text: string): void;
}
