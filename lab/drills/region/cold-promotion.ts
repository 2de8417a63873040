import type { Machine } from "../../twin/types.js";
import { backUp } from "../backup/stage/steps.js";
import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "./stage/region-scene.js";
import { DECISION_SECONDS, seeOpened } from "./stage/steps.js";

/** WAL beyond the backup, in several segments. */
const SERVE_SECONDS = 30;
/** Machines, the attempt to reach the other region, restore and replay: beside lease and margin, not after them. */
const OPEN_SECONDS = 180;

/** What `journalctl -u patroni` shows on a real machine. */
const LOG = "/run/twin/logs/patroni.log";

export const coldPromotion: RegionDrill = {
  kind: "region",
  name: "cold-promotion",
  title: "The active region dies, and the other one is a cold site",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "No machine of the other region runs. `up` claims the epoch and raises the groups. The first node finds no node to clone, restores from the copy of the dead region's vault, replays the archived WAL to its end, and opens when lease and margin have passed. What was not archived is lost: no more than the guard reports, by the time of the newest commit that it has.",
  cold: true,
  // How a region comes back is in region-dead.
  leavesOneRegion: true,
  // Else what is lost is a matter of minutes, and so is the drill.
  settings: { backup: { archiveTimeoutSeconds: 10 } },
  // Users who ask by name are in region-dead.
  http: false,
  expect: {
    lostRows: "within-lag",
    claimToWriteSeconds: 120,
    writeGapSeconds: 150,
  },
  async run(scene) {
    const [old, to] = [scene.active(), scene.standby()];
    const machinesOf = (region: string) => scene.twin.machines.filter(({ spec }) => spec.region === region);
    scene.prove(`no machine of ${to} exists`, machinesOf(to).length === 0);
    await scene.step(`A full backup of ${old}`, () => backUp(scene));
    await scene.step(`${old} serves on for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    scene.prove(
      `no machine of ${old} is alive`,
      machinesOf(old).every(({ alive }) => !alive),
    );
    await scene.step(`Detect: may I? ${DECISION_SECONDS} s to decide`, () => scene.settle(DECISION_SECONDS));
    await scene.step(`Promote: raise the epoch of ${to}`, () => scene.raise(to));
    await scene.step(`Promote: raise the groups of ${to}`, () => scene.start(to));
    await seeOpened(scene, OPEN_SECONDS);
    const leader = await scene.leader();
    await scene.step("Verify: its data came from the vault, and it looks there no more", () =>
      seeRestored(scene, leader),
    );
    await scene.step(`Verify: ${to} archives into its own repository`, () => archives(scene, leader));
    await scene.step(`Afterwards: a first backup of ${to}`, () => backUp(scene));
  },
};

async function seeRestored(scene: RegionScene, leader: Machine): Promise<void> {
  const restored: string[] = [];
  for (const node of scene.voters) {
    const { exitCode } = await node.run(["grep", "--quiet", "replica has been created using vault", LOG]);
    if (exitCode === 0) restored.push(node.name);
  }
  scene.prove(`restored from the vault: ${restored.join(", ") || "none"}`, restored.length > 0);
  const [row] = await scene.database.sql(leader, "SHOW restore_command;");
  const command = row?.[0] ?? "";
  scene.measure({
    name: `ways to the vault that the new leader has left (restore_command '${command}')`,
    value: command.includes("dr-get-wal") ? 1 : 0,
    unit: "",
    atMost: 0,
  });
}

/** `dr-reconcile` makes the stanza within a minute; what waits is archived then. */
const archives = (scene: RegionScene, leader: Machine): Promise<true> =>
  scene.eventually(
    "a segment in the own repository",
    async () => {
      const [row] = await scene.database.sql(leader, "SELECT archived_count > 0 FROM pg_stat_archiver;");
      return row?.[0] === "t";
    },
    120,
  ) as Promise<true>;
