import type { RestoreReport } from "../../../nodes/bin/reports.js";
import { clusterName, DATA_DIRECTORY, DATABASE_FOLDER } from "../../../nodes/layout.js";
import type { Machine } from "../../twin/types.js";
import type { RegionDrill } from "../drill.js";
import { credentials } from "../load.js";
import { lastAcknowledged } from "../lost-rows.js";
import type { RegionScene } from "../region/stage/region-scene.js";
import { BROKEN_OFF, Custody } from "./stage/new-account.js";
import { script, tryScript } from "./stage/node-script.js";
import { type Moment, momentOf } from "./stage/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "./stage/steps.js";

const NEW_ACCOUNT = "222222222222";
/** Log beyond the backup, in several segments. */
const SERVE_SECONDS = 25;
/** The twin copies once a second; on a busy host upload and copy take longer. S3 takes minutes. */
const COPY_SECONDS = 20;
const OPEN_SECONDS = 300;

export const accountGone: RegionDrill = {
  kind: "region",
  name: "account-gone",
  title:
    "The account is gone: both regions, both vaults, secrets, claims; a new one begins from the third copy",
  runbook: "account-gone.md",
  hypothesis:
    "The copy in another account has the backups and the log, and the escrow has their passphrase. A new deployment gets both, and its first cluster begins from them instead of an empty one. What was not archived or not copied yet is lost, and nothing else; both regions serve again.",
  settings: QUICK_ARCHIVE,
  thirdCopy: true,
  // Users who ask by name are in region-dead.
  http: false,
  nightly: true,
  expect: { lostRows: "set-back", writeGapSeconds: 420 },
  async run(scene) {
    await scene.step(`A full backup of ${scene.active()}`, () => backUp(scene));
    const custody = await scene.step("Seal the escrow, and keep it elsewhere", () => Custody.seal(scene));
    try {
      await lose(scene, custody);
    } finally {
      await custody.close();
    }
  },
};

async function lose(scene: RegionScene, custody: Custody): Promise<void> {
  const { running } = scene;
  const lost = running.contract.home.vaultBucket;
  await scene.step(`The service goes on for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
  const moment = await momentOf(scene, await scene.leader());
  await scene.fault("destroy machines, volumes, vaults, secrets and claims of the account", () =>
    scene.loseAccount(NEW_ACCOUNT),
  );
  const { epoch, status } = await scene.claims.read();
  scene.prove(
    "nothing is claimed, and no region has served",
    epoch.home + epoch.recovery + status.home.opened === 0,
  );
  await scene.step("Restore: npx dr restore --from copy, broken off before its order", () =>
    custody.begin(scene, false).then(
      () => Promise.reject(new Error("it ended")),
      (error: Error) => scene.prove(`it ended: ${error.message}`, error.message === BROKEN_OFF),
    ),
  );
  await scene.step("Deploy prod too early: claim its first epoch, start its machines", async () => {
    await running.claims.claim("home", 1);
    await running.start("home");
    const database = await scene.eventually("a Tomcat server has its secrets and the authority", () =>
      credentials(scene),
    );
    scene.loads?.useDatabase(database);
    await scene.loads?.startIn("home");
  });
  await scene.step("Verify: no cluster begins beside backups without an order", () => seeRefused(scene));
  const { plan, copied } = await scene.step("Restore: the same command again", () =>
    custody.begin(scene, true),
  );
  scene.prove(
    `${plan.all.objects} objects of ${plan.from}, ${plan.backups.length} backups among them; the second run copied ${copied?.objects}`,
    (copied?.objects ?? 0) < plan.all.objects,
  );
  await scene.step("Verify: clients write", () => scene.writesFlow(OPEN_SECONDS));
  scene.measure({
    name: "RTO: from the loss to the first acknowledged write",
    value: scene.sinceFault(),
    unit: "s",
  });
  const leader = await scene.leader();
  await scene.step("Validate: what is there, and up to when", () => seeLoss(scene, leader, moment));
  await scene.step("Verify: the lost account's vault can't be read", () =>
    seeOutOfReach(scene, leader, lost),
  );
  await scene.step("Verify: the new cluster archives, and backs up", async () => {
    await scene.eventually("every member is in the quorum", () => scene.at("home").whole(1), 180);
    await archiveAll(scene, await scene.leader());
    await backUp(scene);
  });
  await scene.step("Deploy dr: the second region copies the first", async () => {
    await scene.start("recovery");
    await scene.follows(300);
  });
}

async function seeRefused(scene: RegionScene): Promise<void> {
  const refusal = "no cluster begins beside them: there is no order";
  const by = await scene.eventually(
    "a node refuses to begin a cluster",
    async () => {
      for (const node of scene.voters) {
        const { exitCode } = await node.run(["grep", "--quiet", refusal, "/run/twin/logs/patroni.log"]);
        if (exitCode === 0) return node;
      }
      return undefined;
    },
    90,
    1000,
  );
  const { exitCode } = await by.run(["test", "-e", DATA_DIRECTORY]);
  scene.prove(`${by.name} refused, and has no data`, exitCode !== 0);
}

/** The emulator destroys no locked objects, like AWS. So the node requests the same object from both vaults. */
async function seeOutOfReach(scene: RegionScene, leader: Machine, lost: string): Promise<void> {
  const { running } = scene;
  const { repositoryPath, vaultBucket } = running.contract.home;
  const list = `${repositoryPath.slice(1)}/backup/${clusterName(running.contract.home)}/backup.info`;
  const get = (bucket: string) => tryScript(leader, `dr-get-artifact s3://${bucket}/${list} /tmp/list`, 30);
  const [own, other] = [await get(vaultBucket), await get(lost)];
  scene.prove(`${vaultBucket} answers, and ${lost} doesn't`, own.exitCode === 0 && other.exitCode !== 0);
}

/** By the ledger's clock: all that was committed up to the reported commit is there, and nothing later. */
async function seeLoss(scene: RegionScene, leader: Machine, { time, at }: Moment): Promise<void> {
  const begun: string[] = [];
  for (const node of scene.voters) {
    const { exitCode, stdout } = await tryScript(node, `cat ${DATABASE_FOLDER}/begun.json`, 10);
    if (exitCode === 0) begun.push(stdout);
  }
  scene.prove(`one node of ${scene.voters.length} began the cluster`, begun.length === 1);
  const { backup, stanza, lastCommit, walSegments } = JSON.parse(begun[0] as string) as RestoreReport;
  scene.prove(
    `it began from ${backup} of ${stanza}, and ${walSegments} segments after it`,
    (walSegments ?? 0) > 0,
  );
  const committedAt = at - (Date.parse(time) - Date.parse(lastCommit ?? ""));
  const gone = scene.faults[0]?.from ?? 0;
  scene.setBack = { from: committedAt, to: gone };
  const lastAt = lastAcknowledged(scene.ledger.writes, gone);
  scene.measure({
    name: "RPO: from the last commit in the copy to the last one acknowledged",
    value: (lastAt - committedAt) / 1000,
    unit: "s",
    atMost: scene.settings.backup.archiveTimeoutSeconds + COPY_SECONDS,
  });
  const marks = await script(leader, "runuser -u postgres -- psql -XAtc 'SELECT count(*) FROM dr.mark'");
  scene.measure({
    name: "marks of epochs: the new deployment's alone",
    value: Number(marks),
    unit: "",
    atMost: 1,
  });
}
