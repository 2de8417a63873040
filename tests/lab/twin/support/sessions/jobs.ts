/** Runs one of the platform's jobs over the planted database, as the machines' programs do: `jobs.cjs JOB`. */
import { spawn } from "node:child_process";
import { changesOf } from "../../../../../nodes/bin/verbs/decode.js";
import { carryPasswords, markLog } from "../../../../../nodes/bin/verbs/restored-log.js";
import { connectionTo, LIVE, sql } from "../../../../../nodes/bin/verbs/sql.js";
import { RunningLog } from "../../../../../nodes/guard/region/log-end.js";
import { DivergedSlots } from "../../../../../nodes/guard/region/slots.js";
import { argvOf, BY_HAND } from "../../../../../nodes/operator-documents.js";
import type { Remote } from "../../../../../operations/restore/machines.js";
import { carry, count, inspect } from "../../../../../operations/restore/steps.js";

const EPOCH = 3;
const ask = (server: Parameters<typeof connectionTo>[0], statements: string) =>
  sql(connectionTo(server), statements);

const here: Remote = {
  name: "here",
  run: (what) =>
    new Promise((resolve, reject) => {
      const [file = "", ...args] = argvOf(what);
      const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
      const texts = { stdout: "", stderr: "" };
      child.stdout.on("data", (data: Buffer) => (texts.stdout += data));
      child.stderr.on("data", (data: Buffer) => (texts.stderr += data));
      child.on("error", reject);
      child.on("close", (code) => resolve({ exitCode: code ?? 1, ...texts }));
    }),
};

/** As the other region does, once it has everything. */
const PEER_MOVES = `SELECT pg_catalog.pg_drop_replication_slot('peer');
  SELECT pg_catalog.pg_create_physical_replication_slot('peer', true)`;

const addressOf = (n: number): string => `s3://vault/home/restore-tests/tables/20260301t12000${n}.dump.enc`;

const JOBS: Readonly<Record<string, () => Promise<unknown>>> = {
  async slots() {
    const slots = new DivergedSlots("peer");
    await patiently(() => slots.keep({ epoch: EPOCH, timeline: 1 }));
    await ask(
      LIVE,
      `CREATE TABLE IF NOT EXISTS public.wal AS SELECT n FROM pg_catalog.generate_series(1, 1000) AS n; CHECKPOINT; ${PEER_MOVES}`,
    );
    const uncovered = await patiently(() => slots.keep({ epoch: EPOCH, timeline: 1 }));
    return { uncovered };
  },
  async decode() {
    const slot = await ask(
      LIVE,
      "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE database = 'app'",
    );
    const changes = [];
    for await (const change of changesOf(LIVE, "app", slot)) changes.push(change);
    return { changes: changes.filter(({ data }) => data.startsWith("table ")).length };
  },
  async log() {
    const log = new RunningLog();
    await patiently(() => log.markLog({ epoch: EPOCH, timeline: 1 }));
    const { mark } = await patiently(() => log.readEnd());
    log.close();
    return mark;
  },
  async cutOver() {
    await markLog(ask, BY_HAND, EPOCH + 1, 1);
    await carryPasswords(ask, BY_HAND);
  },
  inspect: () =>
    inspect(here, "app", [
      { name: "view", database: "app", sql: "SELECT count(*) FROM orders", expect: "42" },
      { name: "policies", database: "app", sql: "SELECT count(*) FROM secured", expect: "7" },
    ]),
  // Past the check of the parameters, which refuses such a name.
  async existing() {
    const tables = `public.carried public.nothing public."b'); SELECT public.spring('x'); --"`;
    const { stdout } = await here.run({
      document: "restored-exist",
      parameters: { database: "app", tables },
    });
    return JSON.parse(stdout);
  },
  carry: () => carry({ from: here, to: here }, "app", ["public.carried"], { address: addressOf(1) }),
  carryAside: () =>
    carry({ from: here, to: here }, "app", ["public.secured"], {
      schema: "restored_x",
      address: addressOf(2),
    }),
  carryStopped: () =>
    carry({ from: here, to: here }, "app", ["public.carried"], {
      schema: "restored_y",
      address: addressOf(3),
    }),
  count: () => count(here, "app", "public.carried"),
};

const TRIES = 30;

/** The guard's limits are short, and a busy host is no failure. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === TRIES || !/no answer from PostgreSQL|statement timeout/.test(`${error}`)) throw error;
    }
  }
}

const [name = ""] = process.argv.slice(2);
const job = JOBS[name];
if (!job) throw new Error(`no job ${name}`);
job().then(
  (said) => process.stdout.write(`${JSON.stringify(said ?? null)}\n`),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
