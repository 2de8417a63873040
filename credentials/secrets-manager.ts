/** Writes values into the secrets that stack `global` declared. No call here reads a value. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeSecretCommand,
  type DescribeSecretCommandOutput,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { UserError } from "../common/errors.js";

/** `absent`: stack `global` hasn't made it, or it waits for its deletion; `empty`: it has no value yet. */
export type SecretState = "absent" | "empty" | "filled";

export async function secretState(client: SecretsManagerClient, name: string): Promise<SecretState> {
  const found = await describe(client, name);
  if (!found || found.DeletedDate) return "absent";
  const stages = Object.values(found.VersionIdsToStages ?? {}).flat();
  return stages.includes("AWSCURRENT") ? "filled" : "empty";
}

/**
 * Secrets Manager takes a second version with the same token only if it is the same value, so of two operators who fill
 * the same secret at once, the first one's value stays.
 */
const FIRST_VALUE = "dr-bootstrap-secrets-first-value";

/**
 * Gives an empty secret its first value.
 * @returns whether this call wrote it; false where another one was faster
 */
export async function writeFirstValue(
  client: SecretsManagerClient,
  name: string,
  text: string,
): Promise<boolean> {
  try {
    await client.send(
      new PutSecretValueCommand({ SecretId: name, SecretString: text, ClientRequestToken: FIRST_VALUE }),
    );
    return true;
  } catch (error) {
    if (error instanceof ResourceExistsException) return false;
    throw error;
  }
}

/** Makes a new version the current one; the one before keeps the label `AWSPREVIOUS`. */
export async function writeNextValue(
  client: SecretsManagerClient,
  name: string,
  text: string,
): Promise<void> {
  await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: text }));
}

export interface ReplicaWait {
  /** Regions whose copies must be in sync. */
  readonly regions: readonly string[];
  /** Default: two minutes. */
  readonly timeoutSeconds?: number;
  /** Default: every second. */
  readonly intervalMs?: number;
}

/** @throws UserError when a copy failed, is missing, or isn't in sync in time: the other region would have the old value. */
export async function waitForReplicas(
  client: SecretsManagerClient,
  name: string,
  { regions, timeoutSeconds = 120, intervalMs = 1000 }: ReplicaWait,
): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const copies = (await describe(client, name))?.ReplicationStatus ?? [];
    const behind = regions.flatMap((region) => {
      const copy = copies.find(({ Region }) => Region === region);
      return copy?.Status === "InSync" ? [] : [{ region, copy }];
    });
    if (behind.length === 0) return;
    const broken = behind.find(({ copy }) => copy?.Status !== "InProgress");
    if (broken || performance.now() > deadline) {
      const { region, copy } = (broken ?? behind[0]) as (typeof behind)[number];
      throw new UserError(
        `secret ${name}: its copy in ${region} is ${copy?.Status ?? "missing"}`,
        copy?.StatusMessage ?? "The value is in the home region only.",
        "when the region works, run the same command again: it waits for the copies of secrets that have a value, too",
      );
    }
    await sleep(intervalMs);
  }
}

async function describe(
  client: SecretsManagerClient,
  name: string,
): Promise<DescribeSecretCommandOutput | undefined> {
  try {
    return await client.send(new DescribeSecretCommand({ SecretId: name }));
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
