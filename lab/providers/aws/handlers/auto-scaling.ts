/**
 * Auto Scaling: groups and scaling policies.
 *
 * The emulator launches nothing: a group's instances are entries in a list, in service at once, whatever
 * its template says; it replaces and scales nothing. It doesn't: take another launch template in place, or
 * know target groups, warm pools, maintenance policies and metrics of a group (those inputs are taken over
 * from the program, so no drift shows in them); run an instance refresh (it reports one as done).
 */
import * as asg from "@aws-sdk/client-auto-scaling";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, told } from "./read-back.js";

const client = (aws: AwsContext): asg.AutoScalingClient => aws.client(asg.AutoScalingClient);

const groupFor = (inputs: Props, desired: number) => ({
  AutoScalingGroupName: inputs.name,
  MinSize: inputs.minSize,
  MaxSize: inputs.maxSize,
  DesiredCapacity: desired,
  DefaultCooldown: inputs.defaultCooldown,
  HealthCheckType: inputs.healthCheckType,
  HealthCheckGracePeriod: inputs.healthCheckGracePeriod,
  VPCZoneIdentifier: inputs.vpcZoneIdentifiers?.join(","),
  AvailabilityZones: inputs.availabilityZones,
  TerminationPolicies: inputs.terminationPolicies,
  NewInstancesProtectedFromScaleIn: inputs.protectFromScaleIn,
  LaunchTemplate: inputs.launchTemplate && {
    // Either names it; both together are refused.
    ...(inputs.launchTemplate.id
      ? { LaunchTemplateId: inputs.launchTemplate.id }
      : { LaunchTemplateName: inputs.launchTemplate.name }),
    Version: inputs.launchTemplate.version,
  },
});

const tagsFor = (name: string, tags: Props[] = []): asg.Tag[] =>
  tags.map(({ key, value, propagateAtLaunch }) => ({
    ResourceId: name,
    ResourceType: "auto-scaling-group",
    Key: key,
    Value: value,
    PropagateAtLaunch: propagateAtLaunch,
  }));

/**
 * As AWS: bounds in order and the wanted number between them; one that isn't given follows the bounds.
 * The emulator takes any numbers.
 */
function desiredFor({ name, minSize, maxSize, desiredCapacity }: Props, current: number): number {
  const desired = desiredCapacity ?? Math.min(Math.max(current, minSize), maxSize);
  if (minSize <= desired && desired <= maxSize) return desired;
  throw Object.assign(
    new Error(`${name}: minSize ${minSize} ≤ desiredCapacity ${desired} ≤ maxSize ${maxSize} doesn't hold`),
    { name: "ValidationError" },
  );
}

async function findGroup(aws: AwsContext, name: string): Promise<asg.AutoScalingGroup | undefined> {
  const found = await unlessGone(
    client(aws).send(new asg.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] })),
  );
  return found?.AutoScalingGroups?.[0];
}

const group = readBack({
  name: { property: "name", maxLength: 255 },
  replaceOn: ["name"],
  async make(aws, inputs) {
    await client(aws).send(
      new asg.CreateAutoScalingGroupCommand({
        ...groupFor(inputs, desiredFor(inputs, 0)),
        Tags: tagsFor(inputs.name, inputs.tags),
      }),
    );
    return inputs.name;
  },
  async read(aws, id, known) {
    const group = await findGroup(aws, id);
    if (!group) return undefined;
    const tags = group.Tags?.map(({ Key, Value, PropagateAtLaunch }) => ({
      key: Key,
      value: Value,
      propagateAtLaunch: PropagateAtLaunch,
    }));
    const subnets = group.VPCZoneIdentifier?.split(",").filter(Boolean) ?? [];
    return told({
      name: group.AutoScalingGroupName,
      minSize: group.MinSize,
      maxSize: group.MaxSize,
      desiredCapacity: group.DesiredCapacity,
      defaultCooldown: group.DefaultCooldown,
      healthCheckType: group.HealthCheckType,
      healthCheckGracePeriod: group.HealthCheckGracePeriod,
      vpcZoneIdentifiers: subnets.length > 0 ? inOrderOf(known.vpcZoneIdentifiers, subnets) : undefined,
      availabilityZones:
        subnets.length > 0 ? undefined : inOrderOf(known.availabilityZones, group.AvailabilityZones),
      protectFromScaleIn: group.NewInstancesProtectedFromScaleIn,
      tags: inOrderOf(known.tags, tags, ({ key }: Props) => key),
      arn: group.AutoScalingGroupARN,
    });
  },
  async update(aws, id, news, olds) {
    const current = (await findGroup(aws, id))?.DesiredCapacity ?? 0;
    await client(aws).send(new asg.UpdateAutoScalingGroupCommand(groupFor(news, desiredFor(news, current))));
    const gone = (olds.tags ?? []).filter(
      ({ key }: Props) => !news.tags?.some((tag: Props) => tag.key === key),
    );
    if (gone.length > 0) await client(aws).send(new asg.DeleteTagsCommand({ Tags: tagsFor(id, gone) }));
    if (news.tags?.length > 0) {
      await client(aws).send(new asg.CreateOrUpdateTagsCommand({ Tags: tagsFor(id, news.tags) }));
    }
    // The provider rolls the instances when the template changes and a refresh is configured.
    if (!news.instanceRefresh || same(news.launchTemplate, olds.launchTemplate)) return;
    const { strategy, preferences } = news.instanceRefresh;
    await client(aws).send(
      new asg.StartInstanceRefreshCommand({
        AutoScalingGroupName: id,
        Strategy: strategy,
        Preferences: preferences && {
          MinHealthyPercentage: preferences.minHealthyPercentage,
          InstanceWarmup: preferences.instanceWarmup && Number(preferences.instanceWarmup),
        },
      }),
    );
  },
  async delete(aws, id) {
    // AWS deletes empty groups only; the provider empties it first.
    if (!(await findGroup(aws, id))) return;
    const none = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
    await client(aws).send(new asg.UpdateAutoScalingGroupCommand({ AutoScalingGroupName: id, ...none }));
    await client(aws).send(new asg.DeleteAutoScalingGroupCommand({ AutoScalingGroupName: id }));
  },
});

const policyFor = (inputs: Props): asg.PutScalingPolicyCommandInput => {
  const { targetTrackingConfiguration: tracking, stepAdjustments } = inputs;
  return {
    AutoScalingGroupName: inputs.autoscalingGroupName,
    PolicyName: inputs.name,
    PolicyType: inputs.policyType,
    AdjustmentType: inputs.adjustmentType,
    Cooldown: inputs.cooldown,
    EstimatedInstanceWarmup: inputs.estimatedInstanceWarmup,
    ScalingAdjustment: inputs.scalingAdjustment,
    MetricAggregationType: inputs.metricAggregationType,
    StepAdjustments: stepAdjustments?.map((step: Props) => ({
      ScalingAdjustment: step.scalingAdjustment,
      MetricIntervalLowerBound: step.metricIntervalLowerBound && Number(step.metricIntervalLowerBound),
      MetricIntervalUpperBound: step.metricIntervalUpperBound && Number(step.metricIntervalUpperBound),
    })),
    TargetTrackingConfiguration: tracking && {
      TargetValue: tracking.targetValue,
      DisableScaleIn: tracking.disableScaleIn,
      PredefinedMetricSpecification: tracking.predefinedMetricSpecification && {
        PredefinedMetricType: tracking.predefinedMetricSpecification.predefinedMetricType,
        ResourceLabel: tracking.predefinedMetricSpecification.resourceLabel,
      },
    },
  };
};

/** An import names a policy by group and name. */
const policyOf = (id: string, known: Props): [string, string] =>
  known.autoscalingGroupName ? [known.autoscalingGroupName, known.name] : (id.split("/") as [string, string]);

const policy = readBack({
  name: { property: "name", maxLength: 255 },
  replaceOn: ["name", "autoscalingGroupName"],
  async make(aws, inputs) {
    await client(aws).send(new asg.PutScalingPolicyCommand(policyFor(inputs)));
    return inputs.name;
  },
  async read(aws, id, known) {
    const [autoscalingGroupName, name] = policyOf(id, known);
    const found = await unlessGone(
      client(aws).send(new asg.DescribePoliciesCommand({ AutoScalingGroupName: autoscalingGroupName })),
    );
    const policy = found?.ScalingPolicies?.find(({ PolicyName }) => PolicyName === name);
    if (!policy) return undefined;
    const tracking = policy.TargetTrackingConfiguration;
    const metric = tracking?.PredefinedMetricSpecification;
    return told({
      autoscalingGroupName,
      name,
      policyType: policy.PolicyType,
      adjustmentType: policy.AdjustmentType,
      estimatedInstanceWarmup: policy.EstimatedInstanceWarmup,
      targetTrackingConfiguration:
        tracking &&
        told({
          targetValue: tracking.TargetValue,
          disableScaleIn: tracking.DisableScaleIn,
          predefinedMetricSpecification:
            metric &&
            told({ predefinedMetricType: metric.PredefinedMetricType, resourceLabel: metric.ResourceLabel }),
        }),
      arn: policy.PolicyARN,
    });
  },
  update: (aws, _id, news) => client(aws).send(new asg.PutScalingPolicyCommand(policyFor(news))),
  delete: (aws, _id, { autoscalingGroupName, name }) =>
    unlessGone(
      client(aws).send(
        new asg.DeletePolicyCommand({ AutoScalingGroupName: autoscalingGroupName, PolicyName: name }),
      ),
    ),
});

export const autoScalingHandlers: Record<string, AwsHandler> = {
  "aws:autoscaling/group:Group": group,
  "aws:autoscaling/policy:Policy": policy,
};
