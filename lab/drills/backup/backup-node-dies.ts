import { clusterName } from "../../../nodes/layout.js";
import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { etcdctl } from "../etcd.js";
import type { Scene } from "../scene.js";
import { script, tryScript } from "./stage/node-script.js";
import { backUp, QUICK_ARCHIVE } from "./stage/steps.js";

const TABLE = "drill_bulk";
/** Of bytes that no compression makes fewer: a backup of them takes seconds. */
const BULK_MB = 120;
const CONFIG = "/etc/dr/backup.json";
/** Its holder's lease is as long, and Patroni forgets a member as late. */
const TAKEOVER_SECONDS = 60;

export const backupNodeDies: Drill = {
  name: "backup-node-dies",
  title: "The node that makes a backup loses power half-way",
  runbook: "backup-too-old.md",
  nightly: true,
  hypothesis:
    "Its lock in etcd expires with its lease, and Patroni stops listing the node. The next replica finds the backup still due and makes it; the dead node's incomplete backup doesn't count and is removed. The leader drops the dead node's session within seconds, so no other backup waits for it.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 10, rejoinSeconds: 180 },
  async run(scene) {
    const leader = await scene.leader();
    const [doomed, other] = (await scene.replicas()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    if (!doomed || !other) throw new Error("two replicas are needed");
    const sql = (statement: string) =>
      scene.database.sql(leader, statement, scene.settings.databases[0]?.name);
    try {
      await scene.step("A full backup, and then much that is new", async () => {
        await backUp(scene);
        await sql(
          `DROP TABLE IF EXISTS ${TABLE}; CREATE TABLE ${TABLE} (bulk text); ALTER TABLE ${TABLE} ALTER bulk SET STORAGE EXTERNAL;`,
        );
        await sql(
          `COPY ${TABLE} FROM PROGRAM 'for i in $(seq ${BULK_MB}); do head -c 750000 /dev/urandom | base64 -w0; echo; done';`,
        );
      });
      const known = await sets(leader);
      await scene.step("The next incremental one is due at once", () => makeDue(scene));
      const begun = await scene.fault(`${doomed.name} makes it, and loses power half-way`, async () => {
        const folder = await beginBackup(scene, doomed, known);
        await doomed.kill();
        return folder;
      });
      const died = now();
      const lock = await etcdctl(scene, leader, "get", "--prefix", "--print-value-only", lockKey(scene));
      scene.prove(`its lock was held: ${lock.trim()}`, lock.includes(doomed.name));
      scene.prove(
        `what it began is no backup: ${begun}`,
        (await sets(leader)).every((label) => label !== begun),
      );
      const made = await scene.step(`Recover: ${other.name} makes the backup by itself`, () =>
        scene.eventually(
          "a backup by the other node",
          async () => {
            // Its timer does the same once a minute.
            await tryScript(other, "systemctl start dr-backup.service", 120);
            return (await sets(leader)).find((label) => !known.includes(label));
          },
          3 * TAKEOVER_SECONDS,
          1000,
        ),
      );
      scene.measure({
        name: "from the loss of power until there was a backup",
        value: (now() - died) / 1000,
        unit: "s",
        atMost: 2 * TAKEOVER_SECONDS,
      });
      const record = JSON.parse(await etcdctl(scene, leader, "get", "--print-value-only", resultKey(scene)));
      scene.prove(`${made} was made by ${record.node}`, record.node === other.name && record.error === null);
      await scene.step("Verify: every file of it is there and as it was read", async () => {
        const said = await script(
          other,
          `runuser -u postgres -- pgbackrest --stanza=${clusterName(scene.region)} --set=${made} --output=text --verbose verify`,
          120,
        );
        const valid = /backup: (\S+), status: (\w+)/.exec(said);
        scene.prove(`pgbackrest verify: ${valid?.[0] ?? said.trim()}`, valid?.[2] === "valid");
      });
      await scene.step(`Recover: ${doomed.name} comes back`, async () => {
        await doomed.boot();
        await scene.whole(150);
      });
    } finally {
      await setIncremental(scene, scene.settings.backup.incrementalMinutes);
      await scene.database.sql(
        await scene.leader(),
        `DROP TABLE IF EXISTS ${TABLE};`,
        scene.settings.databases[0]?.name,
      );
    }
  },
};

const lockKey = (scene: Scene) => `${base(scene)}/backup/lock`;
const resultKey = (scene: Scene) => `${base(scene)}/backup/result`;
const base = ({ settings, region }: Scene) => `/${settings.name}/${clusterName(region)}`;

/** Labels of the complete ones. */
async function sets(node: Machine): Promise<readonly string[]> {
  const said = await script(
    node,
    "runuser -u postgres -- pgbackrest --stanza=$DR_STANZA --output=json --log-level-console=off info",
  );
  const [stanza] = JSON.parse(said) as { backup: { label: string }[] }[];
  return stanza?.backup.map(({ label }) => label) ?? [];
}

/** As if an hour had gone by. */
const makeDue = (scene: Scene) => setIncremental(scene, 0);

async function setIncremental(scene: Scene, minutes: number): Promise<void> {
  for (const node of scene.voters.filter(({ alive }) => alive)) {
    await script(
      node,
      `jq --compact-output '.incrementalMinutes = ${minutes}' ${CONFIG} > ${CONFIG}.new && mv ${CONFIG}.new ${CONFIG}`,
    );
  }
}

/** Waits until its first object is in the vault. @returns its label, which the dead node never finishes. */
async function beginBackup(scene: Scene, node: Machine, known: readonly string[]): Promise<string> {
  const { running, region, id } = scene;
  await script(node, "systemctl --no-block start dr-backup.service");
  const folder = `${region.repositoryPath.slice(1)}/backup/${clusterName(region)}/`;
  return scene.eventually(
    `${node.name} has begun a backup`,
    async () => {
      const labels = (await running.vaults.list(id, folder)).map(
        (key) => key.slice(folder.length).split("/")[0],
      );
      return labels.find((label) => label && /^\d{8}-\d{6}F/.test(label) && !known.includes(label));
    },
    60,
    20,
  );
}
