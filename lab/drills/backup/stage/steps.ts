/** What several drills about backups do. */
import type { VaultLook } from "../../../../nodes/bin/reports.js";
import type { CommandResult, Machine } from "../../../twin/types.js";
import { TABLES } from "../../../workload/config.js";
import type { Scene } from "../../scene.js";
import { script, tryScript } from "./node-script.js";
import { type Moment, momentOf } from "./restored.js";

/**
 * The twin's defaults would make a drill wait: what is archived, when a hole is noticed, and when the recovery point
 * objective is missed, follows from these. One object for all of them: drills of the same settings share a twin.
 */
export const QUICK_ARCHIVE = {
  backup: { archiveTimeoutSeconds: 10 },
  objectives: { rpoSeconds: 60 },
  restoreTest: {
    checks: [
      {
        name: "clients' writes are there",
        database: "app",
        sql: `SELECT count(*) > 0 FROM ${TABLES.writes}`,
        expect: "t",
      },
    ],
  },
} as const;

/** A backup as the runbook makes one by hand, on a replica. @returns the node that made it. */
export async function backUp(scene: Scene, type: "full" | "incr" = "full"): Promise<Machine> {
  const [replica] = await scene.replicas();
  if (!replica) throw new Error("no replica to make a backup on");
  const { exitCode, stdout, stderr } = await tryBackUp(scene, replica, type);
  if (exitCode !== 0) throw new Error(`dr-backup on ${replica.name}: ${(stderr || stdout).trim()}`);
  return replica;
}

/** The same on this node, whatever comes of it; after one that the timer has begun. */
export function tryBackUp(scene: Scene, node: Machine, type: "full" | "incr"): Promise<CommandResult> {
  return scene.eventually(
    "no other backup is being made",
    async () => {
      const result = await tryScript(node, `dr-backup --type ${type}`, 180);
      return !result.stdout.includes("another node holds the lock") && result;
    },
    120,
    1000,
  );
}

/** Ends the segment that is being written, and waits until all up to here is in the vault. @returns its name. */
export async function archiveAll(scene: Scene, leader: Machine): Promise<string> {
  const [row] = await scene.database.sql(leader, "SELECT pg_walfile_name(pg_switch_wal());");
  const segment = row?.[0] as string;
  await archived(scene, leader, segment);
  return segment;
}

/** Waits until the archiver has done this segment and all before it. */
export async function archived(
  scene: Scene,
  leader: Machine,
  segment: string,
  timeoutSeconds = 60,
): Promise<void> {
  await scene.eventually(
    `${segment} is archived`,
    async () => {
      const [row] = await scene.database.sql(
        leader,
        `SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver;`,
      );
      return row?.[0] === "t";
    },
    timeoutSeconds,
  );
}

/**
 * What `dr-check-vault` finds on the leader, and why. Waits for a look that lists the archive: where a listing takes long, or
 * failed, a look leaves the missing segments out (`LISTING_SHARE` in holes.ts).
 */
export const checkVault = (scene: Scene, leader: Machine): Promise<VaultLook> =>
  scene.eventually(
    "dr-check-vault lists the archive",
    async () => {
      const look = JSON.parse(await script(leader, "dr-check-vault --json")) as VaultLook;
      if (look.values.MissingWalSegments === undefined)
        throw new Error(look.failed.join("; ") || "no listing is due yet");
      return look;
    },
    60,
  );

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
