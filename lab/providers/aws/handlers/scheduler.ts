/**
 * EventBridge Scheduler: schedules. The emulator does run them, against its own Lambda,
 * SQS and SNS.
 *
 * The emulator doesn't: assume the schedule's role; retry or keep a dead letter; encrypt.
 */
import * as scheduler from "@aws-sdk/client-scheduler";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { fromAws, toAws } from "./casing.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, told } from "./read-back.js";

const client = (aws: AwsContext): scheduler.SchedulerClient => aws.client(scheduler.SchedulerClient);

const scheduleFor = (inputs: Props): scheduler.CreateScheduleCommandInput => ({
  Name: inputs.name,
  GroupName: inputs.groupName,
  Description: inputs.description,
  ScheduleExpression: inputs.scheduleExpression,
  ScheduleExpressionTimezone: inputs.scheduleExpressionTimezone,
  State: inputs.state,
  StartDate: inputs.startDate && new Date(inputs.startDate),
  EndDate: inputs.endDate && new Date(inputs.endDate),
  KmsKeyArn: inputs.kmsKeyArn,
  ActionAfterCompletion: inputs.actionAfterCompletion,
  FlexibleTimeWindow: toAws(inputs.flexibleTimeWindow),
  Target: toAws(inputs.target),
});

const schedule = readBack({
  name: { property: "name", maxLength: 64 },
  replaceOn: ["name", "groupName"],
  async make(aws, inputs) {
    await client(aws).send(new scheduler.CreateScheduleCommand(scheduleFor(inputs)));
    return `${inputs.groupName ?? "default"}/${inputs.name}`;
  },
  async read(aws, id) {
    const [GroupName, Name] = id.split("/") as [string, string];
    const found = await unlessGone(client(aws).send(new scheduler.GetScheduleCommand({ GroupName, Name })));
    if (!found) return undefined;
    return told({
      name: found.Name,
      groupName: found.GroupName,
      description: found.Description,
      scheduleExpression: found.ScheduleExpression,
      scheduleExpressionTimezone: found.ScheduleExpressionTimezone,
      state: found.State,
      startDate: found.StartDate?.toISOString().replace(".000Z", "Z"),
      endDate: found.EndDate?.toISOString().replace(".000Z", "Z"),
      kmsKeyArn: found.KmsKeyArn,
      actionAfterCompletion: found.ActionAfterCompletion,
      flexibleTimeWindow: fromAws(found.FlexibleTimeWindow),
      target: fromAws(found.Target),
      arn: found.Arn,
    });
  },
  update: (aws, _id, news) => client(aws).send(new scheduler.UpdateScheduleCommand(scheduleFor(news))),
  async delete(aws, id) {
    const [GroupName, Name] = id.split("/") as [string, string];
    await unlessGone(client(aws).send(new scheduler.DeleteScheduleCommand({ GroupName, Name })));
  },
});

export const schedulerHandlers: Record<string, AwsHandler> = {
  "aws:scheduler/schedule:Schedule": schedule,
};
