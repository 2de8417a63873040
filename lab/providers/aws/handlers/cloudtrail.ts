/**
 * CloudTrail trails.
 *
 * The emulator doesn't: write a log file or a digest (it records events for LookupEvents); check the bucket's
 * and the key's policies, which AWS does when a trail is made; know insights (taken over from the program).
 */
import * as trails from "@aws-sdk/client-cloudtrail";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, tagItems, tagMap, told } from "./read-back.js";

const client = (aws: AwsContext): trails.CloudTrailClient => aws.client(trails.CloudTrailClient);

const trailFor = (inputs: Props) => ({
  S3BucketName: inputs.s3BucketName,
  S3KeyPrefix: inputs.s3KeyPrefix,
  SnsTopicName: inputs.snsTopicName,
  KmsKeyId: inputs.kmsKeyId,
  IncludeGlobalServiceEvents: inputs.includeGlobalServiceEvents,
  IsMultiRegionTrail: inputs.isMultiRegionTrail,
  IsOrganizationTrail: inputs.isOrganizationTrail,
  EnableLogFileValidation: inputs.enableLogFileValidation,
  CloudWatchLogsLogGroupArn: inputs.cloudWatchLogsGroupArn,
  CloudWatchLogsRoleArn: inputs.cloudWatchLogsRoleArn,
});

/** Operators of an advanced selector: ours and AWS's. */
const OPERATORS = {
  equals: "Equals",
  notEquals: "NotEquals",
  startsWiths: "StartsWith",
  notStartsWiths: "NotStartsWith",
  endsWiths: "EndsWith",
  notEndsWiths: "NotEndsWith",
} as const;

const advancedFor = (selectors: Props[]): trails.AdvancedEventSelector[] =>
  selectors.map(({ name, fieldSelectors }) => ({
    Name: name,
    FieldSelectors: fieldSelectors.map((selector: Props) => ({
      Field: selector.field,
      ...Object.fromEntries(
        Object.entries(OPERATORS).flatMap(([ours, theirs]) =>
          selector[ours] ? [[theirs, selector[ours]]] : [],
        ),
      ),
    })),
  }));

const advancedIn = (selectors: trails.AdvancedEventSelector[]): Props[] =>
  selectors.map(({ Name, FieldSelectors }) => ({
    name: Name,
    fieldSelectors: FieldSelectors?.map((selector) =>
      Object.fromEntries([
        ["field", selector.Field],
        ...Object.entries(OPERATORS).flatMap(([ours, theirs]) =>
          selector[theirs] ? [[ours, selector[theirs]]] : [],
        ),
      ]),
    ),
  }));

const basicFor = (selectors: Props[]): trails.EventSelector[] =>
  selectors.map((selector) => ({
    ReadWriteType: selector.readWriteType,
    IncludeManagementEvents: selector.includeManagementEvents,
    DataResources: selector.dataResources?.map(({ type, values }: Props) => ({ Type: type, Values: values })),
  }));

const basicIn = (selectors: trails.EventSelector[]): Props[] =>
  selectors.map((selector) => ({
    readWriteType: selector.ReadWriteType,
    includeManagementEvents: selector.IncludeManagementEvents,
    dataResources: selector.DataResources?.map(({ Type, Values }) => ({ type: Type, values: Values })),
  }));

async function setSelectors(
  aws: AwsContext,
  TrailName: string,
  { advancedEventSelectors, eventSelectors }: Props,
) {
  if (!advancedEventSelectors && !eventSelectors) return;
  await client(aws).send(
    new trails.PutEventSelectorsCommand({
      TrailName,
      ...(advancedEventSelectors
        ? { AdvancedEventSelectors: advancedFor(advancedEventSelectors) }
        : { EventSelectors: basicFor(eventSelectors) }),
    }),
  );
}

const setLogging = (aws: AwsContext, Name: string, { enableLogging = true }: Props) =>
  enableLogging
    ? client(aws).send(new trails.StartLoggingCommand({ Name }))
    : client(aws).send(new trails.StopLoggingCommand({ Name }));

const tags = (aws: AwsContext, ResourceId: string, values: Readonly<Record<string, string>>) =>
  client(aws).send(new trails.AddTagsCommand({ ResourceId, TagsList: tagItems(values) }));

const trail = readBack({
  name: { property: "name", maxLength: 128 },
  replaceOn: ["name"],
  tagging: {
    put: tags,
    drop: (aws, ResourceId, keys) =>
      client(aws).send(new trails.RemoveTagsCommand({ ResourceId, TagsList: keys.map((Key) => ({ Key })) })),
  },
  async make(aws, inputs) {
    const { TrailARN } = await client(aws).send(
      new trails.CreateTrailCommand({
        Name: inputs.name,
        ...trailFor(inputs),
        TagsList: aws.tagList(inputs),
      }),
    );
    return TrailARN as string;
  },
  async complete(aws, id, inputs) {
    // Said once more: the emulator keeps tags and the log group only when they come later.
    await tags(aws, id, aws.allTags(inputs));
    if (inputs.cloudWatchLogsGroupArn) {
      await client(aws).send(new trails.UpdateTrailCommand({ Name: id, ...trailFor(inputs) }));
    }
    await setSelectors(aws, id, inputs);
    await setLogging(aws, id, inputs);
  },
  async read(aws, id, known) {
    const found = await unlessGone(client(aws).send(new trails.GetTrailCommand({ Name: id })));
    if (!found?.Trail) return undefined;
    const { Trail } = found;
    const [status, selectors, tagging] = await Promise.all([
      client(aws).send(new trails.GetTrailStatusCommand({ Name: id })),
      client(aws).send(new trails.GetEventSelectorsCommand({ TrailName: id })),
      client(aws).send(new trails.ListTagsCommand({ ResourceIdList: [id] })),
    ]);
    const basic =
      Trail.HasCustomEventSelectors || known.eventSelectors ? selectors.EventSelectors : undefined;
    return told({
      name: Trail.Name,
      s3BucketName: Trail.S3BucketName,
      s3KeyPrefix: Trail.S3KeyPrefix,
      snsTopicName: Trail.SnsTopicName,
      kmsKeyId: Trail.KmsKeyId,
      includeGlobalServiceEvents: Trail.IncludeGlobalServiceEvents,
      isMultiRegionTrail: Trail.IsMultiRegionTrail,
      isOrganizationTrail: Trail.IsOrganizationTrail,
      enableLogFileValidation: Trail.LogFileValidationEnabled,
      cloudWatchLogsGroupArn: Trail.CloudWatchLogsLogGroupArn,
      cloudWatchLogsRoleArn: Trail.CloudWatchLogsRoleArn,
      enableLogging: status.IsLogging,
      advancedEventSelectors:
        selectors.AdvancedEventSelectors && advancedIn(selectors.AdvancedEventSelectors),
      eventSelectors: basic && basicIn(basic),
      arn: id,
      homeRegion: Trail.HomeRegion,
      tagsAll: tagMap(tagging.ResourceTagList?.[0]?.TagsList),
    });
  },
  async update(aws, id, news) {
    await client(aws).send(new trails.UpdateTrailCommand({ Name: id, ...trailFor(news) }));
    await setSelectors(aws, id, news);
    await setLogging(aws, id, news);
  },
  delete: (aws, id) => unlessGone(client(aws).send(new trails.DeleteTrailCommand({ Name: id }))),
});

export const cloudtrailHandlers: Record<string, AwsHandler> = {
  "aws:cloudtrail/trail:Trail": trail,
};
