import * as aws from "@pulumi/aws";
import { expect, test } from "vitest";
import { MachineLogs } from "../../components/machine-logs.js";
import { contractOf } from "../../settings/contract.js";
import { parseRegionSettings } from "../../settings/parse.js";
import { ACCOUNT_ID, BASE_SETTINGS, record } from "../support/recorder.js";

const KEY = "arn:aws:kms:eu-west-1:123456789012:key/data";

const groupsWith = async (raw: Record<string, unknown> = {}) => {
  const recording = await record(() => {
    const settings = parseRegionSettings("prod", { ...BASE_SETTINGS, ...raw });
    const provider = new aws.Provider("aws-eu-west-1", { region: "eu-west-1" });
    const contract = contractOf(settings, ACCOUNT_ID);
    new MachineLogs("logs", { settings, region: contract.home, dataKeyArn: KEY }, { provider });
  });
  return recording.ofType("aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => inputs);
};

test("each kind of machine has its own log group, encrypted with the region's key", async () => {
  const groups = await groupsWith();
  expect(groups.map(({ name }) => name).sort()).toEqual([
    "/drs/eu-west-1/database",
    "/drs/eu-west-1/restore",
    "/drs/eu-west-1/tomcat",
  ]);
  for (const { kmsKeyId, retentionInDays } of groups) {
    expect(kmsKeyId).toBe(KEY);
    expect(retentionInDays).toBe(90);
  }
});

test("the settings say how long logs are kept", async () => {
  const groups = await groupsWith({ logs: { retentionDays: 365 } });
  expect(groups.map(({ retentionInDays }) => retentionInDays)).toEqual([365, 365, 365]);
});

test("a region that tests no restores has no restore machine, and no log of it", async () => {
  const groups = await groupsWith({ restoreTest: { everyHours: 0 } });
  expect(groups.map(({ name }) => name)).not.toContain("/drs/eu-west-1/restore");
});
