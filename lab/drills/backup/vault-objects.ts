import { HeadObjectCommand, type ObjectVersion, type S3Client } from "@aws-sdk/client-s3";
import type { RegionId } from "../../../settings/stacks.js";
import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "../region/stage/region-scene.js";
import { asRoot, vaultOf, versionsOf } from "./stage/attacker.js";
import { archiveAll, backUp } from "./stage/steps.js";

const REGIONS = ["home", "recovery"] as const satisfies readonly RegionId[];
const DAY_MILLIS = 86_400_000;
/** Between the upload, by S3's clock, and the lock that it got. */
const SLACK_MILLIS = 2000;
/** Questions under way at once. */
const AT_ONCE = 8;

export const vaultObjects: RegionDrill = {
  kind: "region",
  name: "vault-objects",
  title: "Every object of both vaults is locked and encrypted as required, during a backup too",
  runbook: "vault-tampering.md",
  hypothesis:
    "S3 itself says of every version in both regions' repositories, and in the copies of each other's, that it is encrypted under the bucket's own key, is a version, and is locked in COMPLIANCE mode for as long as settings say.",
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const active = scene.active();
    const leader = await scene.leader();
    await scene.fault(`a full backup in ${active}, while writes go on`, () => backUp(scene, "full"));
    await scene.step("What was written until now is archived, and copied to the other vault", async () => {
      await archiveAll(scene, leader);
      await scene.eventually("the copy", () => isCopied(scene, active), 90, 500);
    });
    for (const bucketOf of REGIONS) {
      for (const repository of REGIONS) {
        const whose = bucketOf === repository ? "its own repository" : "its copy of the other region's";
        await scene.step(`Verify: vault of ${bucketOf}, ${whose}`, () =>
          seeKept(scene, bucketOf, vaultOf(scene, repository).prefix, repository === active),
        );
      }
    }
  },
};

/** Whether the other vault has every object of the active region's repository. */
async function isCopied(scene: RegionScene, active: RegionId): Promise<boolean> {
  const { prefix } = vaultOf(scene, active);
  const { vaults } = scene.running;
  const [here, there] = await Promise.all(REGIONS.map((id) => vaults.list(id, prefix)));
  return here?.join() === there?.join();
}

async function seeKept(scene: RegionScene, id: RegionId, prefix: string, isUsed: boolean): Promise<void> {
  const s3 = asRoot(scene, id);
  const { bucket } = vaultOf(scene, id);
  const versions = await versionsOf(s3, bucket, prefix);
  const wanted = { key: scene.running.vaults.store.keys[id], days: scene.settings.backup.lockDays };
  const flaws: string[] = [];
  for (let from = 0; from < versions.length; from += AT_ONCE) {
    const some = versions.slice(from, from + AT_ONCE);
    flaws.push(...(await Promise.all(some.map((each) => flawsOf(s3, bucket, each, wanted)))).flat());
  }
  const what = `below ${prefix} of ${id}'s vault`;
  scene.measure({ name: `versions ${what}`, value: versions.length, unit: "" });
  scene.measure({ name: `flaws of those ${what}`, value: flaws.length, unit: "", atMost: 0 });
  if (flaws[0]) throw new Error(`${flaws.length} flaws ${what}, e.g. ${flaws[0]}`);
  if (isUsed) scene.prove(`there are versions ${what}`, versions.length > 0);
}

/** Of one version, by S3's own answer to a plain HEAD. */
async function flawsOf(
  s3: S3Client,
  bucket: string,
  { Key: key, VersionId: versionId }: ObjectVersion,
  wanted: { readonly key: string; readonly days: number },
): Promise<string[]> {
  const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
  const kept = (head.ObjectLockRetainUntilDate?.getTime() ?? 0) - (head.LastModified?.getTime() ?? 0);
  return [
    ...(head.ServerSideEncryption === "aws:kms" ? [] : [`is encrypted by ${head.ServerSideEncryption}`]),
    ...(head.SSEKMSKeyId === wanted.key ? [] : [`is under key ${head.SSEKMSKeyId}`]),
    ...(head.VersionId && head.VersionId !== "null" ? [] : ["is no version"]),
    ...(head.ObjectLockMode === "COMPLIANCE" ? [] : [`is locked in mode ${head.ObjectLockMode}`]),
    ...(kept >= wanted.days * DAY_MILLIS - SLACK_MILLIS ? [] : [`is locked for ${kept / DAY_MILLIS} days`]),
  ].map((flaw) => `${key} ${flaw}`);
}
