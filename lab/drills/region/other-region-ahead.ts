import { PORTS } from "../../../settings/contract.js";
import type { Machine } from "../../twin/types.js";
import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "./stage/region-scene.js";
import { seeFollowing } from "./stage/steps.js";

/** A table that the old leader writes and its own replicas never see. */
const AHEAD = "drill_ahead";
const ROWS = 1000;

export const otherRegionAhead: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "other-region-ahead",
  title: "The other region is ahead of the leader that the active one has elected",
  runbook: "replication-lag.md",
  hypothesis:
    "The leader's replicas lose it, the other region does not, and then it dies: the other region has more than the new leader, none of it acknowledged to a client. Timelines part; the other region rewinds and follows the new leader, and what only it had is gone.",
  expect: { lostRows: "none", writeGapSeconds: 20, nameGapSeconds: 40, rejoinSeconds: 400 },
  async run(scene) {
    const [region, standby] = [scene.active(), scene.standby()];
    const old = await scene.leader();
    const replicas = await scene.replicas();
    const follower = await scene.at(standby).leader();
    await scene.fault(`${old.name} writes what its replicas don't hear of, and dies`, async () => {
      await old.cut({ peers: replicas.map(({ address }) => address), ports: [PORTS.postgres] });
      await scene.database.sql(
        old,
        `SET synchronous_commit TO local; CREATE TABLE ${AHEAD} AS SELECT generate_series(1, ${ROWS});`,
      );
      await scene.eventually(`${follower.name} has it`, () => hasIt(scene, standby, follower), 5);
      await old.kill();
    });
    scene.prove(`${follower.name} was ahead: it had ${AHEAD}, which no client was promised`, true);
    const leader = await scene.step(`Verify: another node of ${region} acknowledges writes`, async () => {
      const next = await scene.leaderOtherThan([old.name]);
      await scene.writesFlowIn(region);
      return next;
    });
    scene.prove(`${leader.name}, which leads now, never had it`, !(await hasIt(scene, region, leader)));
    await seeFollowing(scene);
    const after = await scene.at(standby).leader();
    scene.measure({
      name: `rows that only ${standby} has`,
      value: (await hasIt(scene, standby, after)) ? ROWS : 0,
      unit: "",
      atMost: 0,
    });
    await scene.step(`Recover: boot ${old.name}`, () => old.boot());
    await scene.step("Verify: every node is in sync, the other region follows", () => scene.whole());
  },
};

async function hasIt(scene: RegionScene, region: "home" | "recovery", node: Machine): Promise<boolean> {
  const [row] = await scene.at(region).database.sql(node, `SELECT to_regclass('${AHEAD}') IS NOT NULL;`);
  return row?.[0] === "t";
}
