import { PutPublicAccessBlockCommand, S3Client } from "@aws-sdk/client-s3";
import type { Change } from "../../operations/engine/events.js";
import { changeLine } from "../../operations/engine/render.js";
import { clientFor } from "../providers/aws/context.js";
import type { Scene } from "./demo-scene.js";

const TYPE = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";

/** Opens the home vault's public access block with the AWS SDK, as somebody at a console would. */
export async function driftVault({ sandbox, progress, say }: Scene): Promise<void> {
  const state = await sandbox.state("global");
  const resources = state.deployment.resources as {
    type: string;
    outputs?: { bucket?: string; region?: string };
  }[];
  const found = resources.find(({ type, outputs }) => type === TYPE && outputs?.bucket?.includes("vault"));
  const { bucket, region } = found?.outputs ?? {};
  if (!bucket || !region) throw new Error("stack global has no vault with a public access block");

  say("  somebody switches off the public access block of a vault:");
  say(`    ${bucket}`);
  await clientFor(S3Client, sandbox.emulator.endpoint, region).send(
    new PutPublicAccessBlockCommand({
      Bucket: bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: false,
        BlockPublicPolicy: false,
        IgnorePublicAcls: false,
        RestrictPublicBuckets: false,
      },
    }),
  );
  const drifted = (changes: readonly Change[]) => changes.filter(({ type }) => type === TYPE);

  const refresh = await progress.during("refresh global", () => sandbox.refresh("global"));
  if (drifted(refresh.changes).length === 0)
    throw new Error("refresh did not find the public access block that was switched off");
  for (const change of refresh.changes) say(`  found:  ${changeLine(change)}`);

  const healed = await progress.during("up global", () => sandbox.up("global"));
  if (drifted(healed.changes).length === 0) throw new Error("up did not restore the public access block");
  for (const change of healed.changes) say(`  repaired: ${changeLine(change)}`);
}
