/** Statements that make PostgreSQL's logins what their secrets say. Pure: passwords come in, verifiers go out. */
import { loginsOf } from "../../../settings/contract.js";
import type { LoginSecret } from "../login-secret.js";
import type { Change } from "./change.js";
import { isVerifierOf, scramVerifier } from "./scram.js";
import { identifier, literal } from "./sql.js";

/** Role → the verifier of its password; null without one. A role that doesn't exist isn't in it. */
export type Roles = Readonly<Record<string, string | null>>;

/**
 * The logins of an owner. The second one is a member of the owner and acts as the owner from its first statement, so whatever
 * it creates belongs to the owner. A login that the secret doesn't name has no password, and so can't log in.
 */
export function* ownerChanges(owner: string, secret: LoginSecret, roles: Roles): Generator<Change> {
  const [first, second] = loginsOf(owner);
  const passwords = passwordsOf(secret);
  for (const name of [...passwords.keys(), ...(secret.retiring === undefined ? [] : [secret.retiring])])
    if (name !== first && name !== second)
      throw new Error(`the secret of ${owner} names the login ${name}; it can only be ${first} or ${second}`);
  if (!(first in roles))
    yield { statement: `CREATE ROLE ${identifier(first)} LOGIN`, message: `created login ${first}` };
  if (passwords.has(second) && !(second in roles)) {
    yield {
      statement: `CREATE ROLE ${identifier(second)} LOGIN IN ROLE ${identifier(first)}`,
      message: `created login ${second}, a member of ${first}`,
    };
    yield {
      statement: `ALTER ROLE ${identifier(second)} SET role = ${literal(first)}`,
      message: `${second} acts as ${first}`,
    };
  }
  for (const name of [first, second]) {
    const password = passwords.get(name);
    if (password !== undefined) yield* passwordChange(name, password, roles[name]);
    else if ((name !== secret.retiring || secret.refused) && typeof roles[name] === "string")
      yield {
        statement: `ALTER ROLE ${identifier(name)} PASSWORD NULL`,
        message: `${name} can't log in any more`,
      };
  }
}

/** The platform's own logins have one password, which running sessions don't need again. */
export function* platformChanges(secret: LoginSecret, roles: Roles): Generator<Change> {
  const { username, password } = secret;
  if (username in roles) yield* passwordChange(username, password, roles[username]);
}

const passwordsOf = ({ username, password, next }: LoginSecret): Map<string, string> =>
  new Map([[username, password], ...(next ? [[next.username, next.password] as const] : [])]);

function* passwordChange(
  name: string,
  password: string,
  verifier: string | null | undefined,
): Generator<Change> {
  if (verifier && isVerifierOf(verifier, password)) return;
  yield {
    // The log must not have the verifier.
    statement: `SET log_statement TO none;\nALTER ROLE ${identifier(name)} LOGIN PASSWORD ${literal(scramVerifier(password))}`,
    message: `${name} has the password of its secret`,
  };
}
