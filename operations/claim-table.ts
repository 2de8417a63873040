/**
 * The claim table as an operator reads it: both regions' claims, status and overrides, strongly consistent. It reads
 * one replica, and the next if the first doesn't answer, so it works while either region is down.
 */
import { type AttributeValue, GetItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { UserError } from "../common/errors.js";
import { statusOf } from "../nodes/guard/region/claims.js";
import type { Item } from "../nodes/guard/region/dynamodb.js";
import { NO_STATUS } from "../nodes/guard/region/region-facts.js";
import { epochsQuery, isEpochOf, itemKey, SORT_KEY } from "../settings/claim-items.js";
import type { Contract, RegionContract } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import type { RegionRecord, TableReading } from "./observation.js";

/** Time limit of one replica, for all its answers together. */
const REPLICA_MILLIS = 5_000;

/** The part of the SDK's client that this file uses. */
export interface Replica {
  /** Where it is. */
  readonly region: string;
  query(command: QueryCommand, signal: AbortSignal): Promise<{ Items?: Attributes[] }>;
  get(command: GetItemCommand, signal: AbortSignal): Promise<{ Item?: Attributes }>;
}

type Attributes = Record<string, AttributeValue>;
type Regions = Readonly<Record<RegionId, RegionContract>> & Pick<Contract, "claimTable">;

/**
 * @param replicas in the order in which to read them.
 * @throws UserError with the error of each replica, when none can be read.
 */
export async function readClaimTable(
  contract: Regions,
  replicas: readonly Replica[],
  replicaMillis = REPLICA_MILLIS,
): Promise<TableReading> {
  const failures: string[] = [];
  for (const replica of replicas) {
    const signal = AbortSignal.timeout(replicaMillis);
    try {
      const [home, recovery] = await Promise.all([
        readRegion(replica, contract.claimTable, contract.home, signal),
        readRegion(replica, contract.claimTable, contract.recovery, signal),
      ]);
      return { readIn: replica.region, failures, regions: { home, recovery } };
    } catch (error) {
      failures.push(`${replica.region}: ${explain(error as Error, signal, replicaMillis)}`);
    }
  }
  throw new UserError(
    `claim table '${contract.claimTable}' can't be read`,
    failures.join("\n  "),
    "check that the shell has AWS credentials that may read the table (aws sts get-caller-identity), and that stack `global` is deployed; for a twin, start it with npx dr twin up --regions 2, then pass --twin (DR_TWIN_DIR names its folder)",
  );
}

async function readRegion(
  replica: Replica,
  table: string,
  { claimKey, statusKey, fencedKey, acceptDataLossKey, epochParity }: RegionContract,
  signal: AbortSignal,
): Promise<RegionRecord> {
  // A number that no stack can have claimed is ignored, as the guards ignore it.
  const greatest = async (partition: string): Promise<number> => {
    const { Items: items = [] } = await replica.query(
      new QueryCommand(epochsQuery(table, partition)),
      signal,
    );
    return items.map((item) => Number(item[SORT_KEY]?.N)).find((epoch) => isEpochOf(epoch, epochParity)) ?? 0;
  };
  const status = async () => {
    const key = itemKey(statusKey);
    const command = new GetItemCommand({ TableName: table, ConsistentRead: true, Key: key });
    const { Item: item } = await replica.get(command, signal);
    return item ? statusOf(item as Item, statusKey) : NO_STATUS;
  };
  const [claimed, own, fenced, acceptDataLoss] = await Promise.all([
    greatest(claimKey),
    status(),
    greatest(fencedKey),
    greatest(acceptDataLossKey),
  ]);
  return { claimed, status: own, overrides: { fenced, acceptDataLoss } };
}

function explain({ name, message }: Error, signal: AbortSignal, millis: number): string {
  if (signal.aborted) return `no answer within ${millis / 1000} s`;
  if (name === "ResourceNotFoundException") return "the table doesn't exist";
  // Some of the SDK's errors have only a name.
  return message || name;
}
