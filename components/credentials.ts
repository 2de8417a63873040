/** Passwords that both regions share and that must survive either. */
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Contract, DATABASE_LOGINS } from "../settings/contract.js";
import type { DatabaseSettings } from "../settings/schema.js";

type SecretName = keyof Contract["secrets"];

/** One generated value: where it stands, what it is for, whose login it is (none: it is the value itself). */
interface Credential {
  /** Logical name, below the component's. */
  readonly id: string;
  readonly secretName: string;
  readonly description: string;
  readonly username?: string;
}

export interface CredentialsArgs {
  readonly contract: Contract;
  /** Each login that owns one gets a password; the application's own password is in `contract.secrets`. */
  readonly databases: readonly Pick<DatabaseSettings, "owner">[];
  readonly home: pulumi.ProviderResource;
  readonly random: pulumi.ProviderResource;
  /** Data key of the home region. */
  readonly keyArn: pulumi.Input<string>;
  /** Data key of the recovery region: its copies must be readable while home, and its key, are gone. */
  readonly replicaKeyArn: pulumi.Input<string>;
}

const PURPOSES: Readonly<Record<SecretName, string>> = {
  superuser: "PostgreSQL superuser, for Patroni and for operators in an emergency",
  replication: "Streaming replication, within a region and across",
  rewind: "pg_rewind of a former leader",
  application: "The application's login",
  backupCipher: "pgBackRest's repository cipher: without it no backup can be read",
};

/** Letters and digits only: the value goes into YAML, .pgpass and connection strings. 285 bits. */
const LENGTH = 48;

/** The longest that Secrets Manager offers. */
export const RECOVERY_WINDOW_DAYS = 30;

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
    for (const credential of [...shared(args.contract), ...owners(args)]) this.create(credential);
    this.registerOutputs();
  }

  private create({ id, secretName, description, username }: Credential): void {
    const { contract, home, keyArn, replicaKeyArn } = this.args;
    const at = `${this.name}-${id}`;
    const value = new random.RandomPassword(
      `${at}-value`,
      { length: LENGTH, special: false },
      // Losing it from the state would make another, and change a password under running nodes.
      { parent: this, provider: this.args.random, protect: true },
    );
    const secret = new secretsmanager.Secret(
      at,
      {
        name: secretName,
        description,
        kmsKeyId: keyArn,
        recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
        replicas: [{ region: contract.recovery.region, kmsKeyId: replicaKeyArn }],
      },
      { parent: this, provider: home, protect: true },
    );
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

function shared({ secrets }: Contract): Credential[] {
  const logins: Partial<Record<string, string>> = DATABASE_LOGINS;
  return (Object.keys(secrets) as SecretName[]).map((purpose) => ({
    id: purpose,
    secretName: secrets[purpose],
    description: PURPOSES[purpose],
    username: logins[purpose],
  }));
}

/** One per login, however many databases it owns. */
const owners = ({ contract, databases }: CredentialsArgs): Credential[] =>
  [...new Set(databases.map(({ owner }) => owner))]
    .filter((owner) => contract.ownerSecret(owner) !== contract.secrets.application)
    .map((owner) => ({
      id: `owner-${owner}`,
      secretName: contract.ownerSecret(owner),
      description: `Login ${owner}, owner of databases`,
      username: owner,
    }));
