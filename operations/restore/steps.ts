/** The steps of a restore, each a few commands on a machine. The guided restore and the drills share them. */

import { z } from "zod";
import { quote } from "../../common/quote.js";
import { type PlanReport, planReport, type RestoreReport, restoreReport } from "../../nodes/bin/reports.js";

import type { SharedSettings } from "../../settings/schema.js";
import { begin, type Files, must, type Remote } from "./machines.js";
import type { RestoreRequest } from "./request.js";

/** Paths of a restore by hand, separate from those of a restore test. */
export const BY_HAND = {
  data: "/var/lib/dr/by-hand/data",
  sockets: "/var/lib/dr/by-hand/data.restore/socket",
  port: 5499,
  report: "/var/lib/dr/restored.json",
  plan: "/var/lib/dr/plan.json",
  log: "/var/lib/dr/restore.log",
  done: "/var/lib/dr/restore.done",
} as const;

const POLL_MILLIS = 1000;
const PLAN_SECONDS = 600;
const QUERY_SECONDS = 600;
/** For dump and load of the tables. */
const CARRY_SECONDS = 6 * 3600;
const ENDED = "-- ended --";
/** Larger tables are listed but not counted: a count reads the whole table. */
const COUNT_BYTES = 1024 ** 3;
const MOST_TABLES = 20;

export const target = ({ to, asOf }: Pick<RestoreRequest, "to" | "asOf">): string =>
  [`--to ${quote(to)}`, ...(asOf === undefined ? [] : [`--as-of ${quote(asOf)}`])].join(" ");

/** The plan of a restore; restores nothing. Works on any machine that has the vault's cipher. */
export async function choose(
  remote: Remote,
  wanted: Pick<RestoreRequest, "to" | "asOf">,
): Promise<PlanReport> {
  const report = "$(mktemp)";
  const text = await must(
    remote,
    `report=${report}; dr-restore --plan --report "$report" ${target(wanted)} >&2 || true; cat "$report"; rm "$report"`,
    PLAN_SECONDS,
  );
  return planReport.parse(JSON.parse(text));
}

/**
 * Restores on that machine, beside everything, and leaves PostgreSQL running there.
 * @param say gets the output of dr-restore, line by line
 * @returns its report, even if it failed
 */
export async function restore(
  remote: Remote,
  wanted: Pick<RestoreRequest, "to" | "asOf">,
  say: (line: string) => void,
  sleep: (millis: number) => Promise<void>,
): Promise<RestoreReport> {
  const { data, port, report, log, done } = BY_HAND;
  const command = `dr-restore --into ${data} --keep-running --port ${port} --report ${report} ${target(wanted)}`;
  await follow(remote, command, { log, done }, say, sleep);
  return restoreReport.parse(JSON.parse(await must(remote, `cat ${report}`)));
}

/**
 * Starts a command that may take hours, and waits for its end.
 * @param say gets its output, line by line
 */
export async function follow(
  remote: Remote,
  command: string,
  { log, done }: Files,
  say: (line: string) => void,
  sleep: (millis: number) => Promise<void>,
): Promise<void> {
  await begin(remote, command, { log, done });
  for (let seen = 0; ; ) {
    // Check the end first: the output read afterwards is then complete.
    const text = await must(
      remote,
      `ended=; [[ ! -e ${done} ]] || ended=1; tail -n +${seen + 1} ${log} | head -n 200; [[ -z $ended ]] || echo ${quote(ENDED)}`,
    );
    const lines = text.split("\n").filter(Boolean);
    const ended = lines.at(-1) === ENDED;
    for (const line of ended ? lines.slice(0, -1) : lines) say(line);
    if (ended) return;
    seen += lines.length;
    await sleep(POLL_MILLIS);
  }
}

export interface Where {
  readonly sockets: string;
  readonly port: number;
}
export const LIVE: Where = { sockets: "/var/run/postgresql", port: 5432 };

/** What dr-inspect reports of a database. @throws Error with PostgreSQL's message. */
async function ask(
  remote: Remote,
  database: string,
  words: readonly string[],
  { sockets, port }: Where = LIVE,
): Promise<unknown> {
  const command = ["dr-inspect", sockets, `${port}`, quote(database), ...words.map(quote)];
  return JSON.parse(await must(remote, command.join(" "), QUERY_SECONDS));
}

/** A table's name may contain anything, codes for the terminal too. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, "?");

export interface TableRows {
  readonly table: string;
  readonly bytes: number;
  /** Undefined for a table too large to count. */
  readonly rows: number | undefined;
}

export interface CheckAnswer {
  readonly name: string;
  readonly expected: string;
  readonly answer: string;
}

export interface Found {
  readonly tables: readonly TableRows[];
  readonly checks: readonly CheckAnswer[];
}

const tablesSchema = z.array(z.object({ table: z.string(), bytes: z.number(), rows: z.number().nullable() }));
const checkSchema = z.object({ answer: z.string().optional(), error: z.string().optional() });

/** What a person needs to judge a restored cluster: its largest tables, and the answers to the settings' checks. */
export async function inspect(
  remote: Remote,
  database: string,
  checks: SharedSettings["restoreTest"]["checks"],
): Promise<Found> {
  const listed = tablesSchema.parse(
    await ask(remote, database, ["tables", `${MOST_TABLES}`, `${COUNT_BYTES}`], BY_HAND),
  );
  const tables = listed.map(({ table, bytes, rows }) => ({
    table: printable(table),
    bytes,
    rows: rows ?? undefined,
  }));
  const answers: CheckAnswer[] = [];
  for (const { name, database: where, sql, expect } of checks) {
    const { answer, error } = checkSchema.parse(await ask(remote, where, ["check", sql], BY_HAND));
    answers.push({ name, expected: expect, answer: answer ?? error ?? "" });
  }
  return { tables, checks: answers };
}

/** @param table its name, quoted for SQL */
export const count = async (
  remote: Remote,
  database: string,
  table: string,
  where?: Where,
): Promise<number> => z.number().parse(await ask(remote, database, ["rows", table], where));

/** The tables of the list that exist. */
export const existing = async (
  remote: Remote,
  database: string,
  tables: readonly string[],
  where?: Where,
): Promise<string[]> => z.array(z.string()).parse(await ask(remote, database, ["exist", ...tables], where));

export interface Carried {
  readonly table: string;
  /** Its name now. */
  readonly as: string;
  readonly rows: number;
}

/**
 * Brings tables from the restored cluster into the serving one: all of them or none, in one transaction. It overwrites nothing.
 * @param schema their new schema; undefined for their old one
 * @param address `s3://…` in the vault, for the encrypted dump in between
 * @throws Error when the number of rows differs after the transfer
 */
export async function carry(
  { from, to }: { readonly from: Remote; readonly to: Remote },
  database: string,
  tables: readonly string[],
  { schema, address }: { readonly schema?: string; readonly address: string },
): Promise<Carried[]> {
  const before: number[] = [];
  for (const table of tables) before.push(await count(from, database, table, BY_HAND));
  const { sockets, port } = BY_HAND;
  await must(
    from,
    `dr-carry-tables out ${quote(database)} ${sockets} ${port} ${quote(address)} ${schema ?? "-"} ${tables.map(quote).join(" ")}`,
    CARRY_SECONDS,
  );
  await must(to, `dr-carry-tables in ${quote(database)} ${quote(address)}`, CARRY_SECONDS);
  const carried: Carried[] = [];
  for (const [i, table] of tables.entries()) {
    const as = schema === undefined ? table : `${schema}.${table.split(".").at(-1)}`;
    const rows = await count(to, database, as);
    if (rows !== before[i])
      throw new Error(`${as} has ${rows} rows, but the restored table has ${before[i]}`);
    carried.push({ table, as, rows });
  }
  return carried;
}
