/** What several drills about backups do. */
import type { Machine } from "../../twin/types.js";
import type { Scene } from "../scene.js";
import { script } from "./node-script.js";
import { type Moment, momentOf } from "./restored.js";

/** The twin's defaults would make a drill wait: what is archived, and when a hole is noticed, follows from this. */
export const QUICK_ARCHIVE = { backup: { archiveTimeoutSeconds: 10 } } as const;

/** A backup as the runbook makes one by hand, on a replica. @returns the node that made it. */
export async function backUp(scene: Scene, type: "full" | "incr" = "full"): Promise<Machine> {
  const [replica] = await scene.replicas();
  if (!replica) throw new Error("no replica to make a backup on");
  await script(replica, `dr-backup --type ${type}`, 180);
  return replica;
}

/** Ends the segment that is being written, and waits until all up to here is in the vault. */
export async function archiveAll(scene: Scene, leader: Machine): Promise<void> {
  const [row] = await scene.database.sql(leader, "SELECT pg_walfile_name(pg_switch_wal());");
  const segment = row?.[0] as string;
  await scene.eventually(
    `${segment} is archived`,
    async () => {
      const [archived] = await scene.database.sql(
        leader,
        `SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver;`,
      );
      return archived?.[0] === "t";
    },
    60,
  );
}

/**
 * A moment of which S3's times tell what was before and what came after: they are whole seconds, and so is
 * `--repo-target-time`.
 */
export async function momentInVault(scene: Scene, leader: Machine): Promise<Moment> {
  const moment = await momentOf(scene, leader);
  const next = Math.floor(Date.parse(moment.time) / 1000 + 1) * 1000;
  await scene.eventually("the next second", () => Date.now() > next, 5, 20);
  return moment;
}

/** What pgBackRest's own list of a stanza has, asked on a node. */
export async function backupLabels(node: Machine): Promise<string[]> {
  const [found] = JSON.parse(
    await script(
      node,
      `runuser -u postgres -- pgbackrest --stanza="$DR_STANZA" --log-level-console=off --output=json info`,
    ),
  ) as [{ backup?: { label: string }[] }?];
  return (found?.backup ?? []).map(({ label }) => label);
}
