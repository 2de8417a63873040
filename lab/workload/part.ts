/** What every part of a workload shares: where its events go, and when it must end. */
import type { Arrivals } from "./clock.js";
import type { WorkloadConfig } from "./config.js";
import type { WorkloadEvent } from "./events.js";

export interface Surroundings {
  /** Changes while it runs, as Tomcat servers get another login. */
  readonly database: WorkloadConfig["database"];
  readonly arrivals: Arrivals;
  emit(event: WorkloadEvent): void;
  /** Nothing new begins once it is aborted; what is in flight is waited for. */
  readonly stopping: AbortSignal;
}
