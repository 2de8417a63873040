/** What drills do that set the whole service back to a moment: with the guided restore's own code, and a ledger that knows of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { clusterName } from "../../../../nodes/layout.js";
import { finishCutOver } from "../../../../operations/restore/cut-over.js";
import { type CutOverStep, Interrupted, type RestorePorts } from "../../../../operations/restore/ports.js";
import { runRestore } from "../../../../operations/restore/run.js";
import { now } from "../../../workload/clock.js";
import type { RegionScene } from "../../region/stage/region-scene.js";
import { seeFollowing } from "../../region/stage/steps.js";
import { script } from "./node-script.js";
import { restoreMachinesOf } from "./remote.js";
import { choose, type Moment, Restored } from "./restored.js";
import { archiveAll, backUp } from "./steps.js";

/** A table that the load does not use, and that the mistake takes. */
const TABLE = "drill_accounts";
const ROWS = 1000;
const BACK_SECONDS = 300;

const databaseOf = ({ settings }: RegionScene): string => settings.databases[0]?.name ?? "postgres";

/** A table that can be spoilt, a full backup with it, and load that must be replayed. @returns the backup's label */
export async function prepareTable(scene: RegionScene, serveSeconds: number): Promise<string> {
  const leader = await scene.leader();
  await scene.database.sql(
    leader,
    `DROP TABLE IF EXISTS ${TABLE}; CREATE TABLE ${TABLE} AS SELECT n, 100 AS balance FROM generate_series(1, ${ROWS}) n;`,
    databaseOf(scene),
  );
  const node = await backUp(scene);
  await scene.settle(serveSeconds);
  const { backup } = await choose(node, ["--to", "latest"]);
  return backup as string;
}

export async function spoil(scene: RegionScene): Promise<void> {
  const leader = await scene.leader();
  await scene.fault(`UPDATE ${TABLE} without its WHERE`, () =>
    scene.database.sql(leader, `UPDATE ${TABLE} SET balance = 0;`, databaseOf(scene)),
  );
  scene.prove("the mistake is in the table", (await sumOf(scene)) === 0);
}

async function sumOf(scene: RegionScene): Promise<number> {
  const [row] = await scene.database.sql(
    await scene.leader(),
    `SELECT sum(balance) FROM ${TABLE};`,
    databaseOf(scene),
  );
  return Number(row?.[0]);
}

/** @param dieAt where the operator's process ends, as if it were killed */
function portsOf(scene: RegionScene, { at: moment }: Moment, dieAt?: CutOverStep): RestorePorts {
  return {
    ...{ machines: restoreMachinesOf(scene), settings: scene.settings, contract: scene.running.contract },
    say: () => {},
    sleep: async (millis) => void (await sleep(millis)),
    date: () => new Date(),
    confirm: async (question) => {
      if (question.startsWith("Stop the service"))
        await scene.step("Validate: the writes up to that moment", async () => {
          const restored = await Restored.at(scene, scene.twin.machine(scene.region.restoreNode));
          await restored.holdsWritesUntil({ at: moment });
        });
      return "yes";
    },
    async at(step) {
      // PostgreSQL has ended everywhere: what is acknowledged later is the new log's.
      if (step === "aside") scene.setBack = { from: moment, to: now() };
      if (step === dieAt) throw new Interrupted(`the operator's process dies before '${step}'`);
    },
  };
}

export async function setBack(scene: RegionScene, moment: Moment, dieAt?: CutOverStep): Promise<void> {
  const request = { to: moment.time, region: scene.id, database: databaseOf(scene), tables: [], all: true };
  try {
    const { outcome } = await runRestore(portsOf(scene, moment, dieAt), request);
    if (outcome.result !== "cut-over") throw new Error(`${outcome.result}: ${outcome.reason}`);
    scene.prove(outcome.reason, dieAt === undefined);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

export async function finish(scene: RegionScene, moment: Moment, how: "resume" | "undo"): Promise<void> {
  const { result, reason } = await finishCutOver(portsOf(scene, moment), scene.id, how);
  scene.prove(reason, result === (how === "undo" ? "undone" : "cut-over"));
}

/** No node serves, and Patroni doesn't run even when a boot starts it. */
export async function seeShut(scene: RegionScene): Promise<void> {
  for (const node of scene.voters) {
    const said = await script(node, "systemctl start patroni || true; systemctl is-active patroni || true");
    scene.prove(`Patroni of ${node.name} does not start: ${said.trim()}`, said.trim() !== "active");
  }
}

/** The table is as it was, every node is back, the other region follows, and a restore goes along the new line. */
export async function seeSetBack(scene: RegionScene, backup: string): Promise<void> {
  await scene.step("Verify: the table is as it was before the mistake", async () => {
    await scene.writesFlowIn(scene.id);
    scene.prove(`the table's sum is ${100 * ROWS} again`, (await sumOf(scene)) === 100 * ROWS);
  });
  await scene.step("Verify: every voter copied it and is in the quorum", () =>
    scene.at(scene.id).whole(BACK_SECONDS),
  );
  await seeFollowing(scene, BACK_SECONDS);
  await scene.step("Verify: archiving goes on, and a restore goes along the new line", async () => {
    const leader = await scene.leader();
    const { timeline } = await scene.eventually("a leader", () => scene.view());
    await archiveAll(scene, leader);
    const own = clusterName(scene.region);
    const newest = await choose(leader, ["--to", "latest"]);
    const line = Object.keys(newest.timelines ?? {}).map(Number);
    scene.prove(
      `a restore to latest would begin with ${newest.backup} of ${newest.stanza}, along ${line.join(", ")}: ${newest.error ?? "no error"}`,
      newest.code === 0 && newest.stanza === own && Math.max(...line) === timeline,
    );
    // The timeline that only the restored cluster was on, before it led, is on the way.
    const older = await choose(leader, ["--to", "latest", "--set", backup]);
    scene.prove(
      `${backup}, of before the moment, still leads there: ${older.error ?? "no error"}`,
      older.code === 0,
    );
  });
}
