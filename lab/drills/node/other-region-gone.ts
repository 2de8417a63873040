/** The standby region is away for good, as far as its slot is concerned. One region runs: its peer never came. */
import { IMAGE_PATHS, standbySlot, TLS_FILES } from "../../../nodes/layout.js";
import { DATABASE_LOGINS, PORTS } from "../../../settings/contract.js";
import { slotWalKeepMib } from "../../../settings/postgres-parameters.js";
import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { type Slot, slotOf, walOnDiskMib, writeWal } from "../wal.js";

/** PostgreSQL keeps this much anyway, between checkpoints; each segment more is for the slot. */
const MAX_WAL_MIB = 128;
const KEEP_MIB = 64;
/** Checkpoints come when WAL has grown by so much; the bound holds at the end of each. */
const CHUNK_MIB = 16;
/** Far more than the bound: what would fill the volume if the slot weren't given up. */
const WRITTEN_MIB = 768;
const COPY = "/var/lib/dr/copy";

export const otherRegionGone: Drill = {
  name: "other-region-gone",
  title: "The other region is gone, and its slot would fill the disk",
  runbook: "other-region-gone.md",
  hypothesis:
    "The slot of a region that is gone holds WAL up to database.maxSlotWalKeepMib and is then given up: the disk stays bounded and writes never stop. Patroni recreates the slot at once, for the new copy that region will need.",
  settings: {
    database: {
      maxSlotWalKeepMib: KEEP_MIB,
      parameters: { max_wal_size: `${MAX_WAL_MIB}MB`, min_wal_size: "80MB" },
    },
  },
  nightly: true,
  expect: { writeGapSeconds: 3, readGapSeconds: 3, httpErrors: 0 },
  async run(scene) {
    const leader = await scene.leader();
    const name = standbySlot(scene.running.contract.recovery);
    const slot = await scene.step(`Detect: ${name} is there, no standby reads from it`, () =>
      scene.eventually("the slot, holding WAL", async () => {
        const seen = await slotOf(scene, leader, name);
        return seen?.restartLsn ? seen : undefined;
      }),
    );
    scene.prove("the slot is inactive: its region is gone", !slot.active);
    const keep = slotWalKeepMib(scene.settings);
    scene.prove(`the bound is in force: ${keep} MiB`, (await setting(scene, leader)) === `${keep}MB`);
    const seen = await scene.fault(`write ${WRITTEN_MIB} MiB of WAL that no standby takes over`, () =>
      write(scene, leader, name),
    );
    const held = seen.filter(({ restartLsn }) => restartLsn === slot.restartLsn);
    scene.prove(
      `the slot held WAL back: ${Math.max(...held.map(({ heldMib }) => heldMib)).toFixed(0)} MiB`,
      held.some(({ heldMib }) => heldMib > KEEP_MIB / 2),
    );
    await scene.step("Detect: the slot was given up", async () => {
      const now = await scene.eventually("the slot without its former position", async () => {
        const one = await slotOf(scene, leader, name);
        return one?.restartLsn !== slot.restartLsn && (one ?? { status: "gone" });
      });
      scene.prove(`what it held from ${slot.restartLsn} on is given up; now it is ${now.status}`, true);
      scene.prove(
        "its WAL is no longer on the disk",
        !(await onDisk(scene, leader, slot.restartLsn as string)),
      );
    });
    scene.measure({
      name: "largest pg_wal",
      value: Math.max(...seen.map(({ walMib }) => walMib)),
      unit: "MiB",
      // Before a checkpoint ends, what it will remove is still there.
      atMost: MAX_WAL_MIB + KEEP_MIB + 160,
    });
    await scene.step("Verify: writes flow, the replicas of this region follow", async () => {
      await scene.writesFlow(5);
      await scene.whole();
    });
    await scene.step("Recover: the slot is there again, for the other region's return", async () => {
      const again = await scene.eventually("the slot, holding WAL again", async () => {
        const one = await slotOf(scene, leader, name);
        return one?.restartLsn && one.status !== "lost" ? one : undefined;
      });
      scene.prove(`Patroni recreated it: ${again.status}`, again.restartLsn !== slot.restartLsn);
    });
    await scene.step("Recover: a fresh copy through the slot, as that region will take it", () =>
      copy(scene, leader, name),
    );
  },
};

async function write(scene: Scene, leader: Machine, name: string): Promise<(Slot & { walMib: number })[]> {
  const seen: (Slot & { walMib: number })[] = [];
  for (let written = 0; written < WRITTEN_MIB; written += CHUNK_MIB) {
    await writeWal(scene, leader, CHUNK_MIB);
    const [slot, walMib] = await Promise.all([slotOf(scene, leader, name), walOnDiskMib(scene, leader)]);
    // Between its end and its making there is none.
    seen.push({ ...(slot ?? { active: false, status: "gone", heldMib: 0 }), walMib });
  }
  return seen;
}

/** Takes a base backup with the slot, as a standby's first leader does, and has it checked against its manifest. */
async function copy(scene: Scene, leader: Machine, slot: string): Promise<void> {
  // Any other node: it has the right address, certificate and login.
  const [taker] = await scene.replicas();
  if (!taker) throw new Error("there is no second node");
  const from = `host=${leader.address} port=${PORTS.postgres} user=${DATABASE_LOGINS.replication} dbname=postgres sslmode=verify-ca sslrootcert=${TLS_FILES.authority} passfile=${IMAGE_PATHS.run}/pgpass`;
  const as = { user: "postgres", timeoutMillis: 120_000 };
  await scene.must(taker, ["install", "-d", "-o", "postgres", "-m", "0700", COPY]);
  try {
    for (const argv of [
      [
        "pg_basebackup",
        "-d",
        from,
        "-D",
        COPY,
        "--slot",
        slot,
        "-X",
        "stream",
        "--checkpoint=fast",
        "--no-sync",
      ],
      ["pg_verifybackup", "--quiet", COPY],
    ]) {
      const [tool, ...rest] = argv;
      const { exitCode, stderr } = await taker.run([`${IMAGE_PATHS.postgresBin}/${tool}`, ...rest], as);
      if (exitCode !== 0) throw new Error(`${tool}: ${stderr.trim()}`);
    }
  } finally {
    await scene.must(taker, ["rm", "-rf", COPY], 30_000);
  }
}

const setting = async ({ database }: Scene, leader: Machine): Promise<string | undefined> =>
  (await database.sql(leader, "SHOW max_slot_wal_keep_size;"))[0]?.[0];

/** Whether the segment that holds this position is still there. */
async function onDisk({ database }: Scene, leader: Machine, lsn: string): Promise<boolean> {
  const [row] = await database.sql(
    leader,
    `SELECT count(*) FROM pg_ls_waldir() WHERE name = pg_walfile_name('${lsn}');`,
  );
  return row?.[0] !== "0";
}
