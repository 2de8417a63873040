/**
 * CloudWatch alarms, dashboards and log groups.
 *
 * The emulator doesn't: keep an alarm's metric math, or evaluate it; tell apart metrics by dimension, or act
 * on missing data, when it evaluates an alarm; keep a composite alarm's suppressor; exchange a log group's
 * key, encrypt, or protect a group from deletion. Those inputs are taken over from the program, so no drift shows in them.
 */

import * as cw from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, type Tagging, tagItems, tagMap, told } from "./read-back.js";

const client = (aws: AwsContext): cw.CloudWatchClient => aws.client(cw.CloudWatchClient);
const logsClient = (aws: AwsContext): logs.CloudWatchLogsClient => aws.client(logs.CloudWatchLogsClient);

const alarmArn = (aws: AwsContext, name: string) => aws.arn("cloudwatch", `alarm:${name}`);

const tagging: Tagging = {
  put: (aws, id, tags) =>
    client(aws).send(new cw.TagResourceCommand({ ResourceARN: alarmArn(aws, id), Tags: tagItems(tags) })),
  drop: (aws, id, TagKeys) =>
    client(aws).send(new cw.UntagResourceCommand({ ResourceARN: alarmArn(aws, id), TagKeys })),
};

const alarmTags = async (aws: AwsContext, name: string) =>
  tagMap(
    (await client(aws).send(new cw.ListTagsForResourceCommand({ ResourceARN: alarmArn(aws, name) }))).Tags,
  );

async function findAlarm(aws: AwsContext, name: string): Promise<cw.DescribeAlarmsCommandOutput | undefined> {
  return unlessGone(
    client(aws).send(
      new cw.DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
    ),
  );
}

const deleteAlarm = (aws: AwsContext, name: string) =>
  unlessGone(client(aws).send(new cw.DeleteAlarmsCommand({ AlarmNames: [name] })));

const actionsFor = (inputs: Props) => ({
  AlarmDescription: inputs.alarmDescription,
  ActionsEnabled: inputs.actionsEnabled ?? true,
  AlarmActions: inputs.alarmActions,
  OKActions: inputs.okActions,
  InsufficientDataActions: inputs.insufficientDataActions,
});

const actionsIn = (alarm: cw.MetricAlarm | cw.CompositeAlarm, known: Props): Props => ({
  alarmDescription: alarm.AlarmDescription,
  actionsEnabled: alarm.ActionsEnabled,
  alarmActions: inOrderOf(known.alarmActions, alarm.AlarmActions),
  okActions: inOrderOf(known.okActions, alarm.OKActions),
  insufficientDataActions: inOrderOf(known.insufficientDataActions, alarm.InsufficientDataActions),
});

const dimensionsFor = (dimensions: Record<string, string> | undefined): cw.Dimension[] | undefined =>
  dimensions && Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

const dimensionsIn = (dimensions: cw.Dimension[] | undefined): Record<string, string> | undefined =>
  dimensions && dimensions.length > 0
    ? Object.fromEntries(dimensions.map(({ Name, Value }) => [Name as string, Value as string]))
    : undefined;

const metricAlarmFor = (inputs: Props): cw.PutMetricAlarmCommandInput => ({
  AlarmName: inputs.name,
  ...actionsFor(inputs),
  ComparisonOperator: inputs.comparisonOperator,
  EvaluationPeriods: inputs.evaluationPeriods,
  DatapointsToAlarm: inputs.datapointsToAlarm,
  Threshold: inputs.threshold,
  TreatMissingData: inputs.treatMissingData,
  Namespace: inputs.namespace,
  MetricName: inputs.metricName,
  Dimensions: dimensionsFor(inputs.dimensions),
  Period: inputs.period,
  Statistic: inputs.statistic,
  ExtendedStatistic: inputs.extendedStatistic,
  Unit: inputs.unit,
  Metrics: inputs.metricQueries?.map(({ metric, ...query }: Props) => ({
    Id: query.id,
    Expression: query.expression,
    Label: query.label,
    ReturnData: query.returnData,
    Period: query.period,
    AccountId: query.accountId,
    MetricStat: metric && {
      Metric: {
        Namespace: metric.namespace,
        MetricName: metric.metricName,
        Dimensions: dimensionsFor(metric.dimensions),
      },
      Period: metric.period,
      Stat: metric.stat,
      Unit: metric.unit,
    },
  })),
});

const metricAlarm = readBack({
  name: { property: "name", maxLength: 255 },
  replaceOn: ["name"],
  tagging,
  async make(aws, inputs) {
    await client(aws).send(
      new cw.PutMetricAlarmCommand({ ...metricAlarmFor(inputs), Tags: aws.tagList(inputs) }),
    );
    return inputs.name;
  },
  async read(aws, id, known) {
    const alarm = (await findAlarm(aws, id))?.MetricAlarms?.[0];
    if (!alarm) return undefined;
    return told({
      name: alarm.AlarmName,
      ...actionsIn(alarm, known),
      comparisonOperator: alarm.ComparisonOperator,
      evaluationPeriods: alarm.EvaluationPeriods,
      datapointsToAlarm: alarm.DatapointsToAlarm,
      threshold: alarm.Threshold,
      treatMissingData: alarm.TreatMissingData,
      // An alarm on metric math has none of these; the emulator fills some in.
      ...(alarm.MetricName && {
        namespace: alarm.Namespace,
        metricName: alarm.MetricName,
        dimensions: dimensionsIn(alarm.Dimensions),
        period: alarm.Period,
        ...(alarm.ExtendedStatistic
          ? { extendedStatistic: alarm.ExtendedStatistic }
          : { statistic: alarm.Statistic }),
        unit: alarm.Unit,
      }),
      arn: alarm.AlarmArn,
      tagsAll: await alarmTags(aws, id),
    });
  },
  update: (aws, _id, news) => client(aws).send(new cw.PutMetricAlarmCommand(metricAlarmFor(news))),
  delete: deleteAlarm,
});

const compositeAlarmFor = (inputs: Props): cw.PutCompositeAlarmCommandInput => ({
  AlarmName: inputs.alarmName,
  AlarmRule: inputs.alarmRule,
  ...actionsFor(inputs),
});

const compositeAlarm = readBack({
  replaceOn: ["alarmName"],
  tagging,
  async make(aws, inputs) {
    await client(aws).send(
      new cw.PutCompositeAlarmCommand({ ...compositeAlarmFor(inputs), Tags: aws.tagList(inputs) }),
    );
    return inputs.alarmName;
  },
  async read(aws, id, known) {
    const alarm = (await findAlarm(aws, id))?.CompositeAlarms?.[0];
    if (!alarm) return undefined;
    return told({
      alarmName: alarm.AlarmName,
      alarmRule: alarm.AlarmRule,
      ...actionsIn(alarm, known),
      arn: alarm.AlarmArn,
      tagsAll: await alarmTags(aws, id),
    });
  },
  update: (aws, _id, news) => client(aws).send(new cw.PutCompositeAlarmCommand(compositeAlarmFor(news))),
  delete: deleteAlarm,
});

const putDashboard = (aws: AwsContext, { dashboardName, dashboardBody }: Props) =>
  client(aws).send(
    new cw.PutDashboardCommand({ DashboardName: dashboardName, DashboardBody: dashboardBody }),
  );

const dashboard = readBack({
  replaceOn: ["dashboardName"],
  async make(aws, inputs) {
    await putDashboard(aws, inputs);
    return inputs.dashboardName;
  },
  async read(aws, id) {
    const found = await unlessGone(client(aws).send(new cw.GetDashboardCommand({ DashboardName: id })));
    if (!found?.DashboardBody) return undefined;
    return {
      dashboardName: id,
      dashboardBody: found.DashboardBody,
      dashboardArn: `arn:aws:cloudwatch::${aws.accountId}:dashboard/${id}`,
    };
  },
  update: (aws, _id, news) => putDashboard(aws, news),
  delete: (aws, id) => unlessGone(client(aws).send(new cw.DeleteDashboardsCommand({ DashboardNames: [id] }))),
});

const logGroupArn = (aws: AwsContext, name: string) => aws.arn("logs", `log-group:${name}`);

async function setRetention(aws: AwsContext, logGroupName: string, { retentionInDays }: Props) {
  // 0 and left out both mean for ever.
  if (retentionInDays) {
    await logsClient(aws).send(new logs.PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
  } else {
    await logsClient(aws).send(new logs.DeleteRetentionPolicyCommand({ logGroupName }));
  }
}

const logGroup = readBack({
  name: { property: "name", maxLength: 512 },
  replaceOn: ["name", "logGroupClass"],
  tagging: {
    put: (aws, id, tags) =>
      logsClient(aws).send(new logs.TagResourceCommand({ resourceArn: logGroupArn(aws, id), tags })),
    drop: (aws, id, tagKeys) =>
      logsClient(aws).send(new logs.UntagResourceCommand({ resourceArn: logGroupArn(aws, id), tagKeys })),
  },
  async make(aws, inputs) {
    await logsClient(aws).send(
      new logs.CreateLogGroupCommand({
        logGroupName: inputs.name,
        kmsKeyId: inputs.kmsKeyId,
        logGroupClass: inputs.logGroupClass,
        tags: aws.allTags(inputs),
      }),
    );
    return inputs.name;
  },
  complete: (aws, id, inputs) => (inputs.retentionInDays ? setRetention(aws, id, inputs) : Promise.resolve()),
  async read(aws, id, known) {
    const { logGroups = [] } = await logsClient(aws).send(
      new logs.DescribeLogGroupsCommand({ logGroupNamePrefix: id }),
    );
    const group = logGroups.find(({ logGroupName }) => logGroupName === id);
    if (!group) return undefined;
    const arn = logGroupArn(aws, id);
    const { tags } = await logsClient(aws).send(new logs.ListTagsForResourceCommand({ resourceArn: arn }));
    return told({
      name: id,
      retentionInDays: group.retentionInDays ?? (known.retentionInDays === 0 ? 0 : undefined),
      logGroupClass: group.logGroupClass,
      ...(Object.keys(known).length === 0 && { kmsKeyId: group.kmsKeyId }),
      arn,
      tagsAll: tags ?? {},
    });
  },
  update: setRetention,
  async delete(aws, id, { skipDestroy }) {
    if (skipDestroy) return;
    await unlessGone(logsClient(aws).send(new logs.DeleteLogGroupCommand({ logGroupName: id })));
  },
});

export const cloudwatchHandlers: Record<string, AwsHandler> = {
  "aws:cloudwatch/metricAlarm:MetricAlarm": metricAlarm,
  "aws:cloudwatch/compositeAlarm:CompositeAlarm": compositeAlarm,
  "aws:cloudwatch/dashboard:Dashboard": dashboard,
  "aws:cloudwatch/logGroup:LogGroup": logGroup,
};
