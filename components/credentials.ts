/** Passwords that both regions share and that must survive either. */
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import { credentialsOf } from "../credentials/secret-values.js";
import type { Contract } from "../settings/contract.js";
import type { DatabaseSettings } from "../settings/schema.js";

export interface CredentialsArgs {
  readonly contract: Contract;
  /** Each login that owns one gets a password; the application's own password is in `contract.secrets`. */
  readonly databases: readonly Pick<DatabaseSettings, "owner">[];
  readonly home: pulumi.ProviderResource;
  /** Data key of the home region. */
  readonly keyArn: pulumi.Input<string>;
  /** Data key of the recovery region: its copies must be readable while home, and its key, are gone. */
  readonly replicaKeyArn: pulumi.Input<string>;
}

/** The longest that Secrets Manager offers. */
export const RECOVERY_WINDOW_DAYS = 30;

/**
 * One secret per password, without a value: `npx dr bootstrap secrets` fills it, so that no password is ever in a
 * program or its state. Secrets Manager copies it to recovery. Every physical name is the same in both regions.
 */
export class Credentials extends pulumi.ComponentResource {
  constructor(
    name: string,
    { contract, databases, home, keyArn, replicaKeyArn }: CredentialsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:credentials:Credentials", name, {}, opts);
    for (const { id, secretName, description } of credentialsOf(contract, databases)) {
      new secretsmanager.Secret(
        `${name}-${id}`,
        {
          name: secretName,
          description,
          kmsKeyId: keyArn,
          recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
          replicas: [{ region: contract.recovery.region, kmsKeyId: replicaKeyArn }],
        },
        { parent: this, provider: home, protect: true },
      );
    }
    this.registerOutputs();
  }
}
