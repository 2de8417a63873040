/** Writes one database's changes, from transactions that the other region lacks, as gzipped JSON lines after a header. */
import { spawn } from "node:child_process";
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip, gzipSync } from "node:zlib";
import { lsnOf } from "../../guard/shared/lsn.js";
import { syncFolder } from "./files.js";
import { linesOf } from "./lines.js";
import { connectionTo, literal, PSQL_ENV, psqlArguments, type Server, SqlFailed } from "./sql.js";

/** Rows that psql fetches at a time. */
const FETCH_COUNT = 2000;
/** How much of a transaction stays in memory. */
const MEMORY_BYTES = 16 * 1024 ** 2;

/** A change in the form of `test_decoding`, e.g. `BEGIN 731`, `table public.t: INSERT: …`, `COMMIT 731 (at …)`. */
export interface Change {
  readonly lsn: string;
  readonly xid: number;
  readonly data: string;
}

export interface Counts {
  readonly rows: number;
  readonly transactions: number;
}

/** Reads the changes of a slot without consuming them. @throws SqlFailed */
export async function* changesOf(server: Server, database: string, slot: string): AsyncGenerator<Change> {
  const query = `SELECT pg_catalog.json_build_object('lsn', lsn, 'xid', xid::text::bigint, 'data', data)
    FROM pg_catalog.pg_logical_slot_peek_changes(${literal(slot)}::name, NULL::pg_lsn, NULL::integer,
      VARIADIC ARRAY['include-xids', '1', 'include-timestamp', '1', 'skip-empty-xacts', '1']::text[])`;
  const [program = "", ...args] = psqlArguments(connectionTo(server, database));
  const child = spawn(program, [...args, "-v", `FETCH_COUNT=${FETCH_COUNT}`], {
    cwd: "/",
    env: { ...process.env, ...PSQL_ENV },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  // It is awaited below, after the last line.
  ended.catch(() => {});
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(`${query};\n`);
  try {
    for await (const line of linesOf(child.stdout)) yield JSON.parse(line) as Change;
    const code = await ended;
    if (code !== 0) throw new SqlFailed(code, words);
  } finally {
    child.kill();
  }
}

/**
 * Writes the complete file or none. The other region lacks a transaction whose commit record ends after the position at
 * which the logs diverge.
 * @param diverged that position; undefined when it isn't known: then all transactions count
 * @param header further fields of the header
 */
export async function writeChanges(
  path: string,
  changes: AsyncIterable<Change>,
  diverged: number | undefined,
  header: Readonly<Record<string, unknown>>,
  memoryBytes = MEMORY_BYTES,
): Promise<Counts> {
  const counts = { rows: 0, transactions: 0 };
  const transaction = new Transaction(`${path}.transaction`, memoryBytes);
  async function* body(): AsyncGenerator<Buffer | string> {
    let rows = 0;
    for await (const change of changes) {
      if (change.data.startsWith("BEGIN")) {
        transaction.clear();
        rows = 0;
      }
      transaction.add(`${JSON.stringify(change)}\n`);
      if (change.data.startsWith("table ")) rows++;
      if (!change.data.startsWith("COMMIT")) continue;
      if (diverged !== undefined && (lsnOf(change.lsn) ?? Number.POSITIVE_INFINITY) <= diverged) continue;
      yield* transaction.parts();
      counts.rows += rows;
      counts.transactions++;
    }
  }
  try {
    await pipeline(body, createGzip(), createWriteStream(`${path}.body`));
  } finally {
    transaction.close();
  }
  await joined(path, gzipSync(`${JSON.stringify({ header: { ...header, ...counts } })}\n`));
  return counts;
}

/** Joins header and body: two gzip members read as one. */
async function joined(path: string, head: Buffer): Promise<void> {
  const target = createWriteStream(`${path}.new`);
  target.write(head);
  await pipeline(createReadStream(`${path}.body`), target);
  const file = openSync(`${path}.new`, "r");
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  rmSync(`${path}.body`);
  syncFolder(dirname(path));
}

/** Lines of an unfinished transaction; those of a large one go to a file. */
class Transaction {
  private lines: string[] = [];
  private bytes = 0;
  private file: number | undefined;
  private isInFile = false;

  constructor(
    private readonly path: string,
    private readonly memoryBytes: number,
  ) {}

  add(line: string): void {
    this.lines.push(line);
    this.bytes += line.length;
    if (this.bytes > this.memoryBytes) this.spill();
  }

  clear(): void {
    this.lines = [];
    this.bytes = 0;
    if (this.isInFile) ftruncateSync(this.file as number);
    this.isInFile = false;
  }

  async *parts(): AsyncGenerator<Buffer | string> {
    if (this.isInFile) yield* createReadStream(this.path) as AsyncIterable<Buffer>;
    yield this.lines.join("");
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    rmSync(this.path, { force: true });
  }

  private spill(): void {
    // In append mode, so that writes after a truncation begin at the start.
    this.file ??= openSync(this.path, "a", 0o600);
    if (!this.isInFile) ftruncateSync(this.file);
    // Writes everything or throws; on a full disk `writeSync` may write only a part and return its length.
    writeFileSync(this.file, this.lines.join(""));
    this.lines = [];
    this.bytes = 0;
    this.isInFile = true;
  }
}
