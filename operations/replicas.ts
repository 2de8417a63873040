/** The claim table's replicas through the AWS SDK: with the credentials of the shell, or with an emulator's. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Emulated, emulatedConfig } from "../common/emulated.js";
import type { Replica } from "./claim-table.js";

export interface OpenReplica extends Replica {
  readonly client: DynamoDBClient;
}

/** @param emulated left out: AWS, with ordinary credentials */
export function openReplica(region: string, emulated?: Emulated): OpenReplica {
  // Only one more attempt: the other replica is the better second choice.
  const client = new DynamoDBClient({ ...emulatedConfig(emulated), region, maxAttempts: 2 });
  return {
    region,
    client,
    query: (command, abortSignal) => client.send(command, { abortSignal }),
    get: (command, abortSignal) => client.send(command, { abortSignal }),
  };
}
