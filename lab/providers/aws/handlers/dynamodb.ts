/**
 * DynamoDB tables. Their replicas: `dynamodb-replicas.ts`; items: `dynamodb-item.ts`.
 *
 * The emulator doesn't: know a consistency mode or a witness (a write is simply in every replica at once;
 * both are kept as the program says them); change global secondary indexes (this file refuses to).
 */
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTagsOfResourceCommand,
  type TableDescription,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import { dynamodbItemHandlers } from "./dynamodb-item.js";
import { checkConsistency, readReplicas, removeReplicas, syncReplicas } from "./dynamodb-replicas.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, tagItems, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const client = (aws: AwsContext) => aws.client(DynamoDBClient);
const tableArn = (aws: AwsContext, name: string) => aws.arn("dynamodb", `table/${name}`);

const table: AwsHandler = readBack({
  name: { property: "name", maxLength: 255 },
  replaceOn: ["name", "hashKey", "rangeKey", "localSecondaryIndexes", "importTable", "restoreSourceName"],
  async make(aws, inputs) {
    checkConsistency(aws, inputs);
    await client(aws).send(new CreateTableCommand(definition(aws, inputs)));
    return inputs.name;
  },
  // The order is the provider's: recovery and expiry first, then the replicas.
  async complete(aws, id, inputs) {
    if (inputs.pointInTimeRecovery?.enabled) await recovery(aws, id, inputs.pointInTimeRecovery);
    if (inputs.ttl?.enabled) await expire(aws, id, inputs.ttl);
    await syncReplicas(aws, id, inputs, {});
  },
  async read(aws, id, known) {
    const found = await unlessGone(client(aws).send(new DescribeTableCommand({ TableName: id })));
    if (!found?.Table) return undefined;
    const [backups, ttl, tags] = await Promise.all([
      client(aws).send(new DescribeContinuousBackupsCommand({ TableName: id })),
      client(aws).send(new DescribeTimeToLiveCommand({ TableName: id })),
      client(aws).send(new ListTagsOfResourceCommand({ ResourceArn: tableArn(aws, id) })),
    ]);
    const pitr = backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
    return {
      ...readDefinition(found.Table, known),
      ...tagsFound(aws, tagMap(tags.Tags), known),
      pointInTimeRecovery: told({
        enabled: pitr?.PointInTimeRecoveryStatus === "ENABLED",
        recoveryPeriodInDays: pitr?.RecoveryPeriodInDays,
      }),
      ttl: told({
        enabled: ttl.TimeToLiveDescription?.TimeToLiveStatus === "ENABLED",
        attributeName: ttl.TimeToLiveDescription?.AttributeName,
      }),
      replicas: await readReplicas(aws, found.Table, known),
    };
  },
  async update(aws, id, news, olds) {
    const changed = (...names: string[]) => names.some((name) => !same(news[name], olds[name]));
    if (
      changed("globalSecondaryIndexes") &&
      (news.globalSecondaryIndexes || olds.globalSecondaryIndexes?.length)
    ) {
      throw new Error(`table '${id}': the stand-in doesn't change global secondary indexes`);
    }
    checkConsistency(aws, news);
    // One thing per call: DynamoDB takes no more, and refuses a call that changes nothing.
    for (const change of tableChanges(news, changed)) {
      await client(aws).send(new UpdateTableCommand({ TableName: id, ...change }));
    }
    if (changed("pointInTimeRecovery"))
      await recovery(aws, id, news.pointInTimeRecovery ?? { enabled: false });
    if (changed("ttl") && (news.ttl?.enabled || olds.ttl?.enabled)) {
      await expire(aws, id, news.ttl?.enabled ? news.ttl : { ...olds.ttl, enabled: false });
    }
    await syncReplicas(aws, id, news, olds);
  },
  tagging: {
    put: (aws, id, tags) =>
      client(aws).send(new TagResourceCommand({ ResourceArn: tableArn(aws, id), Tags: tagItems(tags) })),
    drop: (aws, id, TagKeys) =>
      client(aws).send(new UntagResourceCommand({ ResourceArn: tableArn(aws, id), TagKeys })),
  },
  async delete(aws, id) {
    const found = await unlessGone(client(aws).send(new DescribeTableCommand({ TableName: id })));
    if (!found?.Table) return;
    // Ask before a replica is lost for nothing: the table itself may be protected.
    if (found.Table.DeletionProtectionEnabled) {
      throw new Error(`ValidationException: table '${id}' in ${aws.region} is protected against deletion`);
    }
    await removeReplicas(aws, found.Table);
    await unlessGone(client(aws).send(new DeleteTableCommand({ TableName: id })));
  },
});

const keySchema = (hashKey: string, rangeKey?: string) => [
  { AttributeName: hashKey, KeyType: "HASH" as const },
  ...(rangeKey ? [{ AttributeName: rangeKey, KeyType: "RANGE" as const }] : []),
];

const throughput = (inputs: Props) =>
  inputs.billingMode === "PAY_PER_REQUEST"
    ? undefined
    : { ReadCapacityUnits: inputs.readCapacity, WriteCapacityUnits: inputs.writeCapacity };

const encryptionOf = ({ serverSideEncryption: sse }: Props) =>
  sse?.enabled
    ? { Enabled: true, SSEType: "KMS" as const, KMSMasterKeyId: sse.kmsKeyArn }
    : { Enabled: false };

const streamOf = ({ streamEnabled, streamViewType }: Props) =>
  streamEnabled ? { StreamEnabled: true, StreamViewType: streamViewType } : { StreamEnabled: false };

const definition = (aws: AwsContext, inputs: Props): CreateTableCommandInput => ({
  TableName: inputs.name,
  BillingMode: inputs.billingMode ?? "PROVISIONED",
  ProvisionedThroughput: throughput(inputs),
  AttributeDefinitions: inputs.attributes?.map(({ name, type }: Props) => ({
    AttributeName: name,
    AttributeType: type,
  })),
  KeySchema: keySchema(inputs.hashKey, inputs.rangeKey),
  GlobalSecondaryIndexes: inputs.globalSecondaryIndexes?.map((index: Props) => ({
    ...indexOf(index, index.hashKey),
    ProvisionedThroughput: throughput({ billingMode: inputs.billingMode, ...index }),
  })),
  LocalSecondaryIndexes: inputs.localSecondaryIndexes?.map((index: Props) => indexOf(index, inputs.hashKey)),
  StreamSpecification: inputs.streamEnabled ? (streamOf(inputs) as never) : undefined,
  SSESpecification: inputs.serverSideEncryption && encryptionOf(inputs),
  TableClass: inputs.tableClass,
  DeletionProtectionEnabled: inputs.deletionProtectionEnabled ?? false,
  Tags: aws.tagList(inputs),
});

const indexOf = (index: Props, hashKey: string) => ({
  IndexName: index.name,
  KeySchema: keySchema(hashKey, index.rangeKey),
  Projection: { ProjectionType: index.projectionType, NonKeyAttributes: index.nonKeyAttributes },
});

function readDefinition(found: TableDescription, known: Props): Props {
  const keyOf = (schema: TableDescription["KeySchema"], type: string) =>
    schema?.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const attributes = found.AttributeDefinitions?.map((attribute) => ({
    name: attribute.AttributeName,
    type: attribute.AttributeType,
  }));
  const index = (row: NonNullable<TableDescription["GlobalSecondaryIndexes"]>[number]) =>
    told({
      name: row.IndexName,
      hashKey: keyOf(row.KeySchema, "HASH"),
      rangeKey: keyOf(row.KeySchema, "RANGE"),
      projectionType: row.Projection?.ProjectionType,
      nonKeyAttributes: row.Projection?.NonKeyAttributes,
      readCapacity: row.ProvisionedThroughput?.ReadCapacityUnits || undefined,
      writeCapacity: row.ProvisionedThroughput?.WriteCapacityUnits || undefined,
    });
  const name = (item: Props) => item.name;
  const encrypted = found.SSEDescription?.Status === "ENABLED";
  return {
    name: found.TableName,
    arn: found.TableArn,
    attributes: inOrderOf(known.attributes, attributes, name as never),
    billingMode: found.BillingModeSummary?.BillingMode ?? "PROVISIONED",
    readCapacity: found.ProvisionedThroughput?.ReadCapacityUnits || undefined,
    writeCapacity: found.ProvisionedThroughput?.WriteCapacityUnits || undefined,
    hashKey: keyOf(found.KeySchema, "HASH"),
    rangeKey: keyOf(found.KeySchema, "RANGE"),
    globalSecondaryIndexes: found.GlobalSecondaryIndexes?.length
      ? inOrderOf(known.globalSecondaryIndexes, found.GlobalSecondaryIndexes.map(index), name)
      : undefined,
    streamEnabled: found.StreamSpecification?.StreamEnabled ?? false,
    streamViewType: found.StreamSpecification?.StreamViewType,
    streamArn: found.LatestStreamArn,
    streamLabel: found.LatestStreamLabel,
    serverSideEncryption: told({
      enabled: encrypted,
      kmsKeyArn: encrypted ? found.SSEDescription?.KMSMasterKeyArn : undefined,
    }),
    tableClass: found.TableClassSummary?.TableClass ?? "STANDARD",
    deletionProtectionEnabled: found.DeletionProtectionEnabled ?? false,
  };
}

function* tableChanges(news: Props, changed: (...names: string[]) => boolean) {
  if (changed("billingMode", "readCapacity", "writeCapacity"))
    yield { BillingMode: news.billingMode ?? "PROVISIONED", ProvisionedThroughput: throughput(news) };
  if (changed("streamEnabled", "streamViewType")) yield { StreamSpecification: streamOf(news) as never };
  if (changed("serverSideEncryption")) yield { SSESpecification: encryptionOf(news) };
  if (changed("tableClass")) yield { TableClass: news.tableClass ?? "STANDARD" };
  if (changed("deletionProtectionEnabled"))
    yield { DeletionProtectionEnabled: news.deletionProtectionEnabled ?? false };
}

/** Point-in-time recovery. */
const recovery = (aws: AwsContext, TableName: string, wanted: Props) =>
  client(aws).send(
    new UpdateContinuousBackupsCommand({
      TableName,
      PointInTimeRecoverySpecification: {
        PointInTimeRecoveryEnabled: wanted.enabled,
        RecoveryPeriodInDays: wanted.recoveryPeriodInDays,
      },
    }),
  );

const expire = (aws: AwsContext, TableName: string, ttl: Props) =>
  client(aws).send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { AttributeName: ttl.attributeName, Enabled: ttl.enabled },
    }),
  );

export const dynamodbHandlers: Record<string, AwsHandler> = {
  "aws:dynamodb/table:Table": table,
  ...dynamodbItemHandlers,
};
