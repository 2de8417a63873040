/** Replicas of a DynamoDB table in other regions. */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DynamoDBClient,
  type TableDescription,
  TagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import { inOrderOf, told } from "./read-back.js";

/**
 * Multi-Region strong consistency takes exactly three regions: two replicas, or one and a witness. The
 * emulator would accept anything. Source: DynamoDB's developer guide, "Multi-Region strong consistency".
 */
export function checkConsistency(aws: AwsContext, inputs: Props): void {
  const replicas: Props[] = inputs.replicas ?? [];
  const strong = replicas.filter(({ consistencyMode }) => consistencyMode === "STRONG");
  const witness: string | undefined = inputs.globalTableWitness?.regionName;
  const problems: string[] = [];
  if (strong.length === 0 && witness) problems.push("a witness needs replicas with consistencyMode STRONG");
  if (strong.length > 0) {
    const regions = [
      aws.region,
      ...replicas.map(({ regionName }) => regionName),
      ...(witness ? [witness] : []),
    ];
    if (strong.length < replicas.length) problems.push("replicas must all be STRONG, or none");
    if (regions.length !== 3) problems.push(`three regions are needed, not ${regions.length}`);
    if (new Set(regions).size < regions.length) problems.push("a region is named twice");
    if (inputs.ttl?.enabled) problems.push("such a table can have no TTL");
    if (inputs.localSecondaryIndexes) problems.push("such a table can have no local secondary index");
  }
  if (problems.length > 0)
    throw new Error(`ValidationException: table '${inputs.name}': ${problems.join("; ")}`);
}

/** Adds, removes and sets replicas so that they are as `news` says. `olds` is what was there. */
export async function syncReplicas(
  aws: AwsContext,
  TableName: string,
  news: Props,
  olds: Props,
): Promise<void> {
  const wanted: Props[] = news.replicas ?? [];
  const before: Props[] = olds.replicas ?? [];
  const named = (list: Props[], region: string) => list.find(({ regionName }) => regionName === region);
  for (const { regionName } of before) {
    if (!named(wanted, regionName)) await removeReplica(aws, TableName, regionName);
  }
  for (const replica of wanted) {
    const old = named(before, replica.regionName);
    if (!old) {
      await aws.client(DynamoDBClient).send(
        new UpdateTableCommand({
          TableName,
          ReplicaUpdates: [{ Create: { RegionName: replica.regionName, KMSMasterKeyId: replica.kmsKeyArn } }],
        }),
      );
    }
    await setReplica(aws, TableName, replica, old);
    if (replica.propagateTags) await tagReplica(aws, TableName, replica.regionName, news);
  }
}

async function setReplica(aws: AwsContext, TableName: string, wanted: Props, old: Props | undefined) {
  const replica = aws.client(DynamoDBClient, wanted.regionName);
  const changed = (name: string) => !same(wanted[name] ?? false, old?.[name] ?? false);
  if (changed("pointInTimeRecovery")) {
    await replica.send(
      new UpdateContinuousBackupsCommand({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: wanted.pointInTimeRecovery ?? false },
      }),
    );
  }
  // A new replica may have got the protection of its origin.
  if (!old || changed("deletionProtectionEnabled")) {
    await replica.send(
      new UpdateTableCommand({
        TableName,
        DeletionProtectionEnabled: wanted.deletionProtectionEnabled ?? false,
      }),
    );
  }
}

const tagReplica = (aws: AwsContext, table: string, region: string, inputs: Props) =>
  aws.client(DynamoDBClient, region).send(
    new TagResourceCommand({
      ResourceArn: aws.arn("dynamodb", `table/${table}`, region),
      Tags: aws.tagList(inputs),
    }),
  );

/** The emulator would drop a protected replica; DynamoDB does not. */
async function removeReplica(aws: AwsContext, TableName: string, region: string): Promise<void> {
  const { Table } = await aws.client(DynamoDBClient, region).send(new DescribeTableCommand({ TableName }));
  if (Table?.DeletionProtectionEnabled) {
    throw new Error(`ValidationException: table '${TableName}' in ${region} is protected against deletion`);
  }
  await aws
    .client(DynamoDBClient)
    .send(new UpdateTableCommand({ TableName, ReplicaUpdates: [{ Delete: { RegionName: region } }] }));
}

export async function removeReplicas(aws: AwsContext, table: TableDescription): Promise<void> {
  for (const { RegionName } of table.Replicas ?? []) {
    await removeReplica(aws, table.TableName as string, RegionName as string);
  }
}

/** Undefined for a table without replicas. What the emulator can't tell is as the program says it. */
export async function readReplicas(
  aws: AwsContext,
  table: TableDescription,
  known: Props,
): Promise<Props[] | undefined> {
  const regions = (table.Replicas ?? []).map(({ RegionName }) => RegionName as string);
  if (regions.length === 0 && !known.replicas) return undefined;
  const found = await Promise.all(
    regions.map(async (region) => {
      const client = aws.client(DynamoDBClient, region);
      const TableName = table.TableName as string;
      const [{ Table }, backups] = await Promise.all([
        client.send(new DescribeTableCommand({ TableName })),
        client.send(new DescribeContinuousBackupsCommand({ TableName })),
      ]);
      const pitr = backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
      const before = known.replicas?.find(({ regionName }: Props) => regionName === region);
      return told({
        regionName: region,
        arn: Table?.TableArn,
        streamArn: Table?.LatestStreamArn,
        streamLabel: Table?.LatestStreamLabel,
        pointInTimeRecovery: pitr?.PointInTimeRecoveryStatus === "ENABLED",
        deletionProtectionEnabled: Table?.DeletionProtectionEnabled ?? false,
        consistencyMode: before?.consistencyMode,
        propagateTags: before?.propagateTags,
        kmsKeyArn: before?.kmsKeyArn,
      });
    }),
  );
  return inOrderOf(known.replicas, found, ({ regionName }) => regionName);
}
