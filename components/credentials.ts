/** Passwords that both regions share and that must survive either. */
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Contract, DATABASE_LOGINS } from "../stacks/contract.js";

type SecretName = keyof Contract["secrets"];

export interface CredentialsArgs {
  readonly contract: Contract;
  readonly home: pulumi.ProviderResource;
  readonly random: pulumi.ProviderResource;
  /** Data key of the home region. */
  readonly keyArn: pulumi.Input<string>;
  /** Data key of the recovery region: its copies must be readable while home, and its key, are gone. */
  readonly replicaKeyArn: pulumi.Input<string>;
}

const PURPOSES: Readonly<Record<SecretName, string>> = {
  superuser: "PostgreSQL superuser, for Patroni and for people in need",
  replication: "Streaming replication, within a region and across",
  rewind: "pg_rewind of a former leader",
  application: "The application's login",
  backupCipher: "pgBackRest's repository cipher: without it no backup can be read",
};

/** Letters and digits only: the value goes into YAML, .pgpass and connection strings. 285 bits. */
const LENGTH = 48;

/** The longest that Secrets Manager offers. */
const RECOVERY_WINDOW_DAYS = 30;

/**
 * One generated value per secret, kept encrypted in the state, stored in home and replicated by Secrets
 * Manager. Every physical name is the same in both regions. Logins are JSON `{"username", "password"}`.
 */
export class Credentials extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: CredentialsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:credentials:Credentials", name, {}, opts);
    for (const secret of Object.keys(args.contract.secrets) as SecretName[]) this.secret(secret);
    this.registerOutputs();
  }

  private secret(purpose: SecretName): void {
    const { contract, home, keyArn, replicaKeyArn } = this.args;
    const at = `${this.name}-${purpose}`;
    const value = new random.RandomPassword(
      `${at}-value`,
      { length: LENGTH, special: false },
      // Losing it from the state would make another, and change a password under running nodes.
      { parent: this, provider: this.args.random, protect: true },
    );
    const secret = new secretsmanager.Secret(
      at,
      {
        name: contract.secrets[purpose],
        description: PURPOSES[purpose],
        kmsKeyId: keyArn,
        recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
        replicas: [{ region: contract.recovery.region, kmsKeyId: replicaKeyArn }],
      },
      { parent: this, provider: home, protect: true },
    );
    // What is no login is the value itself.
    const username = purpose in DATABASE_LOGINS && DATABASE_LOGINS[purpose as keyof typeof DATABASE_LOGINS];
    new secretsmanager.SecretVersion(
      `${at}-version`,
      {
        secretId: secret.id,
        secretString: pulumi.secret(
          username ? pulumi.jsonStringify({ username, password: value.result }) : value.result,
        ),
      },
      { parent: this, provider: home, protect: true },
    );
  }
}
