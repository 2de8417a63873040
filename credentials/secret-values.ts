/** Which passwords there are, and what their secrets contain. No value is known here but one just made. */
import { randomInt } from "node:crypto";
import { type Contract, DATABASE_LOGINS } from "../settings/contract.js";
import type { DatabaseSettings } from "../settings/schema.js";

type SecretName = keyof Contract["secrets"];

/** One generated value. */
export interface Credential {
  /** `superuser`, `backupCipher`, `owner-orders`: part of the names in Pulumi, and what operators type. */
  readonly id: string;
  /** Physical name, the same in both regions. */
  readonly secretName: string;
  readonly description: string;
  /** Whose login it is; without one the secret is the value alone. */
  readonly username?: string;
}

const PURPOSES: Readonly<Record<SecretName, string>> = {
  superuser: "PostgreSQL superuser, for Patroni and for operators in an emergency",
  replication: "Streaming replication, within a region and across",
  rewind: "pg_rewind of a former leader",
  application: "The application's login",
  backupCipher: "pgBackRest's repository cipher: without it no backup can be read",
};

/**
 * Every credential that stack `global` declares a secret for.
 * @param databases each login that owns one has a password; the application's own is in `contract.secrets`
 */
export function credentialsOf(
  contract: Pick<Contract, "secrets" | "ownerSecret">,
  databases: readonly Pick<DatabaseSettings, "owner">[],
): Credential[] {
  const logins: Partial<Record<string, string>> = DATABASE_LOGINS;
  const shared = (Object.keys(contract.secrets) as SecretName[]).map((id) => ({
    id,
    secretName: contract.secrets[id],
    description: PURPOSES[id],
    username: logins[id],
  }));
  // One per login, however many databases it owns.
  const owners = [...new Set(databases.map(({ owner }) => owner))]
    .filter((owner) => contract.ownerSecret(owner) !== contract.secrets.application)
    .map((owner) => ({
      id: `owner-${owner}`,
      secretName: contract.ownerSecret(owner),
      description: `Login ${owner}, owner of databases`,
      username: owner,
    }));
  return [...shared, ...owners];
}

/** Letters and digits only: the value goes into YAML, .pgpass and connection strings. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Characters of a password: 285 bits. */
export const PASSWORD_LENGTH = 48;

export const newPassword = (): string =>
  Array.from({ length: PASSWORD_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");

/** What the secret contains: JSON `{"username", "password"}` for a login, else the password alone. */
export const secretText = ({ username }: Pick<Credential, "username">, password: string): string =>
  username === undefined ? password : JSON.stringify({ username, password });
