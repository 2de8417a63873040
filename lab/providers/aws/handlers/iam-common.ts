/** What all of IAM's types share: tags that differ by call only, and documents that come URL-encoded. */
import { IAMClient } from "@aws-sdk/client-iam";
import type { AwsContext } from "../context.js";
import { type Tagging, tagItems } from "./read-back.js";

/** IAM's control plane is in us-east-1, whatever the region of the provider. */
export const iamClient = (aws: AwsContext): IAMClient => aws.client(IAMClient, "us-east-1");

/** @param Tag, Untag the two commands of the type. @param key the member that names the thing, e.g. `RoleName`. */
export const iamTagging = (
  Tag: new (input: any) => any,
  Untag: new (input: any) => any,
  key: string,
): Tagging => ({
  put: (aws, id, tags) => iamClient(aws).send(new Tag({ [key]: id, Tags: tagItems(tags) })),
  drop: (aws, id, keys) => iamClient(aws).send(new Untag({ [key]: id, TagKeys: keys })),
});

export const decodeDocument = (document: string | undefined): string | undefined =>
  document?.startsWith("%") ? decodeURIComponent(document) : document;
