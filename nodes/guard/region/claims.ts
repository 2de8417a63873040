/**
 * The claim table: the epochs that each region claims, each region's status, and the operator's overrides. Every read is
 * strongly consistent.
 *
 * The guard queries the region's own replica first, then the other region's: a regional outage of DynamoDB must not look
 * like isolation. An unreadable status is an error, never "no status". A claim that no stack can have made is ignored, or
 * one such item would stop every guard of both regions.
 */
import {
  claimPartitions,
  epochsQuery,
  isEpochOf,
  itemKey,
  PARTITION_KEY,
  SORT_KEY,
} from "../../../settings/claim-items.js";
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

/** Pages of claims that a stack can't have made, before the guard gives up: more than anybody writes by mistake. */
const MOST_PAGES = 5;

type Config = Pick<GuardConfig["region"], "own" | "peer" | "table" | "endpoints" | "startsAsStandby">;
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

interface QueryAnswer {
  readonly Items?: readonly Item[];
  readonly LastEvaluatedKey?: Item;
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
    const [claimed, theirs] = await Promise.all([this.greatest(replica, own), this.greatest(replica, peer)]);
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

  /** Claims that no stack can have made, among the hundred greatest of each region. */
  unexpected(): Promise<readonly string[]> {
    const { own, peer, table } = this.config;
    return this.withReplica(async (replica) => {
      const found = await Promise.all(
        [own, peer].map(async (region) => {
          const { claimKey } = claimPartitions(region);
          const input = {
            TableName: table,
            KeyConditionExpression: `${PARTITION_KEY} = :pk`,
            ExpressionAttributeValues: { ":pk": { S: claimKey } },
            ScanIndexForward: false,
            Limit: 100,
          };
          const { items } = await this.query(replica, claimKey, input);
          return items
            .filter((item) => !isEpochOf(epochOf(item), this.parityOf(region)))
            .map((item) => `${claimKey} ${JSON.stringify(item[SORT_KEY])}`);
        }),
      );
      return found.flat();
    });
  }

  /** The highest epoch that a region's stack can have claimed: 0 for none. */
  private async greatest(replica: Replica, region: string): Promise<number> {
    const { table } = this.config;
    const { claimKey } = claimPartitions(region);
    const parity = this.parityOf(region);
    let from: Item | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const input = { ...epochsQuery(table, claimKey), ...(from && { ExclusiveStartKey: from }) };
      const { items, next } = await this.query(replica, claimKey, input);
      const epoch = items.map(epochOf).find((number) => isEpochOf(number, parity));
      if (epoch !== undefined) return epoch;
      if (next === undefined) return 0;
      from = next;
    }
    // The region's own claim may be behind them: ignoring it could let two regions open.
    throw new Error(`table ${table}, ${claimKey}: too many claims that no stack can have made`);
  }

  private async query(replica: Replica, partition: string, input: object) {
    const answer = await replica.call<QueryAnswer>("Query", input, ATTEMPT_MILLIS);
    if (!Array.isArray(answer.Items))
      throw new Error(
        `table ${this.config.table}, ${partition}: DynamoDB's answer contains no list of items`,
      );
    return { items: answer.Items as readonly Item[], next: answer.LastEvaluatedKey };
  }

  /** Recovery, whose new cluster starts as a standby, has the even epochs. */
  private parityOf(region: string): 0 | 1 {
    return (region === this.config.own) === this.config.startsAsStandby ? 0 : 1;
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

/** Any number that DynamoDB can hold. @throws Error when there is none: an unreadable item must not count as a missing one. */
function epochOf(item: Item): number {
  const attribute = item[SORT_KEY];
  const epoch = attribute && "N" in attribute && attribute.N !== "" ? Number(attribute.N) : Number.NaN;
  if (Number.isNaN(epoch)) throw new Error("a claim in DynamoDB's answer has no number");
  return epoch;
}

function numberOf(attribute: Attribute | undefined, what: string): number {
  const value = attribute && "N" in attribute ? Number(attribute.N) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${what} is not a whole number`);
  return value;
}
