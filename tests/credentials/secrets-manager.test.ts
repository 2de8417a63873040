import {
  type ReplicationStatusType,
  ResourceExistsException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { expect, test } from "vitest";
import { waitForReplicas, writeFirstValue } from "../../credentials/secrets-manager.js";

/** A client to which Secrets Manager answers with these states of the copies, one answer after the other. */
function answering(...states: Partial<ReplicationStatusType>[][]): SecretsManagerClient {
  const client = new SecretsManagerClient({ region: "eu-west-1" });
  client.send = async () => ({ ReplicationStatus: states.length > 1 ? states.shift() : states[0] }) as never;
  return client;
}
const wait = { regions: ["eu-central-1"], intervalMs: 1, timeoutSeconds: 0.05 };
const copy = (Status: "InProgress" | "InSync" | "Failed", StatusMessage?: string) => [
  { Region: "eu-central-1", Status, StatusMessage },
];

test("waits until the copy is in sync", async () => {
  await waitForReplicas(answering(copy("InProgress"), copy("InProgress"), copy("InSync")), "one", wait);
});

test("names the copy that failed, with Secrets Manager's reason", async () => {
  await expect(
    waitForReplicas(answering(copy("Failed", "KMS key is disabled")), "one", wait),
  ).rejects.toThrow(/secret one: its copy in eu-central-1 is Failed[\s\S]*KMS key is disabled/);
});

test("a secret without a copy in the other region is an error, not a success", async () => {
  await expect(waitForReplicas(answering([]), "one", wait)).rejects.toThrow(/eu-central-1 is missing/);
});

test("a copy that isn't in sync in time is an error", async () => {
  await expect(waitForReplicas(answering(copy("InProgress")), "one", wait)).rejects.toThrow(
    /eu-central-1 is InProgress/,
  );
});

test("of two operators who fill the same secret at once, the first one's value stays", async () => {
  const client = new SecretsManagerClient({ region: "eu-west-1" });
  const tokens: string[] = [];
  // By its documentation: the same token with another value is refused.
  client.send = async ({ input }: { input: { ClientRequestToken: string } }) => {
    tokens.push(input.ClientRequestToken);
    if (tokens.length > 1) throw new ResourceExistsException({ message: "exists", $metadata: {} });
    return {} as never;
  };
  expect(await writeFirstValue(client, "one", "a")).toBe(true);
  expect(await writeFirstValue(client, "one", "b")).toBe(false);
  expect(new Set(tokens).size).toBe(1);
  // Secrets Manager takes 32 to 64 characters.
  expect(tokens[0]).toMatch(/^[\w-]{32,64}$/);
});
