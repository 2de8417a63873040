/** The home region's leader is lost, under load. */
import { findDrills } from "../drills/catalogue.js";
import type { DrillResult } from "../drills/report.js";
import type { RegionTwin } from "../twin/open.js";
import type { Scene } from "./demo-scene.js";
import { perform } from "./perform.js";

const DRILL = "leader-node-dead";

export async function showNodeFailover(scene: Scene, running: RegionTwin): Promise<DrillResult> {
  const [drill] = findDrills([DRILL]);
  if (!drill) throw new Error(`no drill ${DRILL}`);
  scene.say(`\n  The leader's machine is lost, its volume survives: npx dr drill ${drill.name}`);
  return perform(scene, running, drill);
}
