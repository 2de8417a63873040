/** Where a twin's claim table is kept: in an emulator that has it already, e.g. the sandbox's after `pulumi up`. */
import { DescribeTableCommand, DynamoDBClient, ResourceNotFoundException } from "@aws-sdk/client-dynamodb";
import { UserError } from "../../../common/errors.js";

/** Of the emulator's root user, whose signatures it doesn't check. */
export const EMULATOR_CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;

export interface ClaimStore {
  /** Of the emulator. */
  readonly endpoint: string;
  /** AWS region whose copy of the table all read and write. */
  readonly region: string;
}

/**
 * The table of an emulator that runs. The emulator carries a write into every replica before it answers, so that what
 * another region's stack puts there is in this copy too.
 * @throws UserError when there is no such table, or when DynamoDB doesn't answer.
 */
export async function existingClaims(store: ClaimStore, table: string): Promise<ClaimStore> {
  const client = new DynamoDBClient({ ...store, credentials: EMULATOR_CREDENTIALS, maxAttempts: 1 });
  try {
    await client.send(new DescribeTableCommand({ TableName: table }));
  } catch (error) {
    const missing = error instanceof ResourceNotFoundException;
    throw new UserError(
      `no claim table ${table} in ${store.region} of ${store.endpoint}`,
      missing ? "Stack global makes it." : `It did not answer: ${(error as Error).message}.`,
      missing ? "npx dr sandbox up global" : "see that the emulator runs: npx dr sandbox up global",
    );
  } finally {
    client.destroy();
  }
  return store;
}
