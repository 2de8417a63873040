/** An emulated DynamoDB of a twin's own, with the claim table in it. Ends with the process that started it. */
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Progress } from "../../../common/progress.js";
import { startEmulatorOfTwin, type TwinEmulator } from "../emulator.js";
import { NEVER_WAITS } from "../priority.js";
import { type ClaimStore, EMULATOR_CREDENTIALS } from "./store.js";

export interface OwnClaimStore extends ClaimStore, Pick<TwinEmulator, "pid" | "close"> {}

/**
 * Starts it on a free port of the loopback, and makes the table.
 * @param dir for its log and whatever it writes; made when missing.
 * @throws Error with the emulator's last words when it doesn't come up within 30 s.
 */
export async function startClaimStore(
  progress: Progress,
  dir: string,
  table: string,
  region: string,
): Promise<OwnClaimStore> {
  const purpose = "the claim table";
  const { endpoint, pid, close } = await startEmulatorOfTwin({ progress, dir, purpose, prefix: NEVER_WAITS });
  try {
    await createTable(endpoint, region, table);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, region, pid, close };
}

/** The table of a new account: an empty one, in place of what is there. */
export async function recreateTable({ endpoint, region }: ClaimStore, table: string): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region, credentials: EMULATOR_CREDENTIALS });
  await client.send(new DeleteTableCommand({ TableName: table })).finally(() => client.destroy());
  await createTable(endpoint, region, table);
}

/** As stack global makes it, but for the replica: all regions are sent to this one copy. */
async function createTable(endpoint: string, region: string, table: string): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region, credentials: EMULATOR_CREDENTIALS });
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  client.destroy();
}
