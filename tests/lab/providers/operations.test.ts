import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as trails from "@aws-sdk/client-cloudtrail";
import * as cw from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as lambda from "@aws-sdk/client-lambda";
import * as scheduler from "@aws-sdk/client-scheduler";
import * as sns from "@aws-sdk/client-sns";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import type { Props } from "../../../lab/providers/values.js";
import { awsPlugin, HOME, sdk, useEmulator } from "../support/emulator.js";
import { type Lifecycle, live, Resource } from "../support/resource.js";

const ACCOUNT = "111122223333";
const TOPIC = "aws:sns/topic:Topic";
const FUNCTION = "aws:lambda/function:Function";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

useEmulator();
let aws: AwsPlugin;
let role: string;
beforeAll(async () => {
  aws = await awsPlugin(HOME);
  const trust = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
    ],
  };
  const inputs = { name: "runner", assumeRolePolicy: JSON.stringify(trust) };
  role = (await made("aws:iam/role:Role", inputs)).outputs.arn;
});

const made = (type: string, inputs: Props, name?: string) => new Resource(aws, type, name).create(inputs);

/** Archives as the engine sends them. */
const archive = (files: Record<string, string>) => ({
  "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
  hash: JSON.stringify(files),
  assets: Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text },
    ]),
  ),
});
const answering = (what: string) => archive({ "index.mjs": `export const handler = async () => "${what}";` });
const functionInputs = (): Props => ({
  role,
  runtime: "nodejs20.x",
  handler: "index.handler",
  code: answering("one"),
  timeout: 10,
});

const statement = (Sid: string) => ({
  Sid,
  Effect: "Allow",
  Principal: { Service: "cloudwatch.amazonaws.com" },
  Action: "sns:Publish",
  Resource: "*",
});
const policy = (Sid: string) => JSON.stringify({ Version: "2012-10-17", Statement: [statement(Sid)] });

const alarm = {
  alarmDescription: "no leader",
  namespace: "DR",
  metricName: "Leader",
  dimensions: { Region: HOME },
  statistic: "Minimum",
  period: 60,
  comparisonOperator: "LessThanThreshold",
  threshold: 1,
  evaluationPeriods: 2,
  datapointsToAlarm: 2,
  treatMissingData: "breaching",
  alarmActions: [`arn:aws:sns:${HOME}:${ACCOUNT}:page`, `arn:aws:sns:${HOME}:${ACCOUNT}:log`],
  okActions: [`arn:aws:sns:${HOME}:${ACCOUNT}:page`],
};

// An import also shows what AWS fills into objects; where it does, `notImported` lists the object.
const cases: [string, () => Promise<Lifecycle> | Lifecycle][] = [
  [
    "topic",
    () => ({
      type: TOPIC,
      inputs: { displayName: "Pages", kmsMasterKeyId: "key", tags: { severity: "page", old: "1" } },
      change: { displayName: "Alarms: pages", tags: { severity: "page" } },
      replace: { name: "other" },
      outputs: { arn: expect.stringMatching(new RegExp(`^arn:aws:sns:${HOME}:\\d{12}:thing-[0-9a-f]{7}$`)) },
      tamper: ({ id }) =>
        sdk(sns.SNSClient).send(
          new sns.SetTopicAttributesCommand({
            TopicArn: id,
            AttributeName: "KmsMasterKeyId",
            AttributeValue: "",
          }),
        ),
      drifted: ["kmsMasterKeyId"],
    }),
  ],
  [
    "topic policy",
    async () => ({
      type: "aws:sns/topicPolicy:TopicPolicy",
      inputs: { arn: (await made(TOPIC, {}, "policed")).id, policy: policy("a") },
      change: { policy: policy("b") },
      replace: { arn: "arn:other" },
      tamper: ({ id }) =>
        sdk(sns.SNSClient).send(
          new sns.SetTopicAttributesCommand({
            TopicArn: id,
            AttributeName: "Policy",
            AttributeValue: policy("anybody"),
          }),
        ),
      drifted: ["policy"],
      staysReadable: true,
    }),
  ],
  [
    "mail subscription",
    async () => ({
      type: "aws:sns/topicSubscription:TopicSubscription",
      inputs: {
        topic: (await made(TOPIC, {}, "mailed")).id,
        protocol: "email",
        endpoint: "sre@example.com",
        filterPolicy: JSON.stringify({ severity: ["page"] }),
      },
      change: { filterPolicy: JSON.stringify({ severity: ["log"] }) },
      replace: { endpoint: "other@example.com", protocol: "sms" },
      tamper: ({ id }) =>
        sdk(sns.SNSClient).send(
          new sns.SetSubscriptionAttributesCommand({
            SubscriptionArn: id,
            AttributeName: "FilterPolicy",
            AttributeValue: "{}",
          }),
        ),
      drifted: ["filterPolicy"],
    }),
  ],
  [
    "metric alarm",
    () => ({
      type: ALARM,
      inputs: { ...alarm, actionsEnabled: true, tags: { Name: "leader" } },
      change: { threshold: 2, tags: { Name: "no-leader" } },
      replace: { name: "other" },
      outputs: { arn: expect.stringContaining(":alarm:thing-") },
      tamper: ({ id }) =>
        sdk(cw.CloudWatchClient).send(new cw.DisableAlarmActionsCommand({ AlarmNames: [id] })),
      drifted: ["actionsEnabled"],
    }),
  ],
  [
    "metric alarm on metric math",
    () => ({
      type: ALARM,
      inputs: {
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        threshold: 1,
        metricQueries: [
          { id: "sum", expression: "a + b", returnData: true },
          { id: "a", metric: { namespace: "DR", metricName: "A", period: 60, stat: "Maximum" } },
          { id: "b", metric: { namespace: "DR", metricName: "B", period: 60, stat: "Maximum" } },
        ],
      },
      change: { threshold: 0 },
      notImported: ["metricQueries"],
    }),
  ],
  [
    "composite alarm",
    async () => {
      const { outputs } = await made(ALARM, alarm, "child");
      return {
        type: "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        inputs: {
          alarmName: "region-health",
          alarmRule: `ALARM("${outputs.arn}")`,
          alarmActions: alarm.alarmActions,
        },
        change: { alarmRule: `NOT ALARM("${outputs.arn}")` },
        replace: { alarmName: "other" },
        outputs: { arn: expect.stringContaining(":alarm:region-health") },
        tamper: ({ id }) =>
          sdk(cw.CloudWatchClient).send(
            new cw.PutCompositeAlarmCommand({
              AlarmName: id,
              AlarmRule: "FALSE",
              AlarmActions: alarm.alarmActions,
            }),
          ),
        drifted: ["alarmRule"],
      };
    },
  ],
  [
    "dashboard",
    () => ({
      type: "aws:cloudwatch/dashboard:Dashboard",
      inputs: { dashboardName: "dr", dashboardBody: JSON.stringify({ widgets: [] }) },
      change: { dashboardBody: JSON.stringify({ widgets: [], start: "-PT1H" }) },
      replace: { dashboardName: "other" },
    }),
  ],
  [
    "log group",
    () => ({
      type: "aws:cloudwatch/logGroup:LogGroup",
      inputs: {
        name: "/dr/flow",
        retentionInDays: 30,
        kmsKeyId: `arn:aws:kms:${HOME}:${ACCOUNT}:key/1`,
        tags: { old: "1" },
      },
      change: { retentionInDays: 90, tags: { new: "1" } },
      replace: { name: "/dr/other" },
      outputs: { arn: `arn:aws:logs:${HOME}:${ACCOUNT}:log-group:/dr/flow` },
      tamper: ({ id }) =>
        sdk(logs.CloudWatchLogsClient).send(
          new logs.PutRetentionPolicyCommand({ logGroupName: id, retentionInDays: 1 }),
        ),
      drifted: ["retentionInDays"],
    }),
  ],
  [
    "trail",
    () => ({
      type: "aws:cloudtrail/trail:Trail",
      inputs: {
        name: "audit",
        s3BucketName: "audit",
        kmsKeyId: `arn:aws:kms:${HOME}:${ACCOUNT}:key/1`,
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        enableLogFileValidation: true,
        enableLogging: true,
        advancedEventSelectors: [
          { name: "Management", fieldSelectors: [{ field: "eventCategory", equals: ["Management"] }] },
          {
            name: "Vaults",
            fieldSelectors: [
              { field: "eventCategory", equals: ["Data"] },
              { field: "resources.ARN", startsWiths: ["arn:aws:s3:::vault/"] },
            ],
          },
        ],
        tags: { Name: "audit" },
      },
      change: {
        enableLogFileValidation: false,
        advancedEventSelectors: [
          { name: "Management", fieldSelectors: [{ field: "eventCategory", equals: ["Management"] }] },
        ],
        tags: { Name: "trail" },
      },
      replace: { name: "other" },
      outputs: { arn: `arn:aws:cloudtrail:${HOME}:${ACCOUNT}:trail/audit`, homeRegion: HOME },
      tamper: ({ id }) => sdk(trails.CloudTrailClient).send(new trails.StopLoggingCommand({ Name: id })),
      drifted: ["enableLogging"],
    }),
  ],
  [
    "schedule",
    () => {
      const target = {
        arn: `arn:aws:lambda:${HOME}:${ACCOUNT}:function:watch`,
        roleArn: `arn:aws:iam::${ACCOUNT}:role/watch`,
        input: "{}",
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
        deadLetterConfig: { arn: `arn:aws:sqs:${HOME}:${ACCOUNT}:dead` },
      };
      return {
        type: "aws:scheduler/schedule:Schedule",
        inputs: {
          name: "watch",
          description: "Every minute",
          scheduleExpression: "rate(1 minute)",
          flexibleTimeWindow: { mode: "OFF" },
          target,
          state: "DISABLED",
        },
        change: { scheduleExpression: "rate(5 minutes)", target: { ...target, input: '{"a":1}' } },
        replace: { name: "other", groupName: "drills" },
        outputs: { arn: `arn:aws:scheduler:${HOME}:${ACCOUNT}:schedule/default/watch` },
        tamper: () =>
          sdk(scheduler.SchedulerClient).send(
            new scheduler.UpdateScheduleCommand({
              Name: "watch",
              Description: "Every minute",
              ScheduleExpression: "rate(1 day)",
              FlexibleTimeWindow: { Mode: "OFF" },
              Target: { Arn: target.arn, RoleArn: target.roleArn },
              State: "DISABLED",
            }),
          ),
        drifted: ["scheduleExpression", "target"],
      };
    },
  ],
  [
    "function",
    () => ({
      type: FUNCTION,
      inputs: {
        ...functionInputs(),
        memorySize: 256,
        environment: { variables: { TABLE: "claims" } },
        tags: { Name: "watch" },
      },
      change: { code: answering("two"), environment: { variables: { TABLE: "other" } } },
      replace: { name: "other" },
      outputs: {
        arn: expect.stringMatching(/:function:thing-[0-9a-f]{7}$/),
        invokeArn: expect.stringMatching(/invocations$/),
      },
      tamper: ({ id }) =>
        sdk(lambda.LambdaClient).send(
          new lambda.UpdateFunctionConfigurationCommand({ FunctionName: id, Timeout: 900 }),
        ),
      drifted: ["timeout"],
      notImported: ["code"],
    }),
  ],
  [
    "permission",
    async () => ({
      type: "aws:lambda/permission:Permission",
      inputs: {
        function: (await made(FUNCTION, functionInputs(), "called")).outputs.arn,
        statementId: "scheduler",
        action: "lambda:InvokeFunction",
        principal: "scheduler.amazonaws.com",
        sourceArn: `arn:aws:scheduler:${HOME}:${ACCOUNT}:schedule/default/watch`,
      },
      replace: { principal: "sns.amazonaws.com", action: "lambda:GetFunction" },
      importId: ({ inputs }) => `${inputs.function.split(":").at(-1)}/scheduler`,
      // An import knows the function's name, the program said its ARN.
      notImported: ["function"],
    }),
  ],
];

test.each(cases)("%s lives", async (_name, life) => live(aws, await life()));

describe("subscriptions over https", () => {
  const subscribe = async (endpoint: string, name: string) =>
    made("aws:sns/topicSubscription:TopicSubscription", {
      topic: (await made(TOPIC, {}, name)).id,
      protocol: new URL(endpoint).protocol.replace(":", ""),
      endpoint,
      endpointAutoConfirms: true,
    });

  test("that lead off this machine are not handed to the emulator: it would call them", async () => {
    const pager = await subscribe("https://events.example.com/integration", "paged");
    expect(pager.outputs.pendingConfirmation).toBe(true);
    const { Subscriptions } = await sdk(sns.SNSClient).send(
      new sns.ListSubscriptionsByTopicCommand({ TopicArn: pager.inputs.topic }),
    );
    expect(Subscriptions).toEqual([]);
    expect(await pager.drift()).toEqual([]);
    await sdk(sns.SNSClient).send(new sns.DeleteTopicCommand({ TopicArn: pager.inputs.topic }));
    expect(await pager.drift()).toBeUndefined();
  });

  test("to this machine are real", async () => {
    const received = new Promise<Props>((resolve) => {
      const server = createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        response.end();
        server.close();
        resolve({ ...JSON.parse(body), port: (server.address() as AddressInfo | null)?.port });
      });
      server.listen(0, "127.0.0.1", async () => {
        const { port } = server.address() as AddressInfo;
        const local = await subscribe(`http://127.0.0.1:${port}/`, "local");
        expect(local.id).toMatch(/^arn:/);
        expect(await local.drift()).toEqual([]);
        await local.delete();
      });
    });
    expect((await received).Type).toBe("SubscriptionConfirmation");
  });
});

describe("a function's code", () => {
  const invoke = async (name: string) => {
    const { Payload } = await sdk(lambda.LambdaClient).send(new lambda.InvokeCommand({ FunctionName: name }));
    return JSON.parse(Buffer.from(Payload as Uint8Array).toString());
  };

  test("runs, and the next one runs after an update", async () => {
    const runs = await made(FUNCTION, functionInputs(), "runs");
    expect(await invoke(runs.id)).toBe("one");
    await runs.update({ ...functionInputs(), code: answering("two") });
    expect(await invoke(runs.id)).toBe("two");
  });

  test("that somebody else put there is drift, and is put right", async () => {
    const changed = await made(FUNCTION, functionInputs(), "changed");
    const other = await made(FUNCTION, { ...functionInputs(), code: answering("evil") }, "other");
    const client = sdk(lambda.LambdaClient);
    const { Code } = await client.send(new lambda.GetFunctionCommand({ FunctionName: other.id }));
    const ZipFile = new Uint8Array(await (await fetch(Code?.Location as string)).arrayBuffer());
    await client.send(new lambda.UpdateFunctionCodeCommand({ FunctionName: changed.id, ZipFile }));
    expect(await changed.drift()).toEqual(["code"]);
    await changed.update(functionInputs());
    expect(await invoke(changed.id)).toBe("one");
  });

  test("may come from files and folders", async () => {
    const dir = mkdtempSync(join(tmpdir(), "dr-lambda-"));
    writeFileSync(join(dir, "index.mjs"), 'export const handler = async () => "folder";');
    const code = {
      "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
      hash: "f",
      path: dir,
    };
    const folder = await made(FUNCTION, { ...functionInputs(), code }, "folder");
    rmSync(dir, { recursive: true });
    expect(await invoke(folder.id)).toBe("folder");
    expect(await folder.drift(), "a refresh needs no files").toEqual([]);
  });

  test("is not fetched from the network", async () => {
    const code = { uri: "https://example.com/code.zip", hash: "r" };
    await expect(made(FUNCTION, { ...functionInputs(), code }, "remote")).rejects.toThrow(
      /files and texts only/,
    );
  });
});
