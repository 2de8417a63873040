/**
 * SNS topics, their policies and subscriptions.
 *
 * The emulator doesn't: send mail or text messages; encrypt. It does call the addresses of `http` and
 * `https` subscriptions, so one that leads off this machine is not handed to it: that subscription exists in
 * Pulumi's state only, never confirmed. Nothing here waits for a confirmation, as the real provider does.
 */
import { randomUUID } from "node:crypto";
import * as sns from "@aws-sdk/client-sns";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, type Tagging, tagItems, tagMap, told } from "./read-back.js";

const client = (aws: AwsContext): sns.SNSClient => aws.client(sns.SNSClient);

const tagging: Tagging = {
  put: (aws, id, tags) =>
    client(aws).send(new sns.TagResourceCommand({ ResourceArn: id, Tags: tagItems(tags) })),
  drop: (aws, id, TagKeys) => client(aws).send(new sns.UntagResourceCommand({ ResourceArn: id, TagKeys })),
};

/** Inputs that AWS keeps as attributes. */
const TOPIC = {
  displayName: "DisplayName",
  kmsMasterKeyId: "KmsMasterKeyId",
  signatureVersion: "SignatureVersion",
  tracingConfig: "TracingConfig",
  deliveryPolicy: "DeliveryPolicy",
  policy: "Policy",
} as const;

const text = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

const topicAttributes = async (aws: AwsContext, TopicArn: string) =>
  (await unlessGone(client(aws).send(new sns.GetTopicAttributesCommand({ TopicArn }))))?.Attributes;

const topic = readBack({
  name: { property: "name", maxLength: 256 },
  replaceOn: ["name", "fifoTopic"],
  tagging,
  async make(aws, inputs) {
    const Attributes = Object.fromEntries(
      Object.entries(TOPIC).flatMap(([ours, theirs]) =>
        inputs[ours] === undefined ? [] : [[theirs, text(inputs[ours])]],
      ),
    );
    const { TopicArn } = await client(aws).send(
      new sns.CreateTopicCommand({ Name: inputs.name, Attributes, Tags: aws.tagList(inputs) }),
    );
    return TopicArn as string;
  },
  async read(aws, id, known) {
    const attributes = await topicAttributes(aws, id);
    if (!attributes) return undefined;
    const { Tags } = await client(aws).send(new sns.ListTagsForResourceCommand({ ResourceArn: id }));
    const found = Object.fromEntries(
      Object.entries(TOPIC).map(([ours, theirs]) => [ours, attributes[theirs]]),
    );
    const { policy, signatureVersion, ...others } = found;
    return told({
      ...others,
      signatureVersion: signatureVersion && Number(signatureVersion),
      name: id.split(":").at(-1),
      // A policy may be a separate resource.
      ...(known.policy && { policy }),
      arn: id,
      owner: attributes.Owner,
      tagsAll: tagMap(Tags),
    });
  },
  async update(aws, id, news, olds) {
    for (const [ours, theirs] of Object.entries(TOPIC)) {
      // What is no longer said goes back to AWS's default, which for a policy is not an empty one.
      if (news[ours] === undefined && (olds[ours] === undefined || ours === "policy")) continue;
      await client(aws).send(
        new sns.SetTopicAttributesCommand({
          TopicArn: id,
          AttributeName: theirs,
          AttributeValue: news[ours] === undefined ? "" : text(news[ours]),
        }),
      );
    }
  },
  delete: (aws, id) => unlessGone(client(aws).send(new sns.DeleteTopicCommand({ TopicArn: id }))),
});

const setPolicy = (aws: AwsContext, TopicArn: string, policy: unknown) =>
  client(aws).send(
    new sns.SetTopicAttributesCommand({ TopicArn, AttributeName: "Policy", AttributeValue: text(policy) }),
  );

/** What AWS gives a topic, and gets back when the policy is deleted: the owner's account may do all. */
const defaultPolicy = (aws: AwsContext, topicArn: string) => ({
  Version: "2008-10-17",
  Id: "__default_policy_ID",
  Statement: [
    {
      Sid: "__default_statement_ID",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: ["SNS:Publish", "SNS:Subscribe", "SNS:Receive"],
      Resource: topicArn,
      Condition: { StringEquals: { "AWS:SourceOwner": aws.accountId } },
    },
  ],
});

const topicPolicy = readBack({
  replaceOn: ["arn"],
  async make(aws, { arn, policy }) {
    await setPolicy(aws, arn, policy);
    return arn;
  },
  async read(aws, id) {
    const attributes = await topicAttributes(aws, id);
    return attributes && told({ arn: id, policy: attributes.Policy, owner: attributes.Owner });
  },
  update: (aws, id, { policy }) => setPolicy(aws, id, policy),
  delete: (aws, id) => unlessGone(setPolicy(aws, id, defaultPolicy(aws, id))),
});

const SUBSCRIPTION = {
  rawMessageDelivery: "RawMessageDelivery",
  filterPolicy: "FilterPolicy",
  filterPolicyScope: "FilterPolicyScope",
  redrivePolicy: "RedrivePolicy",
  deliveryPolicy: "DeliveryPolicy",
  subscriptionRoleArn: "SubscriptionRoleArn",
} as const;

/** An address that the emulator would call although it is not on this machine. */
function leadsOut({ protocol, endpoint }: Props): boolean {
  if (protocol !== "http" && protocol !== "https") return false;
  return !/^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(new URL(endpoint).hostname);
}

const topicSubscription = readBack({
  replaceOn: ["topic", "protocol", "endpoint"],
  async make(aws, inputs) {
    if (leadsOut(inputs)) {
      // The topic must be there, as on AWS.
      await client(aws).send(new sns.GetTopicAttributesCommand({ TopicArn: inputs.topic }));
      return `${inputs.topic}:${randomUUID()}`;
    }
    const { SubscriptionArn } = await client(aws).send(
      new sns.SubscribeCommand({
        TopicArn: inputs.topic,
        Protocol: inputs.protocol,
        Endpoint: inputs.endpoint,
        ReturnSubscriptionArn: true,
        Attributes: Object.fromEntries(
          Object.entries(SUBSCRIPTION).flatMap(([ours, theirs]) =>
            inputs[ours] === undefined ? [] : [[theirs, text(inputs[ours])]],
          ),
        ),
      }),
    );
    if (SubscriptionArn?.startsWith("arn:")) return SubscriptionArn;
    // The emulator tells no ARN before a confirmation.
    const { Subscriptions = [] } = await client(aws).send(
      new sns.ListSubscriptionsByTopicCommand({ TopicArn: inputs.topic }),
    );
    const found = Subscriptions.find(
      ({ Protocol, Endpoint }) => Protocol === inputs.protocol && Endpoint === inputs.endpoint,
    );
    return found?.SubscriptionArn as string;
  },
  async read(aws, id, known) {
    if (known.endpoint && leadsOut(known)) {
      return (await topicAttributes(aws, known.topic)) && { arn: id, pendingConfirmation: true };
    }
    const found = await unlessGone(
      client(aws).send(new sns.GetSubscriptionAttributesCommand({ SubscriptionArn: id })),
    );
    const attributes = found?.Attributes;
    if (!attributes) return undefined;
    const own = Object.fromEntries(
      Object.entries(SUBSCRIPTION).map(([ours, theirs]) => [ours, attributes[theirs]]),
    );
    return told({
      ...own,
      rawMessageDelivery: own.rawMessageDelivery === "true",
      topic: attributes.TopicArn,
      protocol: attributes.Protocol,
      endpoint: attributes.Endpoint,
      arn: id,
      ownerId: attributes.Owner,
      pendingConfirmation: attributes.PendingConfirmation === "true",
      confirmationWasAuthenticated: attributes.ConfirmationWasAuthenticated === "true",
    });
  },
  async update(aws, id, news, olds) {
    if (leadsOut(news)) return;
    for (const [ours, theirs] of Object.entries(SUBSCRIPTION)) {
      if (news[ours] === undefined && olds[ours] === undefined) continue;
      await client(aws).send(
        new sns.SetSubscriptionAttributesCommand({
          SubscriptionArn: id,
          AttributeName: theirs,
          AttributeValue: news[ours] === undefined ? "" : text(news[ours]),
        }),
      );
    }
  },
  delete: (aws, id) => unlessGone(client(aws).send(new sns.UnsubscribeCommand({ SubscriptionArn: id }))),
});

export const snsHandlers: Record<string, AwsHandler> = {
  "aws:sns/topic:Topic": topic,
  "aws:sns/topicPolicy:TopicPolicy": topicPolicy,
  "aws:sns/topicSubscription:TopicSubscription": topicSubscription,
};
