/**
 * The claim table's items: their keys and what is in them. Stacks, guards, operators and the twin all write and read by
 * these. Pure.
 */

/** Partition and sort key of every item. */
export const PARTITION_KEY = "pk";
export const SORT_KEY = "sk";

/** @param region AWS region. @returns its partitions of the table */
export const claimPartitions = (region: string) => ({
  claimKey: `claim#${region}`,
  statusKey: `status#${region}`,
  fencedKey: `fenced#${region}`,
  acceptDataLossKey: `acceptDataLoss#${region}`,
});

/** @param epoch sort key of a claim or an override; 0 for the status, of which there is one */
export const itemKey = (partition: string, epoch = 0) => ({
  [PARTITION_KEY]: { S: partition },
  [SORT_KEY]: { N: `${epoch}` },
});

/** Its content depends on nothing but region and epoch: a second write of it changes nothing. */
export const epochItem = (partition: string, region: string, epoch: number) => ({
  ...itemKey(partition, epoch),
  region: { S: region },
  epoch: { N: `${epoch}` },
});

/** The highest epoch that settings take. */
export const MAX_EPOCH = 1_000_000;

/** How many of a partition's items one query returns: a few more than the one that counts. */
const PAGE_ITEMS = 20;

/**
 * A partition's epochs, the greatest first, strongly consistent. Only the numbers that settings take: an item with `sk`
 * 1e20 would otherwise be the greatest claim of its region for good.
 */
export const epochsQuery = (table: string, partition: string) => ({
  TableName: table,
  ConsistentRead: true,
  KeyConditionExpression: `${PARTITION_KEY} = :pk AND ${SORT_KEY} BETWEEN :least AND :most`,
  ExpressionAttributeValues: {
    ":pk": { S: partition },
    ":least": { N: "1" },
    ":most": { N: `${MAX_EPOCH}` },
  },
  ScanIndexForward: false,
  Limit: PAGE_ITEMS,
});

/** Whether a stack of that parity can have claimed this number: 1 for home, 0 for recovery. */
export const isEpochOf = (epoch: number, parity: 0 | 1): boolean =>
  Number.isInteger(epoch) && epoch >= 1 && epoch <= MAX_EPOCH && epoch % 2 === parity;
