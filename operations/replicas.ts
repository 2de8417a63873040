/** The claim table's replicas through the AWS SDK: with the credentials of the shell, or with an emulator's. */
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { Replica } from "./claim-table.js";

/** The address of an emulated DynamoDB. Its credentials are valid nowhere else. */
export interface Emulated {
  readonly endpoint: string;
}

export interface OpenReplica extends Replica {
  readonly client: DynamoDBClient;
}

/** @param emulated left out: AWS, with ordinary credentials */
export function openReplica(region: string, emulated?: Emulated): OpenReplica {
  const config: DynamoDBClientConfig = emulated
    ? { endpoint: emulated.endpoint, credentials: { accessKeyId: "test", secretAccessKey: "test" } }
    : {};
  // Only one more attempt: the other replica is the better second choice.
  const client = new DynamoDBClient({ ...config, region, maxAttempts: 2 });
  return {
    region,
    client,
    query: (command, abortSignal) => client.send(command, { abortSignal }),
    get: (command, abortSignal) => client.send(command, { abortSignal }),
  };
}
