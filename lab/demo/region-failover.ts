/** The home region is lost under load, the other one promoted by `up`, and the business moved back. */
import type { RegionDrill } from "../drills/drill.js";
import { regionDead } from "../drills/region/region-dead.js";
import { moveOnPurpose, seeFollowing, seeUsersFollow } from "../drills/region/stage/steps.js";
import type { DrillResult } from "../drills/report.js";
import type { RegionTwin } from "../twin/open.js";
import type { Scene } from "./demo-scene.js";
import { perform } from "./perform.js";
import { promote } from "./promotion.js";

/** Two drills on end: what the first leaves is what the second begins with. */
const THERE_AND_BACK: RegionDrill = {
  ...regionDead,
  name: "region-dead-and-failback",
  title: "The home region dies, the recovery region takes over, home comes back and takes over again",
  // Here the epoch is raised by previews and ups, which take as long as the machine has them take.
  expect: { lostRows: "within-lag", rejoinSeconds: 600 },
  async run(scene) {
    await regionDead.run(scene);
    await moveOnPurpose(scene);
    await seeUsersFollow(scene);
    await seeFollowing(scene);
  },
};

export async function showRegionFailover(scene: Scene, running: RegionTwin): Promise<DrillResult> {
  const { say } = scene;
  say("  All machines of the home region lose power at once; people need a moment to decide.");
  const result = await perform(scene, running, THERE_AND_BACK, (to, epoch) => promote(scene, to, epoch));
  for (const line of timeline(result)) say(line);
  return result;
}

/** When what happened, in seconds since the fault. */
function timeline({ moves = [] }: DrillResult): string[] {
  const at = (seconds: number | undefined) => `${(seconds ?? Number.NaN).toFixed(1)} s`.padStart(9);
  return [
    "",
    "  Time line, in seconds since home was lost:",
    ...moves.flatMap(({ to, epoch, claimed, fenced, promoted, firstWrite, full, reason }) =>
      sorted([
        [fenced, "last write that the region before acknowledged"],
        [claimed, `epoch ${epoch} is claimed for ${to}`],
        [promoted, `${to} acknowledges: ${reason ?? "it reported no reason"}`],
        [firstWrite, "first write of a client"],
        [full, "it could lose a node"],
      ]).map(([seconds, what]) => `  ${at(seconds)}  ${what}`),
    ),
  ];
}

type Row = readonly [seconds: number | undefined, what: string];

/** Events that never came are listed last. */
const sorted = (rows: readonly Row[]): Row[] =>
  [...rows].sort(([a = Number.POSITIVE_INFINITY], [b = Number.POSITIVE_INFINITY]) => a - b);
