/** What a drill about one region and one about two do differently: their scene and their load. */
import type { Progress } from "../../common/progress.js";
import type { RegionTwin } from "../twin/open.js";
import type { WorkloadConfig } from "../workload/config.js";
import type { Ledger } from "../workload/ledger.js";
import { Workload } from "../workload/workload.js";
import type { AnyDrill, Drill, RegionDrill } from "./drill.js";
import { databaseLoad, httpLoad, type Load } from "./load.js";
import { RegionLoads } from "./region/stage/loads.js";
import type { RegionObservations } from "./region/stage/moves.js";
import { twoRegions } from "./region/stage/open-two-regions.js";
import { RegionScene } from "./region/stage/region-scene.js";
import { type Raise, raiseByClaim } from "./region/stage/two-regions.js";
import { Scene } from "./scene.js";

export interface Rehearsal {
  readonly running: RegionTwin;
  /** File of the workload's program. */
  readonly workload: string;
  readonly progress: Progress;
  readonly repetition: number;
  /** How a drill about two regions raises an epoch; a plain claim when left out. */
  readonly raise?: Raise;
}

export interface Play {
  readonly scene: Scene;
  start(database: WorkloadConfig["database"]): Promise<Load>;
  run(): Promise<void>;
  observations?(): RegionObservations;
}

export const playOf = (drill: AnyDrill, rehearsal: Rehearsal, ledger: Ledger): Play =>
  drill.kind === "region" ? ofRegions(drill, rehearsal, ledger) : ofOne(drill, rehearsal, ledger);

function ofOne(drill: Drill, { running, progress, workload }: Rehearsal, ledger: Ledger): Play {
  const scene = new Scene(running, "home", ledger, progress);
  return {
    scene,
    start: (database) => {
      const http = (drill.http ?? true) ? httpLoad(scene) : {};
      return Workload.start(scene.tomcat, workload, { database, ...databaseLoad(running), ...http }, ledger);
    },
    run: () => drill.run(scene),
  };
}

function ofRegions(drill: RegionDrill, rehearsal: Rehearsal, ledger: Ledger): Play {
  const { running, progress, workload: file } = rehearsal;
  const regions = twoRegions(running);
  const raise = rehearsal.raise ?? raiseByClaim(regions.claims);
  const scene = new RegionScene(regions, ledger, progress, raise, drill.leavesOneRegion);
  return {
    scene,
    start: async (database) => {
      scene.loads = await RegionLoads.start({ regions, database, file, ledger, http: drill.http ?? true });
      return scene.loads;
    },
    run: () => drill.run(scene),
    observations: () => scene.observations(),
  };
}
