/** What a drill is: a runbook's steps, run on the twin under load, and what must come of it. */
import type { RawSettings } from "../../settings/parse.js";
import type { RegionScene } from "./region/stage/region-scene.js";
import type { Scene } from "./scene.js";

interface Rehearsed {
  /** Kebab case; the name of its file in `lab/drills/node/` or `lab/drills/region/`. */
  readonly name: string;
  /** One line for people, e.g. "The leader's PostgreSQL is killed". */
  readonly title: string;
  /** File in `runbooks/` whose steps it runs. */
  readonly runbook: string;
  /** What should happen and why, in a sentence or two. */
  readonly hypothesis: string;
  /** Settings that differ from the project's; a drill with such settings gets its own twin. */
  readonly settings?: RawSettings;
  /** Tomcat servers per region; 1 when left out. The workload runs beside the first. */
  readonly tomcats?: number;
  /** Whether the application is used over HTTP; true when left out. */
  readonly http?: boolean;
  readonly expect: Expectations;
  /** Among `nightly`, not among `all`: it takes minutes, or another one of `all`, or the demo, comes near to it. */
  readonly nightly?: boolean;
}

/** About one region, which is active; no other runs. */
export interface Drill extends Rehearsed {
  readonly kind?: "node";
  /** The steps. What throws fails the drill. */
  run(scene: Scene): Promise<void>;
}

/**
 * About both regions, one of them active and the other following. It may end with either active, as long as both
 * are whole.
 */
export interface RegionDrill extends Rehearsed {
  readonly kind: "region";
  /** It ends with the region that was lost still down, or not following: the next drill gets a new twin. */
  readonly leavesOneRegion?: boolean;
  /** No machine of the recovery region runs until the drill starts them; it gets its own twin. */
  readonly cold?: boolean;
  /** Both vaults are copied into a third bucket, which stands for another account's; it gets its own twin. */
  readonly thirdCopy?: boolean;
  run(scene: RegionScene): Promise<void>;
}

export type AnyDrill = Drill | RegionDrill;

/**
 * Losses are judged strictly. Times are upper bounds, far enough from what is usual for a busy host of two cores to keep
 * them: the reports have the usual, measured values. A value left out here is measured but not judged.
 */
export interface Expectations {
  /**
   * `none` when left out. `some`: the drill is a control, and must find acknowledged rows that are lost.
   * `within-lag`: what a lost region had acknowledged last, as far back as the guard of the new one had said.
   * `set-back`: what was acknowledged between the moment that the drill set the service back to and its close. All of
   * that must be gone, and nothing else may be.
   */
  readonly lostRows?: "none" | "some" | "within-lag" | "set-back";
  /** Longest time without an acknowledged write, in whichever region, through HAProxy. */
  readonly writeGapSeconds?: number;
  /** Longest time without a successful POST to the service's name. */
  readonly nameGapSeconds?: number;
  /** From the moment at which the epoch is raised until the new region acknowledges a write; of each move. */
  readonly claimToWriteSeconds?: number;
  /** Longest time without a successful read from a replica. */
  readonly readGapSeconds?: number;
  /** HTTP requests that may fail. */
  readonly httpErrors?: number;
  /** From the fault until every node is a healthy member again. */
  readonly rejoinSeconds?: number;
}
