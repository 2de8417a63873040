import { beforeAll, expect, test } from "vitest";
import { decide } from "../support/iam.js";
import { BASE_SETTINGS, COPY_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const BUCKET = "aws:s3/bucket:Bucket";
const REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";
const HOME = "drs-vault-123456789012-eu-west-1";
const RECOVERY = "drs-vault-123456789012-eu-central-1";

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global", {
    ...BASE_SETTINGS,
    backup: { lockDays: 20, retentionDays: 25 },
    audit: { lockDays: 100, retentionDays: 120 },
  });
});

const of = (name: string, kind: string) => global.one(`${name}-${kind}`).inputs;

test("a vault in each region, named as the other region derives it", () => {
  expect(global.one("vault-home", BUCKET)).toMatchObject({ region: "eu-west-1", protect: true });
  expect(global.one("vault-home", BUCKET).inputs.bucket).toBe(HOME);
  expect(global.one("vault-recovery", BUCKET)).toMatchObject({ region: "eu-central-1", protect: true });
  expect(global.one("vault-recovery", BUCKET).inputs.bucket).toBe(RECOVERY);
});

test.each([
  ["vault-home", 20],
  ["vault-recovery", 20],
  ["audit-bucket", 100],
])("%s is immutable for %i days", (name, days) => {
  expect(global.one(name, BUCKET).inputs.objectLockEnabled).toBe(true);
  expect(of(name, "lock").rule).toEqual({ defaultRetention: { mode: "COMPLIANCE", days } });
});

test("runbooks have no lock", () => {
  expect(global.one("runbooks-home", BUCKET).inputs).not.toHaveProperty("objectLockEnabled");
  expect(global.resources.some(({ name }) => name === "runbooks-home-lock")).toBe(false);
});

test.each(["vault-home", "vault-recovery", "audit-bucket", "runbooks-home", "runbooks-recovery"])(
  "%s is versioned, encrypted with a key of its region, without ACLs, never public",
  (name) => {
    expect(of(name, "versioning").versioningConfiguration).toEqual({ status: "Enabled" });
    const [rule] = of(name, "encryption").rules;
    expect(rule).toMatchObject({
      applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" },
      bucketKeyEnabled: true,
    });
    expect(rule.applyServerSideEncryptionByDefault.kmsMasterKeyId).toMatch(
      name.endsWith("recovery") ? /keys-backups-replica$/ : /keys-(backups|audit)$/,
    );
    expect(of(name, "ownership").rule).toEqual({ objectOwnership: "BucketOwnerEnforced" });
    expect(of(name, "public-access")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const regions = global.resources.filter((r) => r.parent === name && r.custom).map((r) => r.region);
    expect(new Set(regions).size).toBe(1);
  },
);

const put = (context: Record<string, string>) =>
  decide(
    {
      action: "s3:PutObject",
      resource: `arn:aws:s3:::${HOME}/eu-west-1/archive/x`,
      principal: "node",
      context: { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", ...context },
    },
    of("vault-home", "policy").policy,
  );

test("a bucket's access is changed step by step, and nothing is copied before both vaults are ready", () => {
  const waitsFor = (name: string, other: string) =>
    global.one(name).dependencies.some((urn) => urn.endsWith(`::${other}`));
  for (const bucket of ["vault-home", "audit-bucket", "runbooks-recovery"]) {
    expect(waitsFor(`${bucket}-public-access`, `${bucket}-ownership`)).toBe(true);
    expect(waitsFor(`${bucket}-policy`, `${bucket}-public-access`)).toBe(true);
  }
  for (const ready of ["versioning", "lock", "encryption", "policy"]) {
    expect(waitsFor("vault-home-to-recovery-replication", `vault-home-${ready}`), ready).toBe(true);
    expect(waitsFor("vault-home-to-recovery-replication", `vault-recovery-${ready}`), ready).toBe(true);
  }
  expect(waitsFor("audit-trail", "audit-bucket-policy")).toBe(true);
});

test("a vault's policy denies plain text, old TLS, other keys and other encryption, and nothing else", () => {
  const key = of("vault-home", "encryption").rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId;
  const algorithm = "s3:x-amz-server-side-encryption";
  const keyId = "s3:x-amz-server-side-encryption-aws-kms-key-id";
  expect(put({})).toBe("nothing");
  expect(put({ [algorithm]: "aws:kms", [keyId]: key })).toBe("nothing");
  expect(put({ "aws:SecureTransport": "false" })).toBe("deny");
  expect(put({ "s3:TlsVersion": "1.1" })).toBe("deny");
  expect(put({ [algorithm]: "AES256" })).toBe("deny");
  expect(put({ [algorithm]: "aws:kms", [keyId]: "arn:aws:kms:eu-west-1:1:key/theirs" })).toBe("deny");
});

test("vaults replicate into each other, under the destination's key, within 15 minutes, without deletes", () => {
  const directions = [
    ["vault-home-to-recovery-replication", HOME, "vault-recovery", "keys-backups-replica"],
    ["vault-recovery-to-home-replication", RECOVERY, "vault-home", "keys-backups"],
  ] as const;
  for (const [name, source, destination, key] of directions) {
    const { bucket, rules } = global.one(name, REPLICATION).inputs;
    expect(bucket).toBe(source);
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatchObject({
      status: "Enabled",
      deleteMarkerReplication: { status: "Disabled" },
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
      destination: {
        replicationTime: { status: "Enabled", time: { minutes: 15 } },
        metrics: { status: "Enabled", eventThreshold: { minutes: 15 } },
      },
    });
    expect(rules[0].destination.bucket).toMatch(new RegExp(`:${destination}$`));
    expect(rules[0].destination.encryptionConfiguration.replicaKmsKeyId).toMatch(new RegExp(`:${key}$`));
    expect(rules[0].sourceSelectionCriteria).not.toHaveProperty("replicaModifications");
    // The second version of S3's rules wants both, with delete markers.
    expect(rules[0]).toMatchObject({ priority: 1, filter: { prefix: "" } });
  }
});

test("a replication role reads one vault, writes replicas to the other, and copies no deletes", () => {
  const policy = of("vault-home-to-recovery", "permissions").policy;
  const may = (action: string, resource: string, context = {}) =>
    decide({ action, resource, context }, policy);
  expect(may("s3:GetObjectVersionForReplication", `arn:aws:s3:::${HOME}/x`)).toBe("allow");
  expect(may("s3:ReplicateObject", `arn:aws:s3:::${RECOVERY}/x`)).toBe("allow");
  expect(may("s3:ReplicateObject", `arn:aws:s3:::${HOME}/x`)).toBe("nothing");
  expect(may("s3:ReplicateDelete", `arn:aws:s3:::${RECOVERY}/x`)).toBe("nothing");
  expect(may("s3:GetObjectVersionForReplication", `arn:aws:s3:::${RECOVERY}/x`)).toBe("nothing");
  const key = of("vault-home", "encryption").rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId;
  const through = (service: string) => ({
    "kms:ViaService": service,
    "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${HOME}`,
  });
  expect(may("kms:Decrypt", key, through("s3.eu-west-1.amazonaws.com"))).toBe("allow");
  expect(may("kms:Decrypt", key, through("ec2.eu-west-1.amazonaws.com"))).toBe("nothing");
  expect(may("kms:Encrypt", key, through("s3.eu-west-1.amazonaws.com"))).toBe("nothing");
});

test("own backups expire only once superseded; what no program deletes expires by age, but never the file that opens the archive", () => {
  const rules = of("vault-home", "lifecycle").rules as Record<string, any>[];
  const byId = Object.fromEntries(rules.map((rule) => [rule.id, rule]));
  expect(byId["abort-broken-uploads"]?.abortIncompleteMultipartUpload).toEqual({ daysAfterInitiation: 7 });
  expect(byId["expire-superseded"]).toMatchObject({
    filter: {},
    noncurrentVersionExpiration: { noncurrentDays: 25 },
    expiration: { expiredObjectDeleteMarker: true },
  });
  const byAge = rules.filter(({ expiration }) => expiration?.days);
  expect(
    byAge.map(({ filter, expiration }) => [filter.prefix ?? filter.and.prefix, expiration.days]),
  ).toEqual([
    ["eu-west-1/dump/", 25],
    ["eu-west-1/restore-tests/", 25],
    ["eu-central-1/backup/", 55],
    ["eu-central-1/archive/", 55],
    ["eu-central-1/dump/", 55],
    ["eu-central-1/restore-tests/", 55],
  ]);
  expect(byId["expire-replica-archive"]?.filter.and.objectSizeGreaterThan).toBeGreaterThan(1024);
});

test("a third copy goes to another account, which owns it, from where each backup was made", async () => {
  const copied = await recordStack("global", COPY_SETTINGS);
  const bucket = "arn:aws:s3:::drs-copy-210987654321-eu-west-3";
  for (const direction of ["home-to-recovery", "recovery-to-home"]) {
    const { rules } = copied.one(`vault-${direction}-replication`, REPLICATION).inputs;
    expect(rules.map(({ id, priority }: any) => [id, priority])).toEqual([
      [expect.stringMatching(/^to-eu-/), 1],
      ["to-other-account", 2],
    ]);
    expect(rules[1]).toMatchObject({
      deleteMarkerReplication: { status: "Disabled" },
      destination: {
        bucket,
        account: "210987654321",
        accessControlTranslation: { owner: "Destination" },
        encryptionConfiguration: { replicaKmsKeyId: "arn:aws:kms:eu-west-3:210987654321:alias/drs-copy" },
        metrics: { status: "Enabled" },
      },
    });
    const { policy } = copied.one(`vault-${direction}-permissions`).inputs;
    const may = (action: string, resource: string, context = {}) =>
      decide({ action, resource, context }, policy);
    expect(may("s3:ReplicateObject", `${bucket}/x`)).toBe("allow");
    expect(may("s3:ObjectOwnerOverrideToBucketOwner", `${bucket}/x`)).toBe("allow");
    expect(may("s3:ReplicateDelete", `${bucket}/x`)).toBe("nothing");
    expect(may("s3:ObjectOwnerOverrideToBucketOwner", `arn:aws:s3:::${RECOVERY}/x`)).toBe("nothing");
    const encrypt = (service: string) =>
      may("kms:GenerateDataKey", "arn:aws:kms:eu-west-3:210987654321:key/1", {
        "kms:ViaService": service,
        "kms:EncryptionContext:aws:s3:arn": bucket,
      });
    expect(encrypt("s3.eu-west-3.amazonaws.com")).toBe("allow");
    expect(encrypt("s3.eu-west-1.amazonaws.com")).toBe("nothing");
  }
});
