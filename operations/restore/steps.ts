/** The steps of a restore, each a few commands on a machine. The guided restore and the drills share them. */

import { z } from "zod";
import { type PlanReport, planReport, type RestoreReport, restoreReport } from "../../nodes/bin/reports.js";
import { act, ENDED, type Job } from "../../nodes/operator-documents.js";
import type { SharedSettings } from "../../settings/schema.js";
import { must, type Remote } from "./machines.js";
import type { RestoreRequest } from "./request.js";

const POLL_MILLIS = 1000;

export const target = ({ to, asOf }: Pick<RestoreRequest, "to" | "asOf">) => ({ to, asOf: asOf ?? "" });

/** The plan of a restore; restores nothing. Works on any machine that has the vault's cipher. */
export async function choose(
  remote: Remote,
  wanted: Pick<RestoreRequest, "to" | "asOf">,
): Promise<PlanReport> {
  const text = await must(remote, act("choose-backup", target(wanted)));
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
  await must(remote, act("restore", target(wanted)));
  await follow(remote, "restore", say, sleep);
  return restoreReport.parse(JSON.parse(await must(remote, act("restored-report"))));
}

/**
 * Waits for the end of a job that was started.
 * @param say gets its output, line by line
 */
export async function follow(
  remote: Remote,
  job: Job,
  say: (line: string) => void,
  sleep: (millis: number) => Promise<void>,
): Promise<void> {
  for (let seen = 0; ; ) {
    const text = await must(remote, act("follow", { job, from: `${seen + 1}` }));
    const lines = text.split("\n").filter(Boolean);
    const ended = lines.at(-1) === ENDED;
    for (const line of ended ? lines.slice(0, -1) : lines) say(line);
    if (ended) return;
    seen += lines.length;
    await sleep(POLL_MILLIS);
  }
}

/** The restored cluster, or the serving one. */
export type Where = "restored" | "live";

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
  const listed = tablesSchema.parse(JSON.parse(await must(remote, act("restored-tables", { database }))));
  const tables = listed.map(({ table, bytes, rows }) => ({
    table: printable(table),
    bytes,
    rows: rows ?? undefined,
  }));
  const answers: CheckAnswer[] = [];
  for (const { name, database: where, sql, expect } of checks) {
    const text = Buffer.from(sql).toString("base64");
    const said = await must(remote, act("restored-check", { database: where, sql: text }));
    const { answer, error } = checkSchema.parse(JSON.parse(said));
    answers.push({ name, expected: expect, answer: answer ?? error ?? "" });
  }
  return { tables, checks: answers };
}

/** @param table a plain name with its schema */
export const count = async (
  remote: Remote,
  database: string,
  table: string,
  where: Where = "live",
): Promise<number> =>
  z.number().parse(JSON.parse(await must(remote, act(`${where}-rows`, { database, table }))));

/** The tables of the list that exist. */
export const existing = async (
  remote: Remote,
  database: string,
  tables: readonly string[],
  where: Where = "live",
): Promise<string[]> =>
  z
    .array(z.string())
    .parse(JSON.parse(await must(remote, act(`${where}-exist`, { database, tables: tables.join(" ") }))));

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
  for (const table of tables) before.push(await count(from, database, table, "restored"));
  await must(from, act("carry-out", { database, address, schema: schema ?? "-", tables: tables.join(" ") }));
  await must(to, act("carry-in", { database, address }));
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
