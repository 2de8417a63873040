/** `dr bootstrap state-bucket`: the bucket of Pulumi's state, older than any stack, so made without Pulumi. */
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { UserError } from "../common/errors.js";

export interface StateBucketArgs {
  readonly bucket: string;
  /** AWS region of the witness: the state outlives either of the others. */
  readonly region: string;
  /** The bucket must be this account's. */
  readonly accountId: string;
  /**
   * Policies, the wanted one first. S3 refuses a policy that names roles before stack `global` has made them; then
   * the next one is put.
   */
  readonly policies: readonly string[];
  /** Days for which no user, not even the account's root, can delete a version. */
  readonly lockDays: number;
  /** Default: one of the region, path style for an emulator. */
  readonly client?: S3Client;
}

/** Days after which replaced versions expire, once their lock is over: each deployment writes a dozen. */
const SUPERSEDED_DAYS = 90;

/** What protects the state, as one can read it back. */
interface Protection {
  readonly versioning?: string;
  readonly lockMode?: string;
  readonly lockDays?: number;
  readonly encryption?: string;
  readonly publicAccessBlocked: boolean;
  readonly supersededDays?: number;
  /** In one form, whichever way S3 writes it. */
  readonly policy?: string;
}

/**
 * Makes the bucket, or brings an existing one of this account to the same protection, and reads all of it back.
 * @returns the index of the policy that S3 took
 * @throws UserError for somebody else's bucket, and when S3 doesn't have what was set
 */
export async function makeStateBucket(args: StateBucketArgs): Promise<number> {
  const { bucket: Bucket, accountId: ExpectedBucketOwner, lockDays } = args;
  const s3 = args.client ?? clientOf(args.region);
  await create(s3, args);
  const own = { Bucket, ExpectedBucketOwner };
  await s3.send(
    new PutPublicAccessBlockCommand({
      ...own,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  await s3.send(new PutBucketVersioningCommand({ ...own, VersioningConfiguration: { Status: "Enabled" } }));
  await s3.send(
    new PutObjectLockConfigurationCommand({
      ...own,
      ObjectLockConfiguration: {
        ObjectLockEnabled: "Enabled",
        Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: lockDays } },
      },
    }),
  );
  await s3.send(
    new PutBucketEncryptionCommand({
      ...own,
      ServerSideEncryptionConfiguration: {
        // What is secret in the state is encrypted under the secrets key already. Under another KMS key for the
        // bucket each role would need rights to that one, too.
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
      },
    }),
  );
  await s3.send(
    new PutBucketLifecycleConfigurationCommand({
      ...own,
      LifecycleConfiguration: {
        Rules: [
          {
            ID: "expire-superseded",
            Status: "Enabled",
            Filter: { Prefix: "" },
            NoncurrentVersionExpiration: { NoncurrentDays: Math.max(SUPERSEDED_DAYS, lockDays) },
            // Each run deletes its lock file, which leaves a marker.
            Expiration: { ExpiredObjectDeleteMarker: true },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          },
        ],
      },
    }),
  );
  const taken = await putPolicy(s3, args);
  const differences = await stateBucketDifferences({ ...args, client: s3 }, taken);
  if (differences.length === 0) return taken;
  throw new UserError(
    `bucket ${Bucket} isn't what was set`,
    differences.join("\n  "),
    "see who else changes it, and run this again",
  );
}

/**
 * Reads only.
 * @param policy index of the policy that is expected; default: any of them
 * @returns a line per difference; none when the bucket is protected as `makeStateBucket` makes it
 */
export async function stateBucketDifferences(args: StateBucketArgs, policy?: number): Promise<string[]> {
  const found = await protectionOf(args.client ?? clientOf(args.region), args);
  const policies = policy === undefined ? args.policies : args.policies.slice(policy, policy + 1);
  const wanted: Record<Exclude<keyof Protection, "policy">, unknown> = {
    versioning: "Enabled",
    lockMode: "COMPLIANCE",
    lockDays: args.lockDays,
    encryption: "AES256",
    publicAccessBlocked: true,
    supersededDays: Math.max(SUPERSEDED_DAYS, args.lockDays),
  };
  const lines = Object.entries(wanted).flatMap(([name, value]) => {
    const now = found[name as keyof Protection];
    return now === value ? [] : [`${name}: ${now ?? "none"} instead of ${value}`];
  });
  if (!policies.some((text) => canonical(JSON.parse(text)) === found.policy))
    lines.push("policy: another one");
  return lines;
}

const clientOf = (region: string) =>
  new S3Client({ region, forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });

async function create(s3: S3Client, { bucket, region, accountId }: StateBucketArgs): Promise<void> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket, ExpectedBucketOwner: accountId }));
    return;
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === 403)
      throw new UserError(
        `bucket ${bucket} isn't of account ${accountId}, or isn't yours to see`,
        "Names of buckets are unique in the whole world.",
        "choose another name, or use credentials of its account",
      );
    if (status !== 404) throw error;
  }
  await s3.send(
    new CreateBucketCommand({
      Bucket: bucket,
      ObjectLockEnabledForBucket: true,
      // S3 refuses the name of its oldest region here.
      ...(region !== "us-east-1" && {
        CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
      }),
    }),
  );
}

async function putPolicy(s3: S3Client, args: StateBucketArgs): Promise<number> {
  const own = { Bucket: args.bucket, ExpectedBucketOwner: args.accountId };
  for (const [i, Policy] of args.policies.entries()) {
    try {
      await s3.send(new PutBucketPolicyCommand({ ...own, Policy }));
      return i;
    } catch (error) {
      if ((error as Error).name !== "MalformedPolicy" || i === args.policies.length - 1) throw error;
    }
  }
  throw new Error("no policy to put");
}

async function protectionOf(s3: S3Client, { bucket, accountId }: StateBucketArgs): Promise<Protection> {
  const own = { Bucket: bucket, ExpectedBucketOwner: accountId };
  const [versioning, lock, encryption, access, lifecycle, policy] = await Promise.all([
    s3.send(new GetBucketVersioningCommand(own)),
    unlessUnset(s3.send(new GetObjectLockConfigurationCommand(own))),
    unlessUnset(s3.send(new GetBucketEncryptionCommand(own))),
    unlessUnset(s3.send(new GetPublicAccessBlockCommand(own))),
    unlessUnset(s3.send(new GetBucketLifecycleConfigurationCommand(own))),
    unlessUnset(s3.send(new GetBucketPolicyCommand(own))),
  ]);
  const retention = lock?.ObjectLockConfiguration?.Rule?.DefaultRetention;
  const blocks = access?.PublicAccessBlockConfiguration ?? {};
  return {
    versioning: versioning.Status,
    lockMode: retention?.Mode,
    lockDays: retention?.Days,
    encryption:
      encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault
        ?.SSEAlgorithm,
    publicAccessBlocked: [
      blocks.BlockPublicAcls,
      blocks.BlockPublicPolicy,
      blocks.IgnorePublicAcls,
      blocks.RestrictPublicBuckets,
    ].every(Boolean),
    supersededDays: lifecycle?.Rules?.find(({ Status }) => Status === "Enabled")?.NoncurrentVersionExpiration
      ?.NoncurrentDays,
    policy: policy?.Policy && canonical(JSON.parse(policy.Policy)),
  };
}

/** S3 answers 404 where a setting was never made. */
async function unlessUnset<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === 404 && name !== "NoSuchBucket") return undefined;
    throw error;
  }
}

/** IAM takes a list of one for its element, and reads lists and keys in any order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    const items = value.map(canonical).sort();
    return items.length === 1 ? (items[0] as string) : `[${items.join()}]`;
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`);
  return `{${entries.sort().join()}}`;
}
