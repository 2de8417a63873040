/** Applies the settings to this region's cluster: Patroni's dynamic configuration, databases, owners. */
import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { sleep } from "../../guard/shared/clock.js";
import { connectionString } from "../../guard/shared/session.js";
import { POSTGRES_RUN } from "../../layout.js";
import type { ClusterConfig } from "../../render/cluster-config.js";
import type { LoginSecret } from "../login-secret.js";
import type { Change } from "./change.js";
import { asPostgres, CommandFailed, output, run, TimedOut } from "./commands.js";
import { touchAsPostgres } from "./files.js";
import { ownerChanges } from "./login-changes.js";
import { applyLogins, secretOf, takeLogins } from "./logins.js";
import { guardConfig, variable } from "./node-config.js";
import { OwnPatroni, PatroniError, PatroniRefused } from "./own-patroni.js";
import { connectionTo, identifier, LIVE, sql } from "./sql.js";
import { Usage } from "./verb.js";

const USAGE = `dr-reconcile                         applies the settings on the leader; on other nodes it does nothing. A timer runs it.
dr-reconcile --databases CONNECTION  only databases and owners, over that connection; retries until it succeeds

The SSM parameter DR_CLUSTER_PARAMETER contains the settings as JSON (nodes/render/cluster-config.ts). Anything that it
doesn't name stays: nothing is dropped, and \`standby_cluster\` belongs to the guard. Only \`postgresql.parameters\` is replaced
as a whole, so that a parameter removed from the settings returns to its default. Patroni shows a change that needs a restart
as \`pending_restart\`.
`;

/** In memory: each boot of the machine checks the stanza again. Patroni's first run of this program is user postgres'. */
export const STANZA_MARK = `${POSTGRES_RUN}/stanza`;
/** In memory, followed by timeline and start of the server: to change a secret later, `dr rotate` orders the change. */
const LOGINS_MARK = `${POSTGRES_RUN}/logins`;
const STANZA_SECONDS = 30;
const LEADERS = ["primary", "standby_leader"];
/** Dotted paths at which unwanted keys are removed. */
const TAKEN_WHOLE = ["postgresql.parameters"];
const AGAIN_MILLIS = 2000;

type Json = { readonly [key: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The smallest PATCH after which `current` contains `wanted`; empty if it already does. Patroni removes keys that are null. */
export function patchFor(current: Json, wanted: Json, path: readonly string[] = []): Json {
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const present = current[key];
    if (isObject(value) && isObject(present)) {
      const inner = patchFor(present, value, [...path, key]);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!isDeepStrictEqual(present, value)) patch[key] = value;
  }
  if (TAKEN_WHOLE.includes(path.join(".")))
    for (const key of Object.keys(current)) if (!(key in wanted)) patch[key] = null;
  return patch;
}

export interface Cluster {
  readonly roles: readonly string[];
  /** Database → PostgreSQL's owner of it. */
  readonly owners: Readonly<Record<string, string>>;
  /** Database → roles that may connect to it by name, not only as PUBLIC may. */
  readonly guests: Readonly<Record<string, readonly string[]>>;
  /** Whether the server logs each statement of PLATFORM. */
  readonly superuserIsLogged: boolean;
}

/** The schema `public` of a database. */
export interface PublicSchema {
  readonly owner: string;
  /** Whether PUBLIC may create objects in it. */
  readonly isOpen: boolean;
}

/** A database belongs to the platform: its owner could set what every session in it begins with. */
const PLATFORM = "postgres";

/**
 * Statements that create the settings' databases and their owners, one at a time: a missing secret delays only those that
 * need it. What the settings call the owner of a database owns its schema `public`, and what it creates there.
 * @param loginOf fetches the secret of a missing login
 * @param schemaOf reads the schema `public` of a database; undefined when there is none
 */
export async function* changesOf(
  cluster: Cluster,
  databases: ClusterConfig["databases"],
  loginOf: (secret: string) => Promise<LoginSecret>,
  schemaOf: (database: string) => Promise<PublicSchema | undefined>,
): AsyncGenerator<Change> {
  if (!cluster.superuserIsLogged) {
    yield {
      // Not each read: Patroni makes some for every health check of every Tomcat server, four times a second.
      statement: `ALTER ROLE ${identifier(PLATFORM)} SET log_statement TO 'mod'`,
      message: `the server logs each change that ${PLATFORM} makes from now on`,
    };
  }
  const roles = new Set(cluster.roles);
  const owners = new Map(Object.entries(cluster.owners));
  for (const { name, owner, secret } of databases) {
    if (!roles.has(owner)) {
      yield* ownerChanges(owner, await loginOf(secret), {});
      roles.add(owner);
    }
    const before = owners.get(name);
    if (before === undefined) {
      yield {
        statement: `CREATE DATABASE ${identifier(name)} OWNER ${identifier(PLATFORM)}`,
        message: `created database ${name} for ${owner}`,
      };
    }
    // The schema first: until then its owner is the database's owner.
    const schema = await schemaOf(name);
    if (schema && schema.owner !== owner) {
      yield {
        database: name,
        statement: `ALTER SCHEMA public OWNER TO ${identifier(owner)}`,
        message: `changed the owner of schema public in database ${name} from ${schema.owner} to ${owner}`,
      };
    }
    if (schema?.isOpen) {
      yield {
        database: name,
        statement: "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        message: `other roles may no longer create objects in schema public of database ${name}`,
      };
    }
    if (before !== undefined && before !== PLATFORM) {
      yield {
        statement: `ALTER DATABASE ${identifier(name)} OWNER TO ${identifier(PLATFORM)}`,
        message: `changed the owner of database ${name} from ${before} to ${PLATFORM}`,
      };
    }
    // As its former owner it could lack them: it may have revoked PUBLIC's.
    if (!cluster.guests[name]?.includes(owner) || (before !== undefined && before !== PLATFORM)) {
      yield {
        statement: `GRANT CONNECT, TEMPORARY ON DATABASE ${identifier(name)} TO ${identifier(owner)}`,
        message: `${owner} may connect to database ${name}`,
      };
    }
    owners.set(name, PLATFORM);
  }
}

const CLUSTER = `SELECT json_build_object(
  'roles', (SELECT json_agg(rolname) FROM pg_roles),
  'owners', (SELECT json_object_agg(d.datname, r.rolname) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba),
  'guests', (SELECT json_object_agg(d.datname, ARRAY(
      SELECT r.rolname FROM aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE a.privilege_type = 'CONNECT'))
    FROM pg_database d),
  'superuserIsLogged', EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
    WHERE r.rolname = '${PLATFORM}' AND s.setdatabase = 0 AND 'log_statement=mod' = ANY (s.setconfig)))`;

const PUBLIC_SCHEMA = `SELECT json_build_object('owner', r.rolname, 'isOpen', EXISTS (
    SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'))
  FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'public'`;

async function createDatabases(connection: string, databases: ClusterConfig["databases"]): Promise<void> {
  const cluster = JSON.parse(await sql(connection, CLUSTER)) as Cluster;
  const within = (database?: string) =>
    database === undefined ? connection : connectionString(database, `${connection} `);
  const schemaOf = async (database: string) => {
    const answer = await sql(within(database), PUBLIC_SCHEMA);
    return answer === "" ? undefined : (JSON.parse(answer) as PublicSchema);
  };
  for await (const change of changesOf(cluster, databases, secretOf, schemaOf)) {
    await sql(within(change.database), change.statement);
    say(change.message);
  }
}

/**
 * A first cluster that began from another deployment's backups has the marks of that deployment's epochs, and a guard would
 * wait for ever for a mark above them. Nothing in an empty cluster.
 */
async function forgetMarks(connection: string): Promise<void> {
  if ((await sql(connection, "SELECT to_regclass('dr.mark') IS NOT NULL")) !== "t") return;
  await sql(connection, "DELETE FROM dr.mark");
  say("removed the former deployment's marks");
}

const wantedConfig = async (): Promise<ClusterConfig> =>
  JSON.parse(await output(["dr-get-parameter", variable("DR_CLUSTER_PARAMETER")])) as ClusterConfig;

/**
 * Creates the place of this cluster's backups, if it is missing: without it PostgreSQL can archive nothing. A vault that
 * doesn't answer is no failure: archiving waits for it, and has an alarm.
 */
async function createStanza(): Promise<void> {
  const stanza = variable("DR_STANZA");
  if (existsSync(STANZA_MARK)) return;
  // One node at a time: another node that creates it holds pgBackRest's lock.
  const argv = ["pgbackrest", `--stanza=${stanza}`, "--log-level-console=warn", "stanza-create"];
  try {
    const { code } = await run(asPostgres(argv), { stdout: "inherit", timeoutMillis: STANZA_SECONDS * 1000 });
    if (code === 0) await touchAsPostgres([STANZA_MARK]);
    else say(`pgbackrest stanza-create failed with exit code ${code}; the next run tries again`);
  } catch (error) {
    if (!(error instanceof TimedOut)) throw error;
    say(`the vault did not answer within ${STANZA_SECONDS} s; the next run tries again`);
  }
}

async function onLeader(patroni: OwnPatroni): Promise<void> {
  let state: { role?: string; replication_state?: string; postmaster_start_time?: string; timeline?: number };
  try {
    state = (await patroni.call("GET", "/patroni")) as typeof state;
  } catch (error) {
    if (!(error instanceof PatroniError)) throw error;
    // Patroni is starting or stopping. If it stays down, its own unit reports that.
    say(`Patroni doesn't answer: ${error.message}`);
    return;
  }
  const { role, replication_state: replication } = state;
  // It may have been unreachable while its password was replaced.
  if (role !== undefined && role !== "primary" && replication !== "streaming" && (await takeLogins()))
    say("fetched other passwords, because this node doesn't receive the log");
  if (role === undefined || !LEADERS.includes(role)) return;
  const wanted = await wantedConfig();
  const current = (await patroni.call("GET", "/config")) as Json;
  const patch = patchFor(current, wanted.patroni as unknown as Json);
  if (Object.keys(patch).length > 0) {
    await patroni.call("PATCH", "/config", patch);
    say(`changed the cluster's configuration: ${JSON.stringify(patch)}`);
  }
  // A standby region gets its databases from the region that it follows.
  if (role === "primary") {
    await createDatabases(connectionTo(LIVE), wanted.databases);
    await createStanza();
    await checkLogins(wanted.databases, `${state.timeline}-${state.postmaster_start_time}`);
  }
}

/** A restored cluster has the passwords of its time; so has one that lost its last writes. */
async function checkLogins(databases: ClusterConfig["databases"], reign: string): Promise<void> {
  const mark = `${LOGINS_MARK}-${reign.replaceAll(/[^0-9A-Za-z]+/g, "-")}`;
  if (existsSync(mark)) return;
  for (const message of await applyLogins(databases)) say(message);
  await touchAsPostgres([mark]);
}

/** If this fails, Patroni discards the new cluster; so it waits while the platform doesn't answer. */
async function bootstrap(connection: string): Promise<void> {
  const { databases } = await untilItAnswers(wantedConfig);
  await untilItAnswers(() => forgetMarks(connection));
  await untilItAnswers(() => createDatabases(connection, databases));
  await createStanza();
}

async function untilItAnswers<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
    }
    await sleep(AGAIN_MILLIS);
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

export async function reconcile(args: readonly string[]): Promise<number> {
  const [option, connection] = args;
  try {
    if (args.length === 0) {
      const patroni = new OwnPatroni(guardConfig());
      await onLeader(patroni).finally(() => patroni.close());
    } else if (args.length === 2 && option === "--databases") await bootstrap(connection as string);
    else throw new Usage(USAGE);
    return 0;
  } catch (error) {
    // A 409 from Patroni: another writer, for example a guard, changed the configuration in between.
    const isPassing = error instanceof CommandFailed || error instanceof PatroniRefused;
    throw isPassing ? new Error(`${error.message}; the next run tries again`) : error;
  }
}
