import { beforeAll, describe, expect, test } from "vitest";
import { allows, decide, type Request } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const ROLE = "aws:iam/role:Role";
const TABLE = `arn:aws:dynamodb:eu-west-1:${ACCOUNT_ID}:table/drs-claims`;
const OTHER_TABLE = `arn:aws:dynamodb:eu-central-1:${ACCOUNT_ID}:table/drs-claims`;
const VAULT = `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-eu-west-1`;
const OTHER_VAULT = `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-eu-central-1`;

let global: Recording;
let boundary: string;
beforeAll(async () => {
  global = await recordStack("global", {
    ...BASE_SETTINGS,
    database: { readReplicas: 1 },
    pipeline: { repository: "acme/dr", repositoryId: 456789 },
  });
  boundary = global.one("boundary-machines", "aws:iam/policy:Policy").inputs.policy;
});

const policyOf = (id: string) => global.one(`${id}-policy`, "aws:iam/rolePolicy:RolePolicy").inputs.policy;
/** What a role can really do: its own policy within the boundary. */
const may = (role: string, action: string, resource: string, context: Request["context"] = {}) =>
  allows({ action, resource, context: { ...at(resource), ...context } }, policyOf(role), boundary);
/** The region of a call, which is in each request. */
const at = (resource: string) => ({ "aws:RequestedRegion": resource.split(":")[3] || "eu-west-1" });
const leading = (key: string, role?: string) => ({
  "dynamodb:LeadingKeys": [key],
  ...(role && { "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT_ID}:role/${role}` }),
});

/** Rows: machines. Columns: the namespace of each. A server that somebody took over can't answer for another kind's alarms. */
test.each(["home", "recovery"])(
  "a machine of the %s region publishes metrics as what it is, and as nothing else",
  (region) => {
    const namespaces = {
      database: "DisasterRecovery/drs",
      restore: "DisasterRecovery/drs/restore",
      tomcat: "DisasterRecovery/drs/tomcat",
      aws: "AWS/Route53",
    };
    for (const machine of ["database", "restore", "tomcat"])
      for (const [owner, namespace] of Object.entries(namespaces))
        expect(
          may(`access-${region}-${machine}`, "cloudwatch:PutMetricData", "*", {
            "cloudwatch:namespace": namespace,
          }),
          `${machine} as ${owner}`,
        ).toBe(machine === owner);
  },
);

describe("database nodes", () => {
  const node = (action: string, resource: string, context?: Request["context"]) =>
    may("access-home-database", action, resource, context);

  test("have a role and a profile of the name that the region derives", () => {
    const role = global.one("access-home-database-role", ROLE);
    expect(role.inputs.name).toBe("drs-eu-west-1-database");
    const profile = global.one("access-home-database-profile", "aws:iam/instanceProfile:InstanceProfile");
    expect(profile.inputs).toMatchObject({ name: "drs-eu-west-1-database", role: "drs-eu-west-1-database" });
  });

  test("read only their own region's secrets", () => {
    const secret = (region: string, name: string) =>
      `arn:aws:secretsmanager:${region}:${ACCOUNT_ID}:secret:${name}-a1B2c3`;
    expect(node("secretsmanager:GetSecretValue", secret("eu-west-1", "drs/postgres/superuser"))).toBe(true);
    expect(node("secretsmanager:GetSecretValue", secret("eu-west-1", "drs/backup/cipher"))).toBe(true);
    expect(node("secretsmanager:GetSecretValue", secret("eu-central-1", "drs/postgres/superuser"))).toBe(
      false,
    );
    expect(node("secretsmanager:GetSecretValue", secret("eu-west-1", "billing/key"))).toBe(false);
    expect(node("secretsmanager:PutSecretValue", secret("eu-west-1", "drs/postgres/superuser"))).toBe(false);
  });

  test("read their own region's certificates and owners' passwords, and write neither", () => {
    const secret = (region: string, name: string) =>
      `arn:aws:secretsmanager:${region}:${ACCOUNT_ID}:secret:${name}-a1B2c3`;
    for (const name of ["drs/tls/drs-eu-west-1-db-1", "drs/postgres/owner/orders"]) {
      expect(node("secretsmanager:GetSecretValue", secret("eu-west-1", name)), name).toBe(true);
      expect(node("secretsmanager:GetSecretValue", secret("eu-central-1", name)), name).toBe(false);
      expect(node("secretsmanager:PutSecretValue", secret("eu-west-1", name)), name).toBe(false);
    }
  });

  test("read the settings of their cluster and the authority's certificate, no other parameter", () => {
    const get = (region: string, name: string) =>
      node("ssm:GetParameter", `arn:aws:ssm:${region}:${ACCOUNT_ID}:parameter${name}`);
    expect(get("eu-west-1", "/drs/eu-west-1/cluster")).toBe(true);
    expect(get("eu-west-1", "/drs/tls/authority")).toBe(true);
    expect(get("eu-west-1", "/drs/handoff")).toBe(false);
    expect(get("eu-central-1", "/drs/eu-central-1/cluster")).toBe(false);
    expect(
      node("ssm:PutParameter", `arn:aws:ssm:eu-west-1:${ACCOUNT_ID}:parameter/drs/eu-west-1/cluster`),
    ).toBe(false);
  });

  test("write their own repository, and can destroy nothing in it", () => {
    expect(node("s3:PutObject", `${VAULT}/eu-west-1/archive/x`)).toBe(true);
    // Only a marker in front of a locked version; pgBackRest's expire needs it.
    expect(node("s3:DeleteObject", `${VAULT}/eu-west-1/archive/x`)).toBe(true);
    for (const action of [
      "s3:DeleteObjectVersion",
      "s3:PutObjectRetention",
      "s3:PutObjectLegalHold",
      "s3:BypassGovernanceRetention",
    ]) {
      expect(node(action, `${VAULT}/eu-west-1/archive/x`), action).toBe(false);
    }
    for (const action of [
      "s3:PutBucketVersioning",
      "s3:PutBucketObjectLockConfiguration",
      "s3:PutLifecycleConfiguration",
      "s3:PutBucketPolicy",
      "s3:PutReplicationConfiguration",
      "s3:DeleteBucket",
    ]) {
      expect(node(action, VAULT), action).toBe(false);
    }
  });

  test("read the other region's repository, in both vaults, and write it in neither", () => {
    expect(node("s3:GetObject", `${VAULT}/eu-central-1/backup/x`)).toBe(true);
    expect(node("s3:GetObject", `${OTHER_VAULT}/eu-central-1/backup/x`)).toBe(true);
    expect(node("s3:ListBucket", OTHER_VAULT)).toBe(true);
    for (const bucket of [VAULT, OTHER_VAULT]) {
      expect(node("s3:PutObject", `${bucket}/eu-central-1/backup/x`)).toBe(false);
      expect(node("s3:DeleteObject", `${bucket}/eu-central-1/backup/x`)).toBe(false);
    }
    expect(node("s3:PutObject", `${OTHER_VAULT}/eu-west-1/backup/x`)).toBe(false);
  });

  test("read all items in either region and write their own status, but no claim or override", () => {
    const self = "drs-eu-west-1-database";
    for (const table of [TABLE, OTHER_TABLE]) {
      for (const key of ["claim", "status", "fenced", "acceptDataLoss"]) {
        for (const action of ["dynamodb:Query", "dynamodb:BatchGetItem"])
          expect(node(action, table, leading(`${key}#eu-central-1`, self)), `${action} ${key}`).toBe(true);
      }
      expect(node("dynamodb:PutItem", table, leading("status#eu-west-1", self))).toBe(true);
      expect(node("dynamodb:PutItem", table, leading("status#eu-central-1", self))).toBe(false);
      for (const key of ["claim", "fenced", "acceptDataLoss"]) {
        for (const region of ["eu-west-1", "eu-central-1"])
          for (const action of ["dynamodb:PutItem", "dynamodb:UpdateItem"])
            expect(node(action, table, leading(`${key}#${region}`, self)), `${action} ${key}`).toBe(false);
      }
      expect(node("dynamodb:DeleteItem", table, leading("status#eu-west-1", self))).toBe(false);
    }
    expect(node("dynamodb:PutItem", TABLE), "a request that names no keys").toBe(false);
  });

  test("could write nothing but a status even if a policy let them: the boundary forbids it", () => {
    const everything = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Sid: "All", Effect: "Allow", Action: "dynamodb:*", Resource: "*" }],
    });
    const put = (key: string, role: string) =>
      allows(
        { action: "dynamodb:PutItem", resource: TABLE, context: leading(`${key}#eu-west-1`, role) },
        everything,
        boundary,
      );
    for (const key of ["claim", "fenced", "acceptDataLoss", "whatever"]) {
      expect(put(key, "drs-eu-west-1-database"), key).toBe(false);
      expect(put(key, "drs-eu-central-1-tomcat"), key).toBe(false);
    }
    expect(put("status", "drs-eu-west-1-database")).toBe(true);
  });

  test("use keys through the service that holds the data, not directly", () => {
    const data = global.one("access-home-database-policy").inputs.policy as string;
    const key = JSON.parse(data).Statement.find((s: any) => s.Sid === "DecryptSecrets").Resource as string;
    expect(key).toMatch(/:keys-data$/);
    const through = (service: string) => ({ "kms:ViaService": service });
    expect(node("kms:Decrypt", key, through("secretsmanager.eu-west-1.amazonaws.com"))).toBe(true);
    expect(node("kms:Decrypt", key, through("secretsmanager.eu-central-1.amazonaws.com"))).toBe(false);
    expect(node("kms:Decrypt", key)).toBe(false);
    expect(node("kms:ScheduleKeyDeletion", key)).toBe(false);
  });

  test("attach volumes tagged as a database node's of their region, to instances so tagged", () => {
    const attach = (resource: string, tag?: string) =>
      node("ec2:AttachVolume", `arn:aws:ec2:eu-west-1:${ACCOUNT_ID}:${resource}`, {
        ...(tag && { "aws:ResourceTag/dr-node": tag }),
      });
    expect(attach("volume/vol-1", "drs-eu-west-1-db-2")).toBe(true);
    expect(attach("instance/i-1", "drs-eu-west-1-db-2")).toBe(true);
    expect(attach("volume/vol-1", "drs-eu-west-1-read-1")).toBe(true);
    expect(attach("volume/vol-1", "drs-eu-west-1-read-2")).toBe(false);
    expect(attach("volume/vol-1", "drs-eu-central-1-db-2")).toBe(false);
    expect(attach("volume/vol-1")).toBe(false);
    expect(node("ec2:DeleteVolume", `arn:aws:ec2:eu-west-1:${ACCOUNT_ID}:volume/vol-1`)).toBe(false);
  });

  test("see whether the other region's machines are stopped, and can't stop them", () => {
    const there = { "aws:RequestedRegion": "eu-central-1" };
    expect(node("ec2:DescribeInstances", "*", there)).toBe(true);
    expect(node("ec2:DescribeInstances", "*", { "aws:RequestedRegion": "us-west-2" })).toBe(false);
    expect(node("ec2:StopInstances", `arn:aws:ec2:eu-central-1:${ACCOUNT_ID}:instance/i`, there)).toBe(false);
  });
});

describe("the restore machine", () => {
  const restore = (action: string, resource: string, context?: Request["context"]) =>
    may("access-home-restore", action, resource, context);

  test("reads the repository's passphrase and its own certificate, and no password", () => {
    const secret = (name: string) =>
      `arn:aws:secretsmanager:eu-west-1:${ACCOUNT_ID}:secret:drs/${name}-a1B2c3`;
    expect(restore("secretsmanager:GetSecretValue", secret("backup/cipher"))).toBe(true);
    expect(restore("secretsmanager:GetSecretValue", secret("tls/drs-eu-west-1-restore"))).toBe(true);
    expect(restore("secretsmanager:GetSecretValue", secret("tls/drs-eu-west-1-db-1"))).toBe(false);
    expect(restore("secretsmanager:GetSecretValue", secret("postgres/superuser"))).toBe(false);
  });

  test("signs with a key that no database node can read", () => {
    const secret = `arn:aws:secretsmanager:eu-west-1:${ACCOUNT_ID}:secret:drs/tls/drs-eu-west-1-restore-a1B2c3`;
    expect(may("access-home-database", "secretsmanager:GetSecretValue", secret)).toBe(false);
  });

  test("reads both vaults, hidden versions too, and writes only its own region's reports", () => {
    for (const bucket of [VAULT, OTHER_VAULT]) {
      for (const action of ["s3:GetObject", "s3:GetObjectVersion"])
        expect(restore(action, `${bucket}/eu-central-1/backup/x`), action).toBe(true);
      expect(restore("s3:ListBucketVersions", bucket)).toBe(true);
    }
    const report = "restore-tests/2026-01-01T00:00:00Z.json";
    expect(restore("s3:PutObject", `${VAULT}/eu-west-1/${report}`)).toBe(true);
    expect(restore("s3:DeleteObject", `${VAULT}/eu-west-1/${report}`)).toBe(false);
    expect(restore("s3:PutObject", `${VAULT}/eu-central-1/${report}`)).toBe(false);
    expect(restore("s3:PutObject", `${OTHER_VAULT}/eu-west-1/${report}`)).toBe(false);
    for (const folder of ["archive", "backup", "dump"])
      expect(restore("s3:PutObject", `${VAULT}/eu-west-1/${folder}/x`), folder).toBe(false);
  });

  test("ends itself, and no other machine; its schedule may do the same and nothing else", () => {
    const group = (name: string) =>
      `arn:aws:autoscaling:eu-west-1:${ACCOUNT_ID}:autoScalingGroup:1-2-3:autoScalingGroupName/${name}`;
    for (const role of ["access-home-restore", "access-home-restore-schedule"]) {
      const set = (name: string) => may(role, "autoscaling:SetDesiredCapacity", group(name));
      expect(set("drs-eu-west-1-restore"), role).toBe(true);
      expect(set("fleet-group"), role).toBe(false);
    }
    expect(JSON.parse(policyOf("access-home-restore-schedule")).Statement).toHaveLength(1);
  });

  test("isn't there where restores aren't tested", async () => {
    const off = await recordStack("global", { ...BASE_SETTINGS, restoreTest: { everyHours: 0 } });
    expect(off.ofType(ROLE).filter(({ inputs }) => inputs.name.includes("restore"))).toEqual([]);
  });
});

describe("Tomcat servers", () => {
  const tomcat = (action: string, resource: string, context?: Request["context"]) =>
    may("access-recovery-tomcat", action, resource, context);

  test("read the application's secret of their region and no other", () => {
    const secret = (region: string, name: string) =>
      `arn:aws:secretsmanager:${region}:${ACCOUNT_ID}:secret:drs/${name}-a1B2c3`;
    expect(tomcat("secretsmanager:GetSecretValue", secret("eu-central-1", "postgres/application"))).toBe(
      true,
    );
    expect(tomcat("secretsmanager:GetSecretValue", secret("eu-west-1", "postgres/application"))).toBe(false);
    expect(tomcat("secretsmanager:GetSecretValue", secret("eu-central-1", "postgres/superuser"))).toBe(false);
    expect(tomcat("secretsmanager:GetSecretValue", secret("eu-central-1", "backup/cipher"))).toBe(false);
  });

  test("read no certificate's key, and of the parameters the authority alone", () => {
    const secret = `arn:aws:secretsmanager:eu-central-1:${ACCOUNT_ID}:secret:drs/tls/drs-eu-central-1-db-1-a1B2c3`;
    expect(tomcat("secretsmanager:GetSecretValue", secret)).toBe(false);
    const parameter = (name: string) => `arn:aws:ssm:eu-central-1:${ACCOUNT_ID}:parameter${name}`;
    expect(tomcat("ssm:GetParameter", parameter("/drs/tls/authority"))).toBe(true);
    expect(tomcat("ssm:GetParameter", parameter("/drs/eu-central-1/cluster"))).toBe(false);
  });

  test("read the application of their region, and can't replace it or read backups with its key", () => {
    const war = (region: string) => `arn:aws:s3:::drs-artifacts-${ACCOUNT_ID}-${region}/applications/x.war`;
    expect(tomcat("s3:GetObject", war("eu-central-1"))).toBe(true);
    expect(tomcat("s3:GetObject", war("eu-west-1"))).toBe(false);
    expect(tomcat("s3:PutObject", war("eu-central-1"))).toBe(false);
    const key = `arn:aws:kms:here:${ACCOUNT_ID}:keys-backups-replica`;
    const from = (bucket: string) => ({
      "kms:ViaService": "s3.eu-central-1.amazonaws.com",
      "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::drs-${bucket}-${ACCOUNT_ID}-eu-central-1`,
    });
    expect(tomcat("kms:Decrypt", key, from("artifacts"))).toBe(true);
    expect(tomcat("kms:Decrypt", key, from("vault"))).toBe(false);
  });

  test("read the password of the login that owns the first database", async () => {
    const databases = [
      { name: "shop", owner: "shop" },
      { name: "orders", owner: "orders" },
    ];
    const { inputs } = (await recordStack("global", { ...BASE_SETTINGS, databases })).one(
      "access-recovery-tomcat-policy",
    );
    const read = (name: string) => {
      const resource = `arn:aws:secretsmanager:eu-central-1:${ACCOUNT_ID}:secret:drs/postgres/${name}-a1B2c3`;
      return allows({ action: "secretsmanager:GetSecretValue", resource }, inputs.policy, boundary);
    };
    expect(read("owner/shop")).toBe(true);
    expect(read("owner/orders")).toBe(false);
    expect(read("application")).toBe(false);
  });

  test("touch neither vaults nor claims", () => {
    expect(tomcat("s3:GetObject", `${OTHER_VAULT}/eu-central-1/backup/x`)).toBe(false);
    expect(tomcat("dynamodb:GetItem", OTHER_TABLE)).toBe(false);
  });
});

test.each(["database", "restore", "tomcat"])(
  "machines of role %s write to no other role's log group",
  (kind) => {
    const group = (region: string, name: string) =>
      `arn:aws:logs:${region}:${ACCOUNT_ID}:log-group:/drs/${region}/${name}`;
    const write = (resource: string) =>
      ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"].map((action) =>
        may(`access-home-${kind}`, action, `${resource}:log-stream:x`),
      );
    for (const other of ["database", "restore", "tomcat", "flow-logs", "x"])
      expect(write(group("eu-west-1", other)), other).toEqual(Array(3).fill(other === kind));
    expect(write(group("eu-central-1", kind))).toEqual([false, false, false]);
    for (const action of ["logs:CreateLogGroup", "logs:DeleteLogStream", "logs:GetLogEvents"])
      expect(may(`access-home-${kind}`, action, group("eu-west-1", kind)), action).toBe(false);
  },
);

test("flow logs write to their own group", () => {
  const group = (name: string) => `arn:aws:logs:eu-west-1:${ACCOUNT_ID}:log-group:${name}:log-stream:x`;
  expect(may("access-home-flow-logs", "logs:PutLogEvents", group("/drs/eu-west-1/flow-logs"))).toBe(true);
  expect(may("access-home-flow-logs", "logs:PutLogEvents", group("/other"))).toBe(false);
  const { name, assumeRolePolicy } = global.one("access-home-flow-logs-role", ROLE).inputs;
  expect(name).toBe("drs-eu-west-1-flow-logs");
  const assume = (account: string) =>
    decide(
      {
        action: "sts:AssumeRole",
        resource: "role",
        principal: "vpc-flow-logs.amazonaws.com",
        context: {
          "aws:SourceAccount": account,
          "aws:SourceArn": `arn:aws:ec2:eu-west-1:${account}:vpc-flow-log/fl-1`,
        },
      },
      assumeRolePolicy,
    );
  expect(assume(ACCOUNT_ID)).toBe("allow");
  expect(assume("999999999999")).toBe("nothing");
});

describe("the machines' boundary", () => {
  const says = (action: string, resource: string, context: Request["context"] = {}) =>
    decide({ action, resource, context: { ...at(resource), ...context } }, boundary);
  const anyRole = `arn:aws:iam::${ACCOUNT_ID}:role/new`;

  test("is on every role of machines and services, the pipeline's on the pipeline's", () => {
    const roles = global.ofType(ROLE);
    expect(roles).toHaveLength(20);
    for (const { inputs, name } of roles)
      expect(inputs.permissionsBoundary, name).toMatch(
        name.startsWith("pipeline-") ? /:boundary-pipeline$/ : /:boundary-machines$/,
      );
    const names = global.ofType("aws:iam/policy:Policy").map(({ inputs }) => inputs.name);
    expect(names.sort()).toEqual(["drs-machine-boundary", "drs-pipeline-boundary"]);
  });

  test.each([
    ["bypassing a lock", "s3:BypassGovernanceRetention", `${VAULT}/x`],
    ["deleting a version", "s3:DeleteObjectVersion", `${OTHER_VAULT}/x`],
    ["deleting the audit bucket", "s3:DeleteBucket", `arn:aws:s3:::drs-audit-${ACCOUNT_ID}-eu-west-1`],
    ["deleting a recovery point", "backup:DeleteRecoveryPoint", "arn:aws:ec2:eu-west-1::snapshot/snap-1"],
    ["lifting the lock of a backup vault", "backup:DeleteBackupVaultLockConfiguration", "*"],
    ["deleting a key", "kms:ScheduleKeyDeletion", `arn:aws:kms:eu-west-1:${ACCOUNT_ID}:key/k`],
    ["opening a key to others", "kms:PutKeyPolicy", `arn:aws:kms:eu-west-1:${ACCOUNT_ID}:key/k`],
    ["taking a claim back", "dynamodb:DeleteItem", TABLE],
    ["taking a claim back in a batch", "dynamodb:BatchWriteItem", OTHER_TABLE],
    ["opening the claim table to others", "dynamodb:PutResourcePolicy", TABLE],
    ["becoming another role", "sts:AssumeRole", anyRole],
  ])("forbids %s, whatever a resource's policy says", (_, action, resource) => {
    expect(says(action, resource)).toBe("deny");
  });

  test.each([
    ["IAM", "iam:PutRolePolicy", anyRole],
    ["the trail", "cloudtrail:UpdateTrail", "*"],
    ["functions", "lambda:CreateFunction", "*"],
    ["the organisation", "organizations:LeaveOrganization", "*"],
    ["other projects' buckets", "s3:GetObject", "arn:aws:s3:::payroll/x"],
    [
      "other projects' secrets",
      "secretsmanager:GetSecretValue",
      `arn:aws:secretsmanager:eu-west-1:${ACCOUNT_ID}:secret:payroll/x-a1B2c3`,
    ],
    ["a third region", "ec2:DescribeInstances", "arn:aws:ec2:us-west-2:x"],
  ])("leaves out %s", (_, action, resource) => {
    expect(says(action, resource)).toBe("nothing");
  });

  test("is within AWS's limit for a managed policy, and each role's policy within that for inline ones", () => {
    for (const { inputs, name } of global.ofType("aws:iam/policy:Policy"))
      expect(inputs.policy.length, name).toBeLessThanOrEqual(6144);
    for (const { inputs, name } of global.ofType("aws:iam/rolePolicy:RolePolicy")) {
      expect(inputs.policy.length, name).toBeLessThanOrEqual(10_240);
    }
  });
});

test("no role's own policy has a wildcard for all actions, or one for all resources without a reason", () => {
  const wide: string[] = [];
  for (const { inputs, name } of global.ofType("aws:iam/rolePolicy:RolePolicy")) {
    for (const { Sid, Effect, Action, Resource } of JSON.parse(inputs.policy).Statement) {
      for (const action of [Action].flat()) expect(action, `${name}: ${Sid}`).not.toMatch(/^\*|:\*$/);
      if (Effect === "Allow" && [Resource].flat().includes("*") && !name.startsWith("pipeline-"))
        wide.push(Sid);
    }
  }
  // Each of these actions knows no narrower resource; the comments beside them say so.
  expect([...new Set(wide)].sort()).toEqual([
    "FindOwnVolume",
    "FindVolumesAndSnapshots",
    "ReportOwnMetrics",
    "SeeTheOtherRegionStopped",
    "SessionManagerChannels",
  ]);
});

describe.each(["database", "restore", "tomcat"])(
  "the transcript of a shell on a machine of kind %s",
  (kind) => {
    const group = (name: string) => `arn:aws:logs:eu-west-1:${ACCOUNT_ID}:log-group:/drs/eu-west-1/${name}`;
    const machine = (action: string, resource: string) =>
      may(`access-home-${kind}`, `logs:${action}`, resource);

    test("can be written by what Session Manager's agent calls", () => {
      // It lists groups without naming one, to see whether this one is encrypted; it opens no shell without that.
      expect(
        machine("DescribeLogGroups", `arn:aws:logs:eu-west-1:${ACCOUNT_ID}:log-group::log-stream:`),
      ).toBe(true);
      expect(machine("DescribeLogStreams", group("sessions"))).toBe(true);
      for (const action of ["CreateLogStream", "PutLogEvents"])
        expect(machine(action, `${group("sessions")}:log-stream:alice-0a1b`), action).toBe(true);
    });

    test("can't be read, changed or deleted from it, nor written in the other region", () => {
      for (const action of ["GetLogEvents", "DeleteLogStream", "PutRetentionPolicy", "FilterLogEvents"])
        expect(machine(action, `${group("sessions")}:log-stream:alice-0a1b`), action).toBe(false);
      expect(machine("DeleteLogGroup", group("sessions"))).toBe(false);
      expect(machine("CreateLogGroup", group("sessions"))).toBe(false);
      const other = group("sessions").replaceAll("eu-west-1", "eu-central-1");
      expect(machine("PutLogEvents", `${other}:log-stream:x`)).toBe(false);
    });
  },
);
