import { existsSync } from "node:fs";
import * as aws from "@pulumi/aws";
import { beforeAll, describe, expect, test } from "vitest";
import { RUNBOOKS } from "../../components/alarms/runbooks.js";
import { FailoverAlarms } from "../../components/failover-alarms.js";
import { Alarms } from "../../components/region-alarms.js";
import { contractOf } from "../../settings/contract.js";
import { parseRegionSettings } from "../../settings/parse.js";
import { decide } from "../support/iam.js";
import {
  ACCOUNT_ID,
  BASE_SETTINGS,
  type Recorded,
  type Recording,
  record,
  recordStack,
} from "../support/recorder.js";

const TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy";
const METRIC_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

function recordAlarms(raw: Record<string, unknown> = {}): Promise<Recording> {
  return record(() => {
    const settings = parseRegionSettings("prod", { ...BASE_SETTINGS, ...raw });
    const contract = contractOf(settings, ACCOUNT_ID);
    const provider = new aws.Provider("aws-eu-west-1", { region: "eu-west-1" });
    const alarms = new Alarms(
      "alarms",
      {
        settings,
        contract,
        region: contract.home,
        notificationsKeyArn: "arn:aws:kms:eu-west-1:123456789012:key/notifications",
        loadBalancerArnSuffix: "app/fleet/1",
        targetGroupArnSuffix: "targetgroup/fleet/1",
        databaseGroupNames: ["db-1", "db-2", "db-3"],
        fleetGroupName: "fleet",
      },
      { provider },
    );
    return { health: alarms.regionHealthAlarm, page: alarms.pageTopicArn };
  });
}

describe("a warm region", () => {
  let recording: Recording;
  let alarm: (name: string) => Recorded["inputs"];
  beforeAll(async () => {
    recording = await recordAlarms();
    alarm = (name) => recording.one(`alarms-${name}`, METRIC_ALARM).inputs;
  });

  test("has every alarm, each with the threshold that settings give", () => {
    const table = recording
      .ofType(METRIC_ALARM)
      .sort((a, b) => a.name.localeCompare(b.name))
      .map(
        ({ name, inputs: i }) =>
          `${name.replace("alarms-", "")}: ${i.metricName} ${i.statistic} ${i.comparisonOperator} ${i.threshold}, ${i.evaluationPeriods} × ${i.period} s, silence ${i.treatMissingData}, ${i.alarmActions[0].split("-").at(-1)}`,
      );
    expect(table).toMatchInlineSnapshot(`
      [
        "backup-failed: BackupFailed Maximum GreaterThanThreshold 0, 5 × 60 s, silence notBreaching, notify",
        "backup-too-old: BackupAgeHours Minimum GreaterThanThreshold 26, 2 × 3600 s, silence breaching, notify",
        "certificates-expiring-database: CertificateDaysLeft Minimum LessThanThreshold 60, 1 × 3600 s, silence notBreaching, notify",
        "certificates-expiring-restore: CertificateDaysLeft Minimum LessThanThreshold 60, 1 × 3600 s, silence notBreaching, notify",
        "certificates-expiring-tomcat: CertificateDaysLeft Minimum LessThanThreshold 60, 1 × 3600 s, silence notBreaching, notify",
        "claim-lease-lapsing: ClaimReadAgeSeconds Minimum GreaterThanThreshold 7.5, 2 × 60 s, silence notBreaching, page",
        "cross-region-lag: CrossRegionLagSeconds Maximum GreaterThanThreshold 60, 5 × 60 s, silence notBreaching, page",
        "disk-filling-1: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 80, 3 × 300 s, silence notBreaching, notify",
        "disk-filling-2: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 80, 3 × 300 s, silence notBreaching, notify",
        "disk-filling-3: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 80, 3 × 300 s, silence notBreaching, notify",
        "disk-nearly-full-1: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 90, 1 × 300 s, silence notBreaching, page",
        "disk-nearly-full-2: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 90, 1 × 300 s, silence notBreaching, page",
        "disk-nearly-full-3: DataVolumeUsedPercent Maximum GreaterThanOrEqualToThreshold 90, 1 × 300 s, silence notBreaching, page",
        "dump-too-old: DumpAgeHours Minimum GreaterThanThreshold 192, 2 × 3600 s, silence notBreaching, notify",
        "escrow-old: EscrowAgeDays Minimum GreaterThanThreshold 180, 51 × 3600 s, silence breaching, notify",
        "image-old-database: ImageAgeDays Maximum GreaterThanThreshold 45, 1 × 3600 s, silence notBreaching, notify",
        "image-old-restore: ImageAgeDays Maximum GreaterThanThreshold 45, 1 × 3600 s, silence notBreaching, notify",
        "image-old-tomcat: ImageAgeDays Maximum GreaterThanThreshold 45, 1 × 3600 s, silence notBreaching, notify",
        "no-healthy-targets: HealthyHostCount Maximum LessThanThreshold 1, 3 × 60 s, silence breaching, page",
        "no-leader: LeaderSeen Maximum LessThanThreshold 1, 3 × 60 s, silence breaching, page",
        "replication-lag: ReplicationLagSeconds Maximum GreaterThanThreshold 60, 5 × 60 s, silence notBreaching, notify",
        "restore-test-failed: RestoreTestFailed Maximum GreaterThanThreshold 0, 1 × 300 s, silence notBreaching, page",
        "restore-test-too-old: RestoreTestAgeHours Minimum GreaterThanThreshold 51, 2 × 3600 s, silence breaching, notify",
        "unexpected-claim: UnexpectedClaims Maximum GreaterThanThreshold 0, 2 × 60 s, silence notBreaching, page",
        "unhealthy-targets: UnHealthyHostCount Maximum GreaterThanThreshold 0, 5 × 60 s, silence notBreaching, notify",
        "vault-replication-behind: ReplicationLatency Maximum GreaterThanThreshold 900, 3 × 300 s, silence notBreaching, notify",
        "vault-replication-failed: OperationsFailedReplication Sum GreaterThanThreshold 0, 1 × 300 s, silence notBreaching, notify",
        "vault-tampered: VaultTampered Maximum GreaterThanThreshold 0, 1 × 60 s, silence notBreaching, page",
        "verify-failed: VerifyFailed Maximum GreaterThanThreshold 0, 1 × 300 s, silence notBreaching, page",
        "wal-archiving-broken: UnarchivedWalSeconds Maximum GreaterThanThreshold 300, 2 × 60 s, silence notBreaching, page",
        "wal-archiving-late: UnarchivedWalSeconds Maximum GreaterThanThreshold 180, 2 × 60 s, silence notBreaching, notify",
        "wal-gap: MissingWalSegments Maximum GreaterThanThreshold 0, 1 × 60 s, silence notBreaching, page",
      ]
    `);
  });

  test("watches this region's own metrics under the service's name", () => {
    expect(alarm("no-leader")).toMatchObject({ namespace: "DisasterRecovery/drs" });
    expect(alarm("no-leader").dimensions).toBeUndefined();
    expect(alarm("disk-nearly-full-2").dimensions).toEqual({ Node: "drs-eu-west-1-db-2" });
    expect(alarm("vault-replication-behind").dimensions).toEqual({
      SourceBucket: "drs-vault-123456789012-eu-west-1",
      DestinationBucket: "drs-vault-123456789012-eu-central-1",
      RuleId: "to-eu-central-1",
    });
    expect(alarm("no-healthy-targets").dimensions).toEqual({
      LoadBalancer: "app/fleet/1",
      TargetGroup: "targetgroup/fleet/1",
    });
  });

  test("asks for no machine counts, as machines always run", () => {
    expect(recording.ofType(METRIC_ALARM).filter(({ inputs }) => inputs.metricQueries)).toEqual([]);
  });

  test("has topics with our key that only alarms of this account publish to, over TLS", () => {
    const topics = recording.ofType("aws:sns/topic:Topic");
    expect(topics.map(({ name, inputs }) => [name, inputs.kmsMasterKeyId])).toEqual([
      ["alarms-topics-page", "arn:aws:kms:eu-west-1:123456789012:key/notifications"],
      ["alarms-topics-notify", "arn:aws:kms:eu-west-1:123456789012:key/notifications"],
    ]);
    for (const { inputs } of recording.ofType("aws:sns/topicPolicy:TopicPolicy")) {
      const statements = JSON.parse(inputs.policy).Statement;
      const [allow, deny, ...rest] = statements.filter(({ Sid }: any) => Sid !== "RulesOfThisRegionPublish");
      expect(rest).toEqual([]);
      expect(statements).toHaveLength(3);
      expect(allow).toMatchObject({
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: inputs.arn,
        Condition: {
          StringEquals: { "aws:SourceAccount": ACCOUNT_ID },
          ArnLike: { "aws:SourceArn": `arn:aws:cloudwatch:eu-west-1:${ACCOUNT_ID}:alarm:*` },
        },
      });
      expect(deny).toMatchObject({
        Effect: "Deny",
        Principal: "*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      });
    }
  });

  test("lets the rules of the watch page, those on deployments and volume backups notify, and no others", () => {
    const publish = (severity: string, rule: string) => {
      const { policy } = recording.one(`alarms-topics-${severity}`, TOPIC_POLICY).inputs;
      return decide(
        {
          action: "sns:Publish",
          resource: JSON.parse(policy).Statement[0].Resource,
          principal: "events.amazonaws.com",
          context: {
            "aws:SecureTransport": "true",
            "aws:SourceAccount": ACCOUNT_ID,
            "aws:SourceArn": `arn:aws:events:eu-west-1:${ACCOUNT_ID}:rule/${rule}`,
          },
        },
        policy,
      );
    };
    expect(publish("page", "drs-eu-west-1-watch-buckets")).toBe("allow");
    expect(publish("notify", "drs-eu-west-1-watch-buckets")).toBe("allow");
    expect(publish("notify", "drs-eu-west-1-deployed-buckets")).toBe("allow");
    expect(publish("page", "drs-eu-west-1-deployed-buckets")).toBe("nothing");
    expect(publish("notify", "drs-eu-west-1-volumes-failed")).toBe("allow");
    expect(publish("page", "drs-eu-west-1-volumes-failed")).toBe("nothing");
    expect(publish("notify", "anything")).toBe("nothing");
  });

  test("subscribes each contact to its severity's topic, and waits for the pager to confirm", () => {
    expect(recording.ofType("aws:sns/topicSubscription:TopicSubscription")).toHaveLength(2);
    expect(recording.one("alarms-topics-page-1").inputs).toMatchObject({
      topic: expect.stringMatching(/alarms-topics-page$/),
      protocol: "https",
      endpoint: "https://pager.example.com/hook",
      endpointAutoConfirms: true,
    });
    const { inputs: email } = recording.one("alarms-topics-notify-1");
    expect(email).toMatchObject({
      topic: expect.stringMatching(/alarms-topics-notify$/),
      protocol: "email",
      endpoint: "team@example.com",
    });
    expect(email.endpointAutoConfirms).toBeUndefined();
  });

  test("has one alarm for the region's health, over exactly what pages", () => {
    const { inputs } = recording.one("alarms-region-health");
    const paging = recording
      .ofType(METRIC_ALARM)
      .filter(({ inputs: i }) => i.alarmActions[0].endsWith("alarms-topics-page"))
      .map(({ name }) => name);
    expect(paging).toHaveLength(13);
    const named = [...inputs.alarmRule.matchAll(/ALARM\("([^"]+)"\)/g)].map(([, arn]) =>
      arn.split(":").at(-1),
    );
    expect(named.sort()).toEqual(paging.sort());
    expect(inputs.alarmName).toBe("drs-region-health");
    // It must not page: while it is in ALARM for one reason it would hide the next.
    expect(inputs.alarmActions[0]).toMatch(/alarms-topics-notify$/);
  });

  test("names an existing runbook in every alarm", () => {
    const described = recording.resources.filter(({ type }) => type.startsWith("aws:cloudwatch/"));
    expect(described.length).toBeGreaterThan(15);
    for (const { name, inputs } of described) {
      const [, file] = /Runbook: (runbooks\/[a-z-]+\.md)$/.exec(inputs.alarmDescription) ?? [];
      expect(file, name).toBeDefined();
      expect(existsSync(file as string), `${name} names ${file}`).toBe(true);
    }
  });

  test("puts everything under the component, in the region's provider", () => {
    for (const { name, provider, parent } of recording.resources.filter(
      (r) => r.custom && r.type.startsWith("aws:"),
    )) {
      expect(provider, name).toBe("aws-eu-west-1");
      expect(parent, name).toMatch(/^alarms/);
    }
  });
});

test("every runbook that an alarm may name exists", () => {
  for (const file of Object.values(RUNBOOKS)) expect(existsSync(`runbooks/${file}`), file).toBe(true);
});

test("the alarms on a vault's copy watch the rule by which stack global copies it", async () => {
  const alarms = await recordAlarms();
  const vaults = await recordStack("global");
  const { SourceBucket, RuleId } = alarms.one("alarms-vault-replication-behind").inputs.dimensions;
  const rules = vaults
    .ofType("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    .filter(({ name }) => name.includes("home-to-recovery"))
    .flatMap(({ inputs }) => inputs.rules.map(({ id }: any) => id));
  expect(SourceBucket).toBe("drs-vault-123456789012-eu-west-1");
  expect(rules).toEqual([RuleId]);
});

test("five voters have five nodes' disks watched", async () => {
  const { resources } = await recordAlarms({ database: { voters: 5 } });
  expect(resources.filter(({ name }) => name.startsWith("alarms-disk-nearly-full"))).toHaveLength(5);
});

describe("a cold region", () => {
  test("reads its restore tests from the machine that makes them, others from their database nodes", async () => {
    for (const [site, namespace] of [
      ["cold", "DisasterRecovery/drs/restore"],
      ["hot", "DisasterRecovery/drs"],
    ]) {
      const recording = await recordAlarms({ site, restoreTest: { everyHours: 24 } });
      expect(recording.one("alarms-restore-test-failed").inputs, site).toMatchObject({ namespace });
    }
  });

  test("counts silence only while its groups want machines", async () => {
    const recording = await recordAlarms({ site: "cold" });
    const { inputs } = recording.one("alarms-no-leader");
    expect(inputs).toMatchObject({ threshold: 1, treatMissingData: "breaching" });
    expect(inputs.metricName).toBeUndefined();
    const [judged, observed, ...groups] = inputs.metricQueries;
    expect(judged).toMatchObject({
      expression: "IF(FILL(MAX([g0,g1,g2]), REPEAT) > 0, FILL(observed, 0), 1)",
      returnData: true,
    });
    expect(observed.metric).toMatchObject({ metricName: "LeaderSeen", stat: "Maximum" });
    expect(groups.map((g: any) => [g.id, g.metric.metricName, g.metric.dimensions])).toEqual(
      ["db-1", "db-2", "db-3"].map((AutoScalingGroupName, i) => [
        `g${i}`,
        "GroupDesiredCapacity",
        { AutoScalingGroupName },
      ]),
    );
    expect(recording.one("alarms-backup-too-old").inputs.metricQueries[0].expression).toBe(
      "IF(FILL(MAX([g0,g1,g2]), REPEAT) > 0, FILL(observed, 27), 26)",
    );
    expect(recording.one("alarms-no-healthy-targets").inputs.metricQueries[2].metric.dimensions).toEqual({
      AutoScalingGroupName: "fleet",
    });
  });

  test.each(["cold", "warm", "hot"])("has the same alarms whatever the epoch (%s)", async (site) => {
    const inventory = async (epoch: number) =>
      (await recordAlarms({ site, epoch })).resources.map(({ name, type, inputs }) => ({
        name,
        type,
        inputs,
      }));
    expect(await inventory(3)).toEqual(await inventory(0));
  });
});

describe("the failover alarms", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record(() => {
      const provider = new aws.Provider("aws-us-east-1", { region: "us-east-1" });
      new FailoverAlarms(
        "failover-alarms",
        {
          prefix: "drs",
          contacts: parseRegionSettings("prod", BASE_SETTINGS).contacts,
          accountId: ACCOUNT_ID,
          healthCheckIds: { home: "hc-home", recovery: "hc-recovery" },
          notificationsKeyArn: "arn:key",
        },
        { provider },
      );
      return {};
    }, "global");
  });

  test("page when the number of active regions isn't one", () => {
    const none = recording.one("failover-alarms-no-region-active").inputs;
    const two = recording.one("failover-alarms-two-regions-active").inputs;
    expect(none).toMatchObject({
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      treatMissingData: "breaching",
    });
    expect(two).toMatchObject({
      comparisonOperator: "GreaterThanThreshold",
      threshold: 1,
      treatMissingData: "notBreaching",
    });
    for (const { metricQueries, alarmActions } of [none, two]) {
      expect(metricQueries[0].expression).toBe("home + recovery");
      expect(metricQueries.slice(1).map((q: any) => q.metric.dimensions.HealthCheckId)).toEqual([
        "hc-home",
        "hc-recovery",
      ]);
      expect(alarmActions[0]).toMatch(/failover-alarms-topics-page$/);
    }
  });

  test("live in us-east-1, where Route 53 publishes", () => {
    const regions = recording.resources
      .filter((r) => r.custom && r.type.startsWith("aws:"))
      .map((r) => r.region);
    expect(new Set(regions)).toEqual(new Set(["us-east-1"]));
  });
});
