/** The logins of this region's cluster and of this node: what `npx dr rotate` orders, and what dr-reconcile checks. */
import { readFileSync } from "node:fs";
import { DATABASE_LOGINS } from "../../../settings/contract.js";
import { PATRONI_SECRETS, PATRONI_UNIT } from "../../layout.js";
import type { ClusterConfig } from "../../render/cluster-config.js";
import { fingerprint, type LoginSecret, parseLoginSecret } from "../login-secret.js";
import type { LoginSession, NodeLogins } from "../reports.js";
import { CommandFailed, output } from "./commands.js";
import { ownerChanges, platformChanges, type Roles } from "./login-changes.js";
import { variable } from "./node-config.js";
import { connectionTo, LIVE, literal, sql } from "./sql.js";
import { systemctl } from "./systemd.js";
import { Usage } from "./verb.js";

const USAGE = `dr-logins apply SECRET    on the leader: sets the login of a secret to what it contains; prints what changed as JSON
dr-logins take            fetches this node's passwords and lets Patroni read them; prints their fingerprints as JSON
dr-logins sessions LOGIN  on the leader: lists the sessions of a login as JSON
dr-logins end LOGIN       on the leader: ends them
`;

/** Longer than Secrets Manager takes, shorter than the pause between two runs of dr-reconcile. */
const FETCH_MILLIS = 25_000;

/** The platform's own logins → the secrets from which this node gets their passwords. */
function platformSecrets(): string[] {
  const words = variable("DR_SECRETS").split(" ");
  return words.flatMap((word) => /^PATRONI_\w+_PASSWORD=([^#]+)#password$/.exec(word)?.[1] ?? []);
}

export const secretOf = async (name: string): Promise<LoginSecret> =>
  parseLoginSecret(name, await output(["dr-get-secret", name]));

/**
 * Sets logins to what their secrets contain. It asks for the secrets, so it runs when something may have changed them.
 * @param only this secret: another one that can't be read must not hold up a rotation. Default: all
 * @returns what it changed. @throws CommandFailed when a secret can't be read; what came before it has been done
 */
export async function applyLogins(databases: ClusterConfig["databases"], only?: string): Promise<string[]> {
  const isWanted = (secret: string) => only === undefined || secret === only;
  const connection = connectionTo(LIVE);
  const roles = JSON.parse(
    await sql(connection, "SELECT json_object_agg(rolname, rolpassword) FROM pg_authid"),
  ) as Roles;
  const changed: string[] = [];
  const make = async (changes: ReturnType<typeof ownerChanges>) => {
    for (const { statement, message } of changes) {
      await sql(connection, statement);
      changed.push(message);
    }
  };
  for (const name of platformSecrets().filter(isWanted))
    await make(platformChanges(await secretOf(name), roles));
  for (const [owner, name] of new Map(databases.map(({ owner, secret }) => [owner, secret])))
    if (owner !== DATABASE_LOGINS.superuser && isWanted(name))
      await make(ownerChanges(owner, await secretOf(name), roles));
  return changed;
}

/** The node's own passwords, as Patroni reads them; undefined before its first fetch. */
function held(): string | undefined {
  try {
    return readFileSync(PATRONI_SECRETS, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Fetches this node's passwords. Patroni reads them again, and rewrites the file from which PostgreSQL takes the password at
 * its next connection. Running connections stay.
 * @returns whether they have changed
 */
export async function takeLogins(): Promise<boolean> {
  const before = held();
  await output(["dr-fetch-secrets"], { timeoutMillis: FETCH_MILLIS });
  if (held() === before) return false;
  // It may be stopped, for example for a cut-over. It reads them when it starts.
  if ((await systemctl("is-active", PATRONI_UNIT)).code === 0) {
    const { code } = await systemctl("reload", PATRONI_UNIT);
    if (code !== 0) throw new CommandFailed(["systemctl", "reload"], code);
  }
  return true;
}

function fingerprints(): Record<string, string> {
  const { postgresql } = JSON.parse(held() ?? "{}") as {
    postgresql?: { authentication: Record<string, { password: string }> };
  };
  return Object.fromEntries(
    Object.entries(postgresql?.authentication ?? {}).map(([login, { password }]) => [
      login,
      fingerprint(password),
    ]),
  );
}

const sessionsOf = (login: string): Promise<string> =>
  sql(
    connectionTo(LIVE),
    `SELECT coalesce(json_agg(json_build_object('address', host(client_addr), 'application', application_name, 'since', backend_start)
      ORDER BY backend_start), '[]') FROM pg_stat_activity WHERE usename = ${literal(login)}::name`,
  );

const endSessions = (login: string): Promise<string> =>
  sql(
    connectionTo(LIVE),
    `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = ${literal(login)}::name`,
  );

export async function logins(args: readonly string[]): Promise<number> {
  const [order, subject, ...more] = args;
  const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  if (more.length > 0 || (order === "take") !== (subject === undefined)) throw new Usage(USAGE);
  if (order === "apply") {
    const { databases } = JSON.parse(
      await output(["dr-get-parameter", variable("DR_CLUSTER_PARAMETER")]),
    ) as ClusterConfig;
    print(await applyLogins(databases, subject));
  } else if (order === "take") {
    const hasChanged = await takeLogins();
    print({ changed: hasChanged, fingerprints: fingerprints() } satisfies NodeLogins);
  } else if (order === "sessions") {
    print(JSON.parse(await sessionsOf(subject as string)) as LoginSession[]);
  } else if (order === "end") print(Number(await endSessions(subject as string)));
  else throw new Usage(USAGE);
  return 0;
}
