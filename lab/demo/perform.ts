/** One drill on the demo's machines, and its figures. */
import type { AnyDrill } from "../drills/drill.js";
import { figure } from "../drills/measure.js";
import type { Raise } from "../drills/region/stage/two-regions.js";
import { rehearse } from "../drills/rehearse.js";
import type { DrillResult } from "../drills/report.js";
import type { RegionTwin } from "../twin/open.js";
import { bundleWorkload } from "../workload/bundle.js";
import type { Scene } from "./demo-scene.js";

/** @throws Error when the drill does not pass. */
export async function perform(
  { progress, say }: Scene,
  running: RegionTwin,
  drill: AnyDrill,
  raise?: Raise,
): Promise<DrillResult> {
  const workload = await bundleWorkload();
  const result = await rehearse(drill, { running, workload, progress, repetition: 1, raise });
  for (const measure of result.measures) say(`    ${measure.name.padEnd(52)} ${figure(measure)}`);
  if (result.outcome !== "passed")
    throw new Error(`drill ${drill.name} ${result.outcome}: ${result.reasons.join("; ")}`);
  return result;
}
