/** What all of EC2's types share: its client, and tags that one call sets on anything that has an id. */
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  EC2Client,
  type Filter,
  type ResourceType,
} from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { type Tagging, tagItems } from "./read-back.js";

export const ec2Client = (aws: AwsContext): EC2Client => aws.client(EC2Client);

export const ec2Tagging: Tagging = {
  put: (aws, id, tags) =>
    ec2Client(aws).send(new CreateTagsCommand({ Resources: [id], Tags: tagItems(tags) })),
  drop: (aws, id, keys) =>
    ec2Client(aws).send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map((Key) => ({ Key })) })),
};

/** Tags given with the call that makes a thing: it never exists without them. */
export function taggedAs(aws: AwsContext, type: ResourceType, inputs: Props) {
  const Tags = aws.tagList(inputs);
  return Tags.length > 0 ? [{ ResourceType: type, Tags }] : undefined;
}

export const filters = (wanted: Readonly<Record<string, string>>): Filter[] =>
  Object.entries(wanted).map(([Name, value]) => ({ Name, Values: [value] }));
