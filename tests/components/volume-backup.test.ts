import { beforeAll, expect, test } from "vitest";
import { restoreTestCron, volumeBackupCron } from "../../components/volume-backup-schedule.js";
import { allows, decide, type Request } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

let global: Recording;
let region: Recording;
const settings = { ...BASE_SETTINGS, volumeBackup: { keepDays: 20, restoreTestDays: 7 } };
beforeAll(async () => {
  global = await recordStack("global", settings);
  region = await recordStack("prod", settings);
});
const inputs = (name: string) => region.one(`volume-backup-${name}`).inputs;
const vaultArn = (at: string) => `arn:aws:backup:${at}:${ACCOUNT_ID}:backup-vault:drs-${at}-volumes`;

test("a locked vault in each region, under that region's data key, before any plan names it", () => {
  for (const [id, at, key] of [
    ["home", "eu-west-1", "keys-data"],
    ["recovery", "eu-central-1", "keys-data-replica"],
  ] as const) {
    const vault = global.one(`volumes-${id}`, "aws:backup/vault:Vault");
    expect(vault).toMatchObject({ region: at, protect: true });
    expect(vault.inputs.name).toBe(`drs-${at}-volumes`);
    expect(vault.inputs.kmsKeyArn).toMatch(new RegExp(`:${key}$`));
    const lock = global.one(`volumes-${id}-lock`);
    expect(lock.inputs).toMatchObject({ changeableForDays: 3, minRetentionDays: 20 });
    // After three days AWS refuses any change of it; `up` must not try.
    expect(lock.ignoreChanges).toEqual(["changeableForDays", "minRetentionDays"]);
  }
});

test("a recovery point a day, kept as long as the settings say, here and in the other region", () => {
  const [rule, ...rest] = inputs("plan").rules;
  expect(rest).toEqual([]);
  expect(rule).toMatchObject({
    targetVaultName: "drs-eu-west-1-volumes",
    schedule: "cron(0 5 * * ? *)",
    lifecycle: { deleteAfter: 20 },
    copyActions: [{ destinationVaultArn: vaultArn("eu-central-1"), lifecycle: { deleteAfter: 20 } }],
  });
});

test("of the voters' volumes, not of instances, which carry the tag too", () => {
  const { resources, conditions, selectionTags } = inputs("voters");
  expect(resources).toEqual(["arn:aws:ec2:*:*:volume/*"]);
  // Either of tags and resources would do; of conditions and resources both must hold.
  expect(selectionTags).toBeUndefined();
  expect(conditions[0].stringLikes).toEqual([
    { key: "aws:ResourceTag/dr-node", value: "drs-eu-west-1-db-*" },
  ]);
  expect(region.one("database-1-data").inputs.tags["dr-node"]).toBe("drs-eu-west-1-db-1");
});

test("AWS restores one of them now and then", async () => {
  expect(inputs("restore-test")).toMatchObject({
    name: "drs_eu_west_1_volumes",
    scheduleExpression: "cron(0 8 1/7 * ? *)",
    recoveryPointSelection: { includeVaults: [vaultArn("eu-west-1")] },
  });
  expect(inputs("restore-test-volumes")).toMatchObject({ protectedResourceType: "EBS" });
  const never = await recordStack("prod", { ...BASE_SETTINGS, volumeBackup: { restoreTestDays: 0 } });
  expect(never.resources.filter(({ type }) => /restoreTesting/.test(type))).toEqual([]);
});

test.each([
  [1, "cron(0 8 * * ? *)"],
  [7, "cron(0 8 1/7 * ? *)"],
  [30, "cron(0 8 1 * ? *)"],
  [90, "cron(0 8 1 1/3 ? *)"],
])("every %i days is %s", (days, cron) => {
  expect(restoreTestCron(days, 1)).toBe(cron);
});

test("the restore test comes three hours after the backup, whenever the full backup is due", async () => {
  const late = await recordStack("prod", { ...BASE_SETTINGS, backup: { fullHourUtc: 18 } });
  expect(late.one("volume-backup-restore-test").inputs.scheduleExpression).toBe("cron(0 1 1/7 * ? *)");
  expect(late.one("volume-backup-plan").inputs.rules[0].schedule).toBe("cron(0 22 * * ? *)");
});

test("a snapshot comes four hours after the full backup, past midnight too", () => {
  expect(volumeBackupCron(23)).toBe("cron(0 3 * * ? *)");
});

test("its role snapshots and restores volumes, fills the two vaults and deletes no volume", () => {
  const { policy } = global.one("access-home-volume-backup-policy").inputs;
  const boundary = global.one("boundary-machines", "aws:iam/policy:Policy").inputs.policy;
  const may = (action: string, resource: string, context: Request["context"] = {}) =>
    allows(
      { action, resource, context: { "aws:RequestedRegion": resource.split(":")[3] as string, ...context } },
      policy,
      boundary,
    );
  const volume = `arn:aws:ec2:eu-west-1:${ACCOUNT_ID}:volume/vol-1`;
  expect(may("ec2:CreateSnapshot", volume)).toBe(true);
  expect(may("ec2:CreateVolume", volume)).toBe(true);
  expect(may("ec2:DeleteVolume", volume)).toBe(false);
  expect(may("ec2:AttachVolume", volume)).toBe(false);
  for (const at of ["eu-west-1", "eu-central-1"])
    expect(may("backup:CopyIntoBackupVault", vaultArn(at)), at).toBe(true);
  expect(may("backup:DeleteRecoveryPoint", "arn:aws:ec2:eu-west-1::snapshot/snap-1")).toBe(false);
  const trust = global.one("access-home-volume-backup-role", "aws:iam/role:Role").inputs.assumeRolePolicy;
  const assume = (account: string) =>
    decide(
      {
        action: "sts:AssumeRole",
        resource: "role",
        principal: "backup.amazonaws.com",
        context: { "aws:SourceAccount": account },
      },
      trust,
    );
  expect(assume(ACCOUNT_ID)).toBe("allow");
  expect(assume("999999999999")).toBe("nothing");
});

test("failed jobs are published", () => {
  expect(inputs("failed").name).toBe("drs-eu-west-1-volumes-failed");
  expect(inputs("failed-notify").arn).toMatch(/alarms-topics-notify$/);
});

test("nothing of it where settings switch it off", async () => {
  const off = { ...BASE_SETTINGS, volumeBackup: { enabled: false } };
  for (const stack of ["global", "prod"] as const) {
    const { resources } = await recordStack(stack, off);
    expect(
      resources.filter(({ name }) => /^volumes-|volume-backup/.test(name)),
      stack,
    ).toEqual([]);
  }
});
