/** All passwords of the database's logins, replaced under load; then each old one is tried, and each new one is needed. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newPassword } from "../../../credentials/secret-values.js";
import { type LoginSecret, parseLoginSecret } from "../../../nodes/bin/login-secret.js";
import { isVerifierOf } from "../../../nodes/bin/verbs/scram.js";
import { GUARD_PROGRAM, TLS_FILES } from "../../../nodes/layout.js";
import type { RotationPorts } from "../../../operations/rotation/ports.js";
import { type Credential, PLATFORM_LOGINS, runRotation } from "../../../operations/rotation/run.js";
import { DATABASE_LOGINS, PORTS } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { TAKES_LOGIN } from "../../twin/rotation.js";
import type { Machine } from "../../twin/types.js";
import { restoreMachinesOf } from "../backup/stage/remote.js";
import { ask } from "../change.js";
import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "./stage/region-scene.js";

/** A Tomcat server starts on a busy host. */
const TOMCAT_SECONDS = 240;
/** PostgreSQL waits five seconds before it connects again; Patroni looks about once a second. */
const STREAM_SECONDS = 60;

export const rotateCredentials: RegionDrill = {
  kind: "region",
  name: "rotate-credentials",
  title: "Every password of the database is replaced while the service runs",
  runbook: "replace-credentials.md",
  hypothesis:
    "Clients change to a second login while the first one is still valid, so no connection is refused; replication keeps its connections and needs the new password at the next one. Afterwards every old password is refused, both regions stream, and a switchover works.",
  // Tomcat servers restart one after another in both regions.
  nightly: true,
  // The longest gap is the switchover's; users wait for the one Tomcat server of their region while it restarts.
  expect: { lostRows: "none", writeGapSeconds: 2.5, nameGapSeconds: 60, rejoinSeconds: 400 },
  async run(scene) {
    const before = await scene.step("Verify: both regions are whole", async () => {
      await wholeBoth(scene);
      return secretsOf(scene);
    });
    const owner = ownerOf(scene);
    const platform: Credential[] = PLATFORM_LOGINS.map((kind) => ({ kind }));
    await scene.fault("rotate superuser, replication and rewind", () => rotate(scene, platform));
    await scene.step(`rotate login ${owner}`, () => rotate(scene, [{ kind: "login", owner }]));
    const since = scene.faults[0]?.from ?? 0;
    const opened = scene.ledger.sessions.filter(({ sent }) => sent >= since);
    const refused = opened.filter(({ ok }) => !ok);
    const why = [...new Set(refused.map(({ error }) => error))].join("; ");
    scene.prove(
      `${refused.length} of ${opened.length} new sessions of clients failed${why && `: ${why}`}`,
      refused.length === 0,
    );
    await scene.step("Verify: each old password is refused, each new one is accepted", async () =>
      tryAll(scene, before, await secretsOf(scene)),
    );
    await scene.step("Verify: replication connects again in both regions", () => reconnect(scene));
    await scene.step("Verify: a switchover within the region works", async () => {
      const old = await scene.leader();
      const candidate = (await scene.replicas())[0] as Machine;
      await scene.must(old, ["/usr/bin/node", GUARD_PROGRAM, "switchover", candidate.name], 30_000);
      const next = await scene.leaderOtherThan([old.name], 20);
      scene.prove(`${next.name} leads`, next.name !== old.name);
      await scene.writesFlow(20);
    });
    await scene.step("Rejoin: both regions are whole again", () => wholeBoth(scene));
  },
};

const ownerOf = ({ settings }: RegionScene): string => settings.databases[0]?.owner as string;

async function wholeBoth(scene: RegionScene): Promise<void> {
  await scene.whole(120);
  await scene.at(scene.standby()).whole(120, undefined, "standby");
}

type Logins = Readonly<Record<(typeof PLATFORM_LOGINS)[number] | "application", LoginSecret>>;

const fileOf = ({ twin }: RegionScene, name: string): string => join(twin.dir, "platform/secrets", name);

async function secretsOf(scene: RegionScene): Promise<Logins> {
  const { secrets } = scene.running.contract;
  const read = async (kind: keyof Logins) =>
    parseLoginSecret(kind, await readFile(fileOf(scene, secrets[kind]), "utf8"));
  const kinds = [...PLATFORM_LOGINS, "application"] as const;
  return Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, await read(kind)] as const)),
  ) as unknown as Logins;
}

async function rotate(scene: RegionScene, credentials: readonly Credential[]): Promise<void> {
  const machines = restoreMachinesOf(scene);
  const ports: RotationPorts = {
    ...{ machines, contract: scene.running.contract, newPassword },
    owners: scene.settings.databases.map((database) => database.owner),
    secrets: {
      read: (name) => readFile(fileOf(scene, name), "utf8"),
      write: (name, text) => writeFile(fileOf(scene, name), text),
      settle: async () => {},
    },
    fleets: { roll: (region) => roll(scene, region) },
    confirm: async () => "yes",
    say: () => {},
    sleep: (millis) => scene.settle(millis / 1000),
  };
  const { outcome, rotated } = await runRotation(ports, { credentials });
  if (outcome !== "rotated") throw new Error(rotated.map(({ reason }) => reason).join("; "));
}

/** One server after another; then the clients beside them change as the servers' pools have done. */
async function roll(scene: RegionScene, region: RegionId): Promise<number> {
  const servers = scene.twin.machines.filter(
    ({ alive, spec }) => alive && spec.role === "tomcat" && spec.region === region,
  );
  for (const server of servers) {
    await scene.must(server, ["bash", "-c", TAKES_LOGIN], TOMCAT_SECONDS * 1000);
    await scene.eventually(
      `${server.name} serves`,
      async () => (await ask(scene, server, "/")).status === 200,
      TOMCAT_SECONDS,
    );
  }
  const { username, password } = (await secretsOf(scene)).application;
  scene.loads?.use(region, { user: username, password });
  return servers.length;
}

/** @returns PostgreSQL's refusal; undefined when it accepts the login and answers */
async function refusal(
  from: Machine,
  leader: Machine,
  { username, password }: Pick<LoginSecret, "username" | "password">,
  database: string,
  sql: string,
): Promise<string | undefined> {
  const at = `host=${leader.address} port=${PORTS.postgres} user=${username} ${database} sslmode=verify-ca sslrootcert=${TLS_FILES.authority} connect_timeout=10`;
  const { exitCode, stderr } = await from.run(["psql", "-X", "-A", "-t", at, "-c", sql], {
    env: { PGPASSWORD: password },
    timeoutMillis: 30_000,
  });
  return exitCode === 0 ? undefined : stderr.trim() || `exit code ${exitCode}`;
}

async function tryAll(scene: RegionScene, before: Logins, after: Logins): Promise<void> {
  const leader = await scene.leader();
  const node = (await scene.replicas())[0] as Machine;
  const database = `dbname=${scene.settings.databases[0]?.name}`;
  const ways = [
    ["application", scene.tomcat, database, "SELECT 1"],
    ["replication", node, "replication=true", "IDENTIFY_SYSTEM"],
    // What pg_rewind does on the new leader.
    ["rewind", node, "dbname=postgres", "SELECT pg_read_binary_file('PG_VERSION', 0, 2, true)"],
  ] as const;
  for (const [kind, from, where, sql] of ways) {
    const old = await refusal(from, leader, before[kind], where, sql);
    scene.prove(
      `the old password of ${kind} is refused`,
      old?.includes("password authentication failed") ?? false,
    );
    const now = await refusal(from, leader, after[kind], where, sql);
    scene.prove(`the new password of ${kind} is accepted${now ? `: ${now}` : ""}`, now === undefined);
  }
  // No line of pg_hba admits the superuser over the network, with whichever password.
  const superuser = await refusal(node, leader, before.superuser, "dbname=postgres", "SELECT 1");
  scene.prove(
    "the superuser is refused over the network",
    superuser?.includes("no pg_hba.conf entry") ?? false,
  );
  const [row] = await scene.database.sql(
    leader,
    `SELECT rolpassword FROM pg_authid WHERE rolname = '${DATABASE_LOGINS.superuser}';`,
  );
  const verifier = row?.[0] ?? "";
  scene.prove(
    "the superuser has the new password, and not the old one",
    isVerifierOf(verifier, after.superuser.password) && !isVerifierOf(verifier, before.superuser.password),
  );
}

/** Ends a connection in each region, the one across included; it comes back only with the new password. */
async function reconnect(scene: RegionScene): Promise<void> {
  const standby = scene.at(scene.standby());
  const places = [
    [scene.database, (await scene.replicas())[0] as Machine],
    [standby.database, await standby.leader()],
    [standby.database, (await standby.replicas())[0] as Machine],
  ] as const;
  for (const [database, node] of places) {
    const receiver = async () =>
      (await database.sql(node, "SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming';"))[0]?.[0];
    const pid = await scene.eventually(`${node.name} streams`, receiver, STREAM_SECONDS);
    // It is no backend: pg_terminate_backend doesn't know it.
    await scene.must(node, ["kill", pid]);
    const next = await scene.eventually(
      `${node.name} streams again`,
      async () => {
        const now = await receiver();
        return now !== undefined && now !== pid && now;
      },
      STREAM_SECONDS,
    );
    scene.prove(`${node.name} streams through a new connection`, next !== pid);
  }
}
