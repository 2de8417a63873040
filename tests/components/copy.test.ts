/** What another account keeps of this one, and what the first account may do there. */

import { beforeAll, describe, expect, test } from "vitest";
import { callersOf, unrestrained } from "../support/access.js";
import { matches } from "../support/event-pattern.js";
import { type Caller, mayCall, type Request } from "../support/iam.js";
import {
  ACCOUNT_ID,
  BASE_SETTINGS,
  COPY_SETTINGS,
  type Recording,
  recordStack,
} from "../support/recorder.js";
import { CALLERS, neverCalls, recorded } from "../support/watched-events.js";

const COPY_ACCOUNT = "210987654321";
const REGION = "eu-west-3";
const VAULTS = `drs-copy-${COPY_ACCOUNT}-${REGION}`;
const TRAIL = `drs-copy-audit-${COPY_ACCOUNT}-${REGION}`;
const KEY = `arn:aws:kms:${REGION}:${COPY_ACCOUNT}:key/1`;
const BUS = `arn:aws:events:${REGION}:${COPY_ACCOUNT}:event-bus/drs-watch`;
const HOME_TO_RECOVERY = "drs-vault-eu-west-1-to-eu-central-1";
const RECOVERY_TO_HOME = "drs-vault-eu-central-1-to-eu-west-1";
const TRAIL_TO_COPY = "drs-audit-to-copy";

let copy: Recording;
let global: Recording;
beforeAll(async () => {
  copy = await recordStack("copy", COPY_SETTINGS);
  global = await recordStack("global", COPY_SETTINGS);
});

const of = (name: string) => copy.one(name).inputs;

describe("the buckets", () => {
  test.each([
    ["copy-vaults", VAULTS, 30],
    ["copy-audit", TRAIL, 365],
  ])("%s is %s, versioned, under the account's own key and locked for %i days", (name, bucket, days) => {
    expect(copy.one(name, "aws:s3/bucket:Bucket")).toMatchObject({
      inputs: { bucket, objectLockEnabled: true },
      region: REGION,
      protect: true,
    });
    expect(of(`${name}-lock`).rule).toEqual({ defaultRetention: { mode: "COMPLIANCE", days } });
    expect(of(`${name}-versioning`).versioningConfiguration).toEqual({ status: "Enabled" });
    expect(of(`${name}-encryption`).rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId).toMatch(
      /:copy-key$/,
    );
  });

  test("both regions' objects expire by age, later than any backup that still needs them", () => {
    const byAge = of("copy-vaults-lifecycle").rules.filter(({ expiration }: any) => expiration?.days);
    const prefixes = byAge.map(({ filter }: any) => filter.prefix ?? filter.and.prefix);
    expect(prefixes).toEqual(
      ["eu-west-1", "eu-central-1"].flatMap((region) =>
        ["backup", "archive", "dump", "restore-tests"].map((folder) => `${region}/${folder}/`),
      ),
    );
    expect(new Set(byAge.map(({ expiration }: any) => expiration.days))).toEqual(new Set([65]));
    const ids = of("copy-vaults-lifecycle").rules.map(({ id }: any) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("only the copy's account deploys them", () => {
    const providers = copy.ofType("pulumi:providers:aws");
    expect(providers.map(({ inputs }) => [inputs.region, JSON.parse(inputs.allowedAccountIds)])).toEqual([
      [REGION, [COPY_ACCOUNT]],
    ]);
  });

  test("the stack asks AWS for nothing: it may be deployed before any other", () => {
    expect(copy.calls).toEqual([]);
  });

  test("without backup.copyTo the stack says what is missing", async () => {
    await expect(recordStack("copy", BASE_SETTINGS)).rejects.toThrow(/set accountId and backup.copyTo/);
  });

  test("the trail's copy comes from the trail's bucket", () => {
    const { bucket, role, rules } = global.one("audit-to-copy-replication").inputs;
    expect(bucket).toBe(`drs-audit-${ACCOUNT_ID}-eu-west-1`);
    expect(role).toMatch(/audit-to-copy-role$/);
    expect(rules).toMatchObject([
      {
        deleteMarkerReplication: { status: "Disabled" },
        destination: {
          bucket: `arn:aws:s3:::${TRAIL}`,
          account: COPY_ACCOUNT,
          accessControlTranslation: { owner: "Destination" },
        },
      },
    ]);
  });
});

describe("from the first account", () => {
  const everything = JSON.stringify({ Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
  const administrator: Caller = {
    role: `arn:aws:iam::${ACCOUNT_ID}:role/Administrator`,
    policies: [everything],
  };
  const role = (name: string): Caller => callersOf(global).get(name) as Caller;

  /** @param object key below the bucket; undefined: the bucket itself */
  const s3 = (action: string, bucket: string, object?: string): Omit<Request, "principal"> => ({
    action: `s3:${action}`,
    resource: `arn:aws:s3:::${bucket}${object === undefined ? "" : `/${object}`}`,
    context: { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3" },
  });
  const kms = (action: string, bucket: string): Omit<Request, "principal"> => ({
    action: `kms:${action}`,
    resource: KEY,
    context: {
      "kms:CallerAccount": ACCOUNT_ID,
      "kms:ViaService": `s3.${REGION}.amazonaws.com`,
      "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${bucket}`,
      "kms:ScheduleKeyDeletionPendingWindowInDays": "30",
    },
  });
  const put = (action: string): Omit<Request, "principal"> => ({ action: `events:${action}`, resource: BUS });

  const policies = (): Record<string, string> => ({
    [`arn:aws:s3:::${VAULTS}`]: of("copy-vaults-policy").policy,
    [`arn:aws:s3:::${TRAIL}`]: of("copy-audit-policy").policy,
    [KEY]: of("copy-key").policy,
    [BUS]: of("watch-bus-policy").policy,
  });
  const may = (caller: Caller, request: Omit<Request, "principal">): boolean => {
    const policy = policies()[request.resource] ?? policies()[request.resource.split("/")[0] as string] ?? "";
    return mayCall(request, caller, { accountId: COPY_ACCOUNT, policy, rule: "alone" });
  };

  const DESTRUCTION = [
    ["read a copy", s3("GetObject", VAULTS, "x")],
    ["read a version", s3("GetObjectVersion", VAULTS, "x")],
    ["list the copies", s3("ListBucket", VAULTS)],
    ["write an object", s3("PutObject", VAULTS, "x")],
    ["hide a copy", s3("DeleteObject", VAULTS, "x")],
    ["delete a version", s3("DeleteObjectVersion", VAULTS, "x")],
    ["replicate a deletion", s3("ReplicateDelete", VAULTS, "x")],
    ["bypass a lock", s3("BypassGovernanceRetention", VAULTS, "x")],
    ["change a lock's date", s3("PutObjectRetention", VAULTS, "x")],
    ["change the lock", s3("PutBucketObjectLockConfiguration", VAULTS)],
    ["suspend versioning", s3("PutBucketVersioning", VAULTS)],
    ["shorten the expiry", s3("PutLifecycleConfiguration", VAULTS)],
    ["open the bucket to others", s3("PutBucketPolicy", VAULTS)],
    ["take the policy away", s3("DeleteBucketPolicy", VAULTS)],
    ["delete the bucket", s3("DeleteBucket", VAULTS)],
    ["read the trail's copy", s3("GetObject", TRAIL, "x")],
    ["delete the trail's copy", s3("DeleteObjectVersion", TRAIL, "x")],
    ["decrypt", kms("Decrypt", VAULTS)],
    ["grant the key", kms("CreateGrant", VAULTS)],
    ["open the key to others", kms("PutKeyPolicy", VAULTS)],
    ["disable the key", kms("DisableKey", VAULTS)],
    ["delete the key", kms("ScheduleKeyDeletion", VAULTS)],
    ["delete the bus", put("DeleteEventBus")],
    ["take the bus's policy away", put("RemovePermission")],
    ["change the bus's rules", put("PutRule")],
  ] as const;

  test.each(DESTRUCTION)("no administrator and no role of replication can %s", (_, request) => {
    const roles = [HOME_TO_RECOVERY, RECOVERY_TO_HOME, TRAIL_TO_COPY].map(role);
    for (const caller of [administrator, ...roles, ...roles.map(asAdministrator)])
      expect(may(caller, request), caller.role).toBe(false);
  });

  /** An administrator can take the role's policy and boundary away and become it. */
  const asAdministrator = (caller: Caller): Caller => ({ ...unrestrained(caller), boundary: undefined });

  test.each([
    [HOME_TO_RECOVERY, VAULTS, TRAIL],
    [RECOVERY_TO_HOME, VAULTS, TRAIL],
    [TRAIL_TO_COPY, TRAIL, VAULTS],
  ])("%s fills %s within its boundary, and no other bucket", (name, own, other) => {
    for (const action of ["ReplicateObject", "ReplicateTags", "ObjectOwnerOverrideToBucketOwner"]) {
      expect(may(role(name), s3(action, own, "x")), action).toBe(true);
      expect(may(role(name), s3(action, other, "x")), action).toBe(false);
      expect(may(asAdministrator(role(name)), s3(action, other, "x")), action).toBe(false);
      expect(may(administrator, s3(action, own, "x")), action).toBe(false);
    }
    for (const action of ["Encrypt", "GenerateDataKey"]) {
      expect(may(role(name), kms(action, own)), action).toBe(true);
      expect(may(role(name), kms(action, other)), action).toBe(false);
      expect(may(administrator, kms(action, own)), action).toBe(false);
    }
  });

  test("no other role of the account can write there, whatever policy it gets", () => {
    const others = [...callersOf(global)].filter(
      ([name]) => ![HOME_TO_RECOVERY, RECOVERY_TO_HOME, TRAIL_TO_COPY].includes(name),
    );
    expect(others.length).toBeGreaterThan(10);
    for (const [name, caller] of others)
      expect(may(asAdministrator(caller), s3("ReplicateObject", VAULTS, "x")), name).toBe(false);
  });

  test("the trail's role reads the trail and writes nothing at home", () => {
    const trail = `drs-audit-${ACCOUNT_ID}-eu-west-1`;
    const at = (action: string) =>
      mayCall(s3(action, trail, "AWSLogs/x"), role(TRAIL_TO_COPY), { accountId: ACCOUNT_ID });
    expect(at("GetObjectVersionForReplication")).toBe(true);
    for (const action of ["PutObject", "DeleteObject", "DeleteObjectVersion", "ReplicateObject"])
      expect(at(action), action).toBe(false);
  });

  test("it puts events on the bus; another account can't", () => {
    expect(may(administrator, put("PutEvents"))).toBe(true);
    const stranger = { ...administrator, role: "arn:aws:iam::999999999999:role/Administrator" };
    expect(may(stranger, put("PutEvents"))).toBe(false);
  });
});

describe("the watch", () => {
  const pattern = (rule: string) => JSON.parse(of(rule).eventPattern);

  /** As CloudTrail records the canary's call. */
  const canary = (session: string, eventName = "TagResource") =>
    recorded({ service: "events", eventName }, "administrator", {
      userIdentity: {
        type: "AssumedRole",
        sessionContext: { sessionIssuer: { type: "Role", arn: session } },
      },
    });
  const CANARY_ROLE = `arn:aws:iam::${ACCOUNT_ID}:role/drs-watch-canary`;
  const seenBy = (event: unknown) =>
    ["watch-pages", "watch-canary"].filter((rule) => matches(pattern(rule), event));

  test("the canary's call is its sign of life, and pages nothing", () => {
    expect(seenBy(canary(CANARY_ROLE))).toEqual(["watch-canary"]);
    expect(seenBy({ ...canary(CANARY_ROLE), account: COPY_ACCOUNT })).toEqual([]);
  });

  const PAGING: readonly (readonly [string, unknown])[] = [
    ["the canary's role, doing something else", canary(CANARY_ROLE, "DisableRule")],
    ["another role, doing what the canary does", canary(`arn:aws:iam::${ACCOUNT_ID}:role/drs-other`)],
    [
      "the root, doing what the canary does",
      recorded({ service: "events", eventName: "TagResource" }, "root"),
    ],
    ["an event with no call", { account: ACCOUNT_ID, source: "aws.cloudwatch", detail: { state: "ALARM" } }],
    ["an event with no detail", { account: ACCOUNT_ID, source: "test", detail: {} }],
    ...(Object.keys(CALLERS) as (keyof typeof CALLERS)[]).flatMap((caller) =>
      neverCalls({
        vault: "v",
        audit: "a",
        key: "arn:aws:kms:eu-west-1:1:key/1",
        pageTopic: "t",
        rule: "r",
        alarm: "m",
        region: "eu-west-1",
      }).map((call) => [`${call.eventName} by ${caller}`, recorded(call, caller)] as const),
    ),
  ];
  test.each(PAGING)("%s pages, and is no sign of life", (_, event) => {
    expect(seenBy(event)).toEqual(["watch-pages"]);
  });

  test("what pages goes to the topic", () => {
    expect(of("watch-pages-target").arn).toMatch(/:watch-topics-page$/);
    expect(of("watch-pages-target").eventBusName).toBe("drs-watch");
  });

  test("the topic takes messages of that rule, under a key of the account", () => {
    const { policy } = copy.one("watch-topics-page", "aws:sns/topicPolicy:TopicPolicy").inputs;
    const { Condition } = JSON.parse(policy).Statement.find(
      ({ Sid }: { Sid: string }) => Sid === "RulesOfThisRegionPublish",
    );
    expect(Condition.ArnLike["aws:SourceArn"]).toEqual([
      `arn:aws:events:${REGION}:${COPY_ACCOUNT}:rule/drs-watch/${of("watch-pages").name}`,
    ]);
    expect(copy.one("watch-topics-page", "aws:sns/topic:Topic").inputs.kmsMasterKeyId).toMatch(/:watch-key$/);
    const contacts = copy.ofType("aws:sns/topicSubscription:TopicSubscription").map(({ inputs }) => inputs);
    expect(contacts.filter(({ topic }) => /-page$/.test(topic)).map(({ endpoint }) => endpoint)).toEqual([
      "https://pager.example.com/hook",
    ]);
  });

  test("six hours without a canary page", () => {
    expect(of("watch-canary-missing")).toMatchObject({
      dimensions: { EventBusName: "drs-watch", RuleName: "drs-watch-canary" },
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      period: 3600,
      evaluationPeriods: 6,
      datapointsToAlarm: 6,
      treatMissingData: "breaching",
    });
    expect(of("watch-canary-missing").alarmActions[0]).toMatch(/:watch-topics-page$/);
  });
});
