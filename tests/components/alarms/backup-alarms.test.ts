import { expect, test } from "vitest";
import { backupAlarmSpecs } from "../../../components/alarms/backup-alarms.js";
import { METRICS } from "../../../components/alarms/metrics.js";
import { contractOf } from "../../../settings/contract.js";
import { parseRegionSettings } from "../../../settings/parse.js";
import { ACCOUNT_ID, BASE_SETTINGS } from "../../support/recorder.js";

function specs(raw: Record<string, unknown> = {}) {
  const settings = parseRegionSettings("prod", { ...BASE_SETTINGS, ...raw });
  const contract = contractOf(settings, ACCOUNT_ID);
  return backupAlarmSpecs(settings, contract, contract.home);
}
const named = (all: ReturnType<typeof specs>) =>
  all.map(({ alarm, suffix }) => [alarm, suffix].filter(Boolean).join("-"));

test("what is switched off is not watched", () => {
  const off = named(specs({ backup: { dumpDays: 0, verifyDays: 0 }, restoreTest: { everyHours: 0 } }));
  const gone = named(specs()).filter((name) => !off.includes(name));
  expect(gone).toEqual([
    "dump-too-old",
    "verify-failed",
    "restore-test-failed",
    "restore-test-too-old",
    "escrow-old",
  ]);
});

test("ages follow the settings that say how often", () => {
  const all = specs({ backup: { dumpDays: 3 }, restoreTest: { everyHours: 12 } });
  const threshold = (alarm: string) => all.find((spec) => spec.alarm === alarm)?.threshold;
  expect(threshold("dump-too-old")).toBe(96);
  expect(threshold("restore-test-too-old")).toBe(27);
});

test("no alarm looks more often than nodes tell", () => {
  const slow = specs({ backup: { archiveTimeoutSeconds: 150 }, objectives: { rpoSeconds: 600 } });
  const period = (alarm: string) => slow.find((spec) => spec.alarm === alarm)?.periodSeconds;
  for (const alarm of [
    "wal-archiving-late",
    "wal-archiving-broken",
    "wal-gap",
    "vault-tampered",
    "backup-failed",
  ])
    expect(period(alarm), alarm).toBe(180);
});

test("a cold site hears of its restore tests from the restore machine alone", () => {
  const cold = specs({ site: "cold" }).find(({ suffix }) => suffix === "cold");
  expect(cold).toMatchObject({
    alarm: "restore-test-too-old",
    metric: { metricName: METRICS.restoreTestFailed.name },
    // One that passed within 51 hours is a datapoint of 0; failures and silence count alike.
    statistic: "Minimum",
    threshold: 0,
    periodSeconds: 3600,
    periods: 51,
    signOfLifeOf: "anything",
  });
  expect(specs({ site: "cold", restoreTest: { everyHours: 96 } }).some(({ suffix }) => suffix)).toBe(false);
});

test("an old escrow is heard of where restore tests are often enough to tell it from silence", () => {
  const escrow = (raw: Record<string, unknown>) => specs(raw).find(({ alarm }) => alarm === "escrow-old");
  expect(escrow({ backup: { escrowMaxDays: 90 }, restoreTest: { everyHours: 12 } })).toMatchObject({
    severity: "notify",
    metric: { namespace: "DisasterRecovery/drs/restore", metricName: METRICS.escrowAgeDays.name },
    // A test that fails or says nothing within 27 hours counts like an escrow that is too old.
    statistic: "Minimum",
    threshold: 90,
    periodSeconds: 3600,
    periods: 27,
    signOfLifeOf: "anything",
  });
  expect(escrow({ restoreTest: { everyHours: 96 } })).toBeUndefined();
});

test("CloudWatch takes every period: an hour or more for what it looks back longer than a day", () => {
  for (const { periodSeconds, periods } of specs({ site: "cold" })) {
    expect(periodSeconds * periods).toBeLessThanOrEqual(periodSeconds < 3600 ? 86_400 : 7 * 86_400);
  }
});

test("a copy in another account is watched as the other region's is", () => {
  const copyTo = {
    accountId: "999999999999",
    bucketArn: "arn:aws:s3:::third-copy",
    keyArn: "arn:aws:kms:eu-west-3:999999999999:key/1",
  };
  const copies = specs({ backup: { copyTo } }).filter(({ suffix }) => suffix === "copy");
  expect(copies.map(({ alarm }) => alarm)).toEqual(["vault-replication-behind", "vault-replication-failed"]);
  for (const { metric, summary } of copies) {
    expect(metric.dimensions).toEqual({
      SourceBucket: "drs-vault-123456789012-eu-west-1",
      DestinationBucket: "third-copy",
      RuleId: "to-other-account",
    });
    expect(summary).toContain("other account");
  }
});
