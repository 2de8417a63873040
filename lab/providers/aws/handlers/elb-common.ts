/** What load balancers, target groups and listeners share: the client, tags, and inputs kept as attributes. */
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { type Tagging, tagItems, tagMap } from "./read-back.js";

export const elbClient = (aws: AwsContext): elb.ElasticLoadBalancingV2Client =>
  aws.client(elb.ElasticLoadBalancingV2Client);

export const elbTagging: Tagging = {
  put: (aws, id, tags) =>
    elbClient(aws).send(new elb.AddTagsCommand({ ResourceArns: [id], Tags: tagItems(tags) })),
  drop: (aws, id, TagKeys) => elbClient(aws).send(new elb.RemoveTagsCommand({ ResourceArns: [id], TagKeys })),
};

export async function elbTags(aws: AwsContext, arn: string): Promise<Record<string, string>> {
  const { TagDescriptions } = await elbClient(aws).send(new elb.DescribeTagsCommand({ ResourceArns: [arn] }));
  return tagMap(TagDescriptions?.[0]?.Tags);
}

/** Inputs that AWS keeps as attributes, and what they are called there. A dot in ours goes into an object. */
export type Attributes = Readonly<Record<string, string>>;

export function attributesFor(names: Attributes, inputs: Props): { Key: string; Value: string }[] {
  return Object.entries(names).flatMap(([path, Key]) => {
    const value = path.split(".").reduce((inner, step) => inner?.[step], inputs);
    return value === undefined ? [] : [{ Key, Value: String(value) }];
  });
}

/** AWS holds all as text; ours have types, except where the provider takes text. */
export function attributesIn(
  names: Attributes,
  attributes: readonly { Key?: string; Value?: string }[],
  known: Props,
): Props {
  const found: Props = {};
  for (const [path, key] of Object.entries(names)) {
    const value = attributes.find(({ Key }) => Key === key)?.Value;
    if (value === undefined || value === "") continue;
    const [outer, inner] = path.split(".") as [string, string?];
    const before = inner ? known[outer]?.[inner] : known[outer];
    const typed = typeof before === "string" ? value : parse(value);
    if (inner) found[outer] = { ...found[outer], [inner]: typed };
    else found[outer] = typed;
  }
  return found;
}

const parse = (value: string): unknown =>
  value === "true" ? true : value === "false" ? false : /^\d+$/.test(value) ? Number(value) : value;
