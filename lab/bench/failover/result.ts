/** What a bench of failovers found, for its reports. */
import type { Fault } from "./faults.js";
import type { Cell, Failure, Repetition } from "./statistics.js";
import type { System } from "./systems.js";

export interface FailoverBench {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly repeat: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly systems: readonly Pick<System, "name" | "title" | "setup">[];
  readonly faults: readonly Pick<Fault, "name" | "title" | "aimSeconds" | "aimRatio">[];
  readonly cells: readonly Cell[];
  readonly repetitions: readonly Repetition[];
  readonly failures: readonly Failure[];
}
