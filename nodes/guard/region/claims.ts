/**
 * The claim table: the epochs that each region claims, each region's status, and the operator's overrides. Every read is
 * strongly consistent.
 *
 * The guard queries the region's own replica first, then the other region's: a regional outage of DynamoDB must not look
 * like isolation. An unreadable item is an error, never "no claim".
 */
import { claimPartitions, itemKey, PARTITION_KEY, SORT_KEY } from "../../../settings/claim-items.js";
import { type Clock, MACHINE_CLOCK } from "../shared/clock.js";
import type { GuardConfig } from "../shared/config.js";
import { credentialsSource } from "./credentials.js";
import { type Attribute, Dynamo, DynamoError, type Item } from "./dynamodb.js";
import type { ClaimTable } from "./region.js";
import { NO_OVERRIDES, NO_STATUS, type Overrides, type Reading, type Status } from "./region-facts.js";

/** Timeout of one attempt at one replica. */
const ATTEMPT_MILLIS = 1000;
/** For this time after a failure the guard queries the other replica first. */
const AVOID_MILLIS = 30_000;

type Config = Pick<GuardConfig["region"], "own" | "peer" | "table" | "endpoints">;
type Replica = Pick<Dynamo, "call" | "close">;

/** Everything that the claims use outside this process. */
export interface ClaimPorts {
  readonly clock: Pick<Clock, "now">;
  readonly replicas: readonly Replica[];
}

/** The ports of a real node. */
function claimPorts({ endpoints }: Config): ClaimPorts {
  const credentials = credentialsSource();
  return {
    clock: MACHINE_CLOCK,
    replicas: endpoints.map(({ region, url }) => new Dynamo(region, url, credentials)),
  };
}

interface BatchAnswer {
  readonly Responses?: Readonly<Record<string, readonly Item[]>>;
  readonly UnprocessedKeys?: Readonly<Record<string, unknown>>;
}

export class Claims implements ClaimTable {
  private readonly failedAt: number[];

  constructor(
    private readonly config: Config,
    private readonly ports: ClaimPorts = claimPorts(config),
  ) {
    this.failedAt = ports.replicas.map(() => Number.NEGATIVE_INFINITY);
  }

  async read(): Promise<Reading> {
    let startedAt = 0;
    const answer = await this.withReplica((replica) => {
      // The start of the successful attempt: the lease counts from it.
      startedAt = this.ports.clock.now();
      return this.readFrom(replica);
    });
    return { startedAt, endedAt: this.ports.clock.now(), ...answer };
  }

  async writeStatus(status: Status): Promise<boolean> {
    const { own, table } = this.config;
    const before = status.sequence - 1;
    let isRetry = false;
    return this.withReplica(async (replica) => {
      try {
        await replica.call(
          "PutItem",
          {
            TableName: table,
            Item: statusItem(own, status),
            ...(before === 0
              ? { ConditionExpression: `attribute_not_exists(${PARTITION_KEY})` }
              : {
                  ConditionExpression: "#sequence = :before",
                  ExpressionAttributeNames: { "#sequence": "sequence" },
                  ExpressionAttributeValues: { ":before": { N: `${before}` } },
                }),
          },
          ATTEMPT_MILLIS,
        );
        return true;
      } catch (error) {
        if (error instanceof DynamoError && error.type === "ConditionalCheckFailedException") {
          if (!isRetry) return false;
          // The previous attempt may have succeeded, and only its answer been lost.
          const found = await this.status(replica, own);
          return JSON.stringify(found) === JSON.stringify(status);
        }
        isRetry = true;
        throw error;
      }
    });
  }

  close(): void {
    for (const replica of this.ports.replicas) replica.close();
  }

  /** Always three requests: every guard reads, and often while something changes. */
  private async readFrom(replica: Replica): Promise<Omit<Reading, "startedAt" | "endedAt">> {
    const { own, peer } = this.config;
    const [claimed, theirs] = await Promise.all([
      this.greatest(replica, claimPartitions(own).claimKey),
      this.greatest(replica, claimPartitions(peer).claimKey),
    ]);
    // Only a region that is to become active needs the overrides, and only those for its own epoch.
    const overriddenEpoch = claimed > theirs ? claimed : undefined;
    const { statuses, overrides } = await this.items(replica, overriddenEpoch);
    return {
      own: claimed,
      peer: theirs,
      mine: statuses[own] as Status,
      theirs: statuses[peer] as Status,
      overrides,
    };
  }

  /** Greatest sort key of a partition: 0 when it is empty. */
  private async greatest(replica: Replica, partition: string): Promise<number> {
    const { table } = this.config;
    const answer = await replica.call<{ Items?: Item[]; Count?: number }>(
      "Query",
      {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: `${PARTITION_KEY} = :pk`,
        ExpressionAttributeValues: { ":pk": { S: partition } },
        ScanIndexForward: false,
        Limit: 1,
      },
      ATTEMPT_MILLIS,
    );
    if (!Array.isArray(answer.Items))
      throw new Error(`table ${table}, ${partition}: DynamoDB's answer contains no list of items`);
    const [item] = answer.Items;
    return item ? numberOf(item[SORT_KEY], `table ${table}, ${partition}, sk`) : 0;
  }

  private async status(replica: Replica, region: string): Promise<Status> {
    return (await this.items(replica)).statuses[region] as Status;
  }

  /** Both regions' status, and the operator's overrides for this region's epoch, in one request. */
  private async items(
    replica: Replica,
    epoch?: number,
  ): Promise<{ statuses: Readonly<Record<string, Status>>; overrides: Overrides }> {
    const { own, peer, table } = this.config;
    const { fencedKey, acceptDataLossKey } = claimPartitions(own);
    const overridden = epoch === undefined ? [] : ([fencedKey, acceptDataLossKey] as const);
    const answer = await replica.call<BatchAnswer>(
      "BatchGetItem",
      {
        RequestItems: {
          [table]: {
            ConsistentRead: true,
            Keys: [
              ...[own, peer].map((region) => itemKey(claimPartitions(region).statusKey)),
              ...overridden.map((key) => itemKey(key, epoch)),
            ],
          },
        },
      },
      ATTEMPT_MILLIS,
    );
    // DynamoDB returns throttled keys as unprocessed: these items may exist.
    const items = answer.Responses?.[table];
    if (!items || Object.keys(answer.UnprocessedKeys ?? {}).length > 0)
      throw new Error(`table ${table}: DynamoDB left items unread`);
    const find = (key: string) => items.find(({ [PARTITION_KEY]: pk }) => pk && "S" in pk && pk.S === key);
    const of = (region: string) => {
      const { statusKey } = claimPartitions(region);
      const item = find(statusKey);
      return item ? statusOf(item, `table ${table}, ${statusKey}`) : NO_STATUS;
    };
    const [fenced, acceptDataLoss] = overridden.map((key) => (find(key) ? (epoch as number) : 0));
    return {
      statuses: { [own]: of(own), [peer]: of(peer) },
      overrides: epoch === undefined ? NO_OVERRIDES : ({ fenced, acceptDataLoss } as Overrides),
    };
  }

  private async withReplica<T>(work: (replica: Replica) => Promise<T>): Promise<T> {
    const now = this.ports.clock.now();
    const isAvoided = (i: number) => now - (this.failedAt[i] as number) < AVOID_MILLIS;
    const order = this.ports.replicas
      .map((_, i) => i)
      .sort((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)));
    const failures: string[] = [];
    for (const i of order) {
      try {
        const result = await work(this.ports.replicas[i] as Replica);
        this.failedAt[i] = Number.NEGATIVE_INFINITY;
        return result;
      } catch (error) {
        this.failedAt[i] = this.ports.clock.now();
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new Error(failures.join("; "));
  }
}

const statusItem = (region: string, status: Status): Item => ({
  ...itemKey(claimPartitions(region).statusKey),
  sequence: { N: `${status.sequence}` },
  status: { S: JSON.stringify(status) },
});

/** @throws Error that names the flaw: an unreadable status must not count as a missing one. */
export function statusOf(item: Item, what: string): Status {
  const text = item.status && "S" in item.status ? item.status.S : undefined;
  const sequence = numberOf(item.sequence, `${what}, sequence`);
  let status: Status | undefined;
  try {
    status = JSON.parse(text ?? "") as Status;
  } catch {
    throw new Error(`${what}: status is not JSON`);
  }
  if (status.sequence !== sequence)
    throw new Error(`${what}: the item's sequence is ${sequence}, its status' sequence ${status.sequence}`);
  if (!Number.isSafeInteger(status.opened) || status.opened < 0)
    throw new Error(`${what}: opened is ${String(status.opened)}, not an epoch`);
  return status;
}

function numberOf(attribute: Attribute | undefined, what: string): number {
  const value = attribute && "N" in attribute ? Number(attribute.N) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${what} is not a whole number`);
  return value;
}
