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
