/** `dr bootstrap secrets`: gives each secret that has no value yet its first one. */
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { assertAccount } from "../common/account.js";
import { UserError } from "../common/errors.js";
import { contractOf } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import { type Credential, credentialsOf, newPassword, secretText } from "./secret-values.js";
import { secretState, waitForReplicas, writeFirstValue } from "./secrets-manager.js";

export interface BootstrapSecretsArgs {
  readonly settings: SharedSettings;
  /** Only look; write nothing. */
  readonly check?: boolean;
  /** Default: the region's own, with `AWS_ENDPOINT_URL` and credentials of the environment. */
  readonly client?: SecretsManagerClient;
}

/** Names of secrets. */
export interface BootstrappedSecrets {
  /** Given a value now; none with `check`. */
  readonly filled: readonly string[];
  /** Had a value before; it is unchanged. */
  readonly kept: readonly string[];
  /** Still without a value: only with `check`. */
  readonly empty: readonly string[];
}

/**
 * Idempotent: a secret that has a value keeps it. Values are written in the home region; Secrets Manager
 * copies them to the recovery region, and this waits until it has.
 * @throws UserError for another account, for secrets that stack global has not made, for a copy that fails.
 */
export async function bootstrapSecrets(args: BootstrapSecretsArgs): Promise<BootstrappedSecrets> {
  const { settings, check = false } = args;
  const { accountId } = settings;
  // Only names that no account is part of are used here.
  const { home, recovery, ...contract } = contractOf(settings, accountId ?? "");
  const client = args.client ?? new SecretsManagerClient({ region: home.region });
  if (accountId && !args.client) await assertAccount(home.region, accountId);
  const found = await Promise.all(
    credentialsOf(contract, settings.databases).map(async (credential) => ({
      credential,
      state: await secretState(client, credential.secretName),
    })),
  );
  const inState = (wanted: string) =>
    found.filter(({ state }) => state === wanted).map(({ credential }) => credential);
  assertDeclared(inState("absent"), home.region);
  const kept = inState("filled").map(({ secretName }) => secretName);
  const empty = inState("empty");
  if (check) return { filled: [], kept, empty: empty.map(({ secretName }) => secretName) };
  const filled: string[] = [];
  for (const credential of empty) {
    const { secretName } = credential;
    const mine = await writeFirstValue(client, secretName, secretText(credential, newPassword()));
    (mine ? filled : kept).push(secretName);
  }
  for (const { credential } of found)
    await waitForReplicas(client, credential.secretName, { regions: [recovery.region] });
  return { filled, kept, empty: [] };
}

function assertDeclared(absent: readonly Credential[], region: string): void {
  if (absent.length === 0) return;
  throw new UserError(
    `${region} has no secret ${absent.map(({ secretName }) => secretName).join(", ")}`,
    "Stack global declares one for every password in the settings.",
    "deploy stack global with these settings, then run this again",
  );
}
