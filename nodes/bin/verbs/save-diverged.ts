/** Saves writes that this node acknowledged and the other region lacks, before a rewind. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { controlValue } from "../../guard/region/control-data.js";
import { SLOT_PLUGIN } from "../../guard/region/diverged.js";
import { REQUEST_FILE } from "../../guard/region/keeper.js";
import { DIVERGED_FOLDER } from "../../guard/region/own-data.js";
import type { SaveRecord } from "../../guard/region/region-facts.js";
import type { GuardConfig } from "../../guard/shared/config.js";
import { lsnOf, lsnText } from "../../guard/shared/lsn.js";
import { PATRONI_UNIT } from "../../layout.js";
import { output, run } from "./commands.js";
import { controlOf } from "./control.js";
import { type Counts, changesOf, writeChanges } from "./decode.js";
import { positionOfDivergence } from "./divergence.js";
import { removeTree, replaceFile, syncFolder } from "./files.js";
import { isolated, NotStarted } from "./isolated.js";
import { guardConfig, variable } from "./node-config.js";
import { Saved } from "./saved.js";
import { connectionTo, type Server, sql } from "./sql.js";
import { systemctl } from "./systemd.js";
import { Usage } from "./verb.js";

const USAGE = `dr-save-diverged                 saves the writes of the epoch that the guard requests; dr-save-diverged.service runs it
dr-save-diverged --give-up EPOCH gives up that epoch's unsaved writes: Patroni may rewind the node

Stops Patroni, starts PostgreSQL without any network, as the primary that it was, and decodes its slots into one file for
each database below ${DIVERGED_FOLDER}: gzipped JSON lines after a header. If a slot is missing or begins too late, it keeps
a copy of the data directory. You may kill it at any point and run it again. The guard reads the record beside the files, and
keeps Patroni from etcd until the record says that the save is done.
`;

const UPLOADS = 5;
const UPLOAD_MILLIS = 10_000;
/** The room left beside a copy must last until someone has fetched the copy. */
const ROOM_FOR_COPY = 1.25;

type Decoded = Pick<
  SaveRecord,
  "timeline" | "divergedAt" | "rows" | "transactions" | "files" | "uploaded" | "note"
>;

async function save(config: GuardConfig, saved: Saved): Promise<void> {
  saved.write({ state: "saving" });
  await stopPatroni();
  const { dataDirectory } = config;
  try {
    const control = await controlOf(dataDirectory);
    if (control === undefined) {
      saved.write({ state: "nothing", uploaded: false, note: "there are no data" });
      return;
    }
    const decoded = await decodeAll(config, saved, control);
    // The decoded part is kept as well.
    if (decoded.note)
      saved.write({ state: "kept-copy", ...decoded, copy: await copyData(dataDirectory, saved) });
    else saved.write({ state: "saved", ...decoded });
  } catch (error) {
    // After any error the data on this node must not be rewound.
    const note = `${error}. Patroni stays stopped on this node; the guard tries again each minute. To give up, take a snapshot of the volume, then run dr-save-diverged --give-up ${saved.epoch}`;
    saved.write({ state: "failed", note });
    throw error;
  }
}

/**
 * Kills Patroni and PostgreSQL at once. A clean stop would hand over the leadership first: in a region that isn't marked as
 * a standby yet, Patroni would promote another node, to a timeline that must not begin. Acknowledged writes are flushed.
 */
async function stopPatroni(): Promise<void> {
  await systemctl("kill", "--signal=SIGKILL", PATRONI_UNIT);
  const { code } = await systemctl("stop", PATRONI_UNIT);
  if (code !== 0) throw new Error("cannot stop Patroni");
}

export interface Slots {
  readonly databases: readonly { readonly oid: number; readonly name: string }[];
  readonly slots: readonly {
    readonly database: number;
    readonly name: string;
    readonly confirmed: string;
    readonly status: string;
  }[];
}

/** The newest of several slots counts, which comes last: an older one may date from before this node was a standby. */
const slotsQuery = (epoch: number): string => `SELECT json_build_object(
  'databases', (SELECT coalesce(json_agg(json_build_object('oid', oid::bigint, 'name', datname) ORDER BY oid), '[]')
    FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'),
  'slots', (SELECT coalesce(json_agg(json_build_object('database', datoid::bigint, 'name', slot_name,
      'confirmed', confirmed_flush_lsn, 'status', wal_status) ORDER BY confirmed_flush_lsn), '[]')
    FROM pg_replication_slots
    WHERE slot_type = 'logical' AND plugin = '${SLOT_PLUGIN}' AND slot_name ~ '^dr_diverged_e${epoch}_t'))`;

/** `note` names what is missing. */
async function decodeAll(config: GuardConfig, saved: Saved, control: string): Promise<Decoded> {
  const timeline = Number(controlValue(control, "Latest checkpoint's TimeLineID"));
  const diverged = await positionOfDivergence(config, timeline);
  const missing: string[] = [];
  const done: (Counts & { readonly file: string })[] = [];
  try {
    await isolated(config.dataDirectory, async (server) => {
      const found = JSON.parse(await sql(connectionTo(server), slotsQuery(saved.epoch))) as Slots;
      for (const database of found.databases) {
        const slot = found.slots.findLast((each) => each.database === database.oid);
        if (!slot) missing.push(`database ${database.name}: no slot`);
        else if (slot.status === "lost") missing.push(`${database.name}: its slot is lost`);
        else {
          if (diverged !== undefined && !((lsnOf(slot.confirmed) ?? Number.NaN) <= diverged))
            missing.push(
              `database ${database.name}: its slot begins at ${slot.confirmed}, after ${lsnText(diverged)}`,
            );
          done.push(await decode(server, saved, { ...database, slot }, timeline, diverged));
        }
      }
    });
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    // Nothing can be decoded without PostgreSQL: the data directory is kept.
    missing.push(error.message);
  }
  const sum = (key: keyof Counts) => done.reduce((total, each) => total + each[key], 0);
  return {
    timeline,
    // Null: the files contain everything that the slots keep, and some of it is in both regions.
    divergedAt: diverged === undefined ? null : lsnText(diverged),
    rows: sum("rows"),
    transactions: sum("transactions"),
    files: done.map(({ file }) => file),
    // The guard starts this program again until the upload has succeeded.
    uploaded: false,
    note: missing.join("; "),
  };
}

type Database = Slots["databases"][number] & { readonly slot: Slots["slots"][number] };

async function decode(
  server: Server,
  saved: Saved,
  { oid, name: database, slot }: Database,
  timeline: number,
  diverged: number | undefined,
): Promise<Counts & { readonly file: string }> {
  const safe = database.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
  const file = `${saved.name}-${safe === database ? safe : `${safe}-${oid}`}.jsonl.gz`;
  const { region, node, epoch, folder } = saved;
  const header = {
    ...{ region, node, epoch, database, timeline },
    slotBeginsAt: slot.confirmed,
    divergedAt: diverged === undefined ? null : lsnText(diverged),
  };
  const changes = changesOf(server, database, slot.name);
  return { file, ...(await writeChanges(join(folder, file), changes, diverged, header)) };
}

/** Copies the whole data directory, at no cost if the file system shares blocks. */
async function copyData(directory: string, { folder, name }: Saved): Promise<string> {
  const target = join(folder, `${name}-data`);
  if (existsSync(target)) return target;
  const unfinished = `${target}.new`;
  removeTree(unfinished);
  const shared = await run(["cp", "-a", "--reflink=always", directory, unfinished], { stderr: "ignore" });
  if (shared.code !== 0) {
    removeTree(unfinished);
    const used = Number.parseInt(await output(["du", "-sB1", directory]), 10);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const mebibytes = (bytes: number) => `${Math.floor(bytes / 1024 ** 2)} MiB`;
    if (free < used * ROOM_FOR_COPY)
      throw new Error(`a copy of the data needs ${mebibytes(used)}, but only ${mebibytes(free)} are free`);
    await output(["cp", "-a", directory, unfinished]);
  }
  await output(["sync", "-f", unfinished]);
  renameSync(unfinished, target);
  syncFolder(folder);
  return target;
}

/** Uploads a file. @returns whether the vault has it */
type Put = (file: string, address: string) => Promise<boolean>;

const putArtifact: Put = async (file, address) =>
  (await run(["dr-put-artifact", file, address], { stdout: "inherit" })).code === 0;

/** @returns whether the vault has all files. Until then they stay, and the guard starts this program again. */
export async function upload(saved: Saved, place: string, put: Put): Promise<boolean> {
  const record = saved.values as SaveRecord;
  if (record.uploaded !== false) return true;
  for (let attempt = 0; attempt < UPLOADS; attempt++) {
    if (attempt > 0) await sleep(UPLOAD_MILLIS);
    if (await putAll(saved, place, put)) {
      saved.write({ ...record, uploaded: true });
      return true;
    }
  }
  return false;
}

/** The record last, and as it is when all is there: this node's own says so only once that is true. */
async function putAll({ values, folder, path }: Saved, place: string, put: Put): Promise<boolean> {
  for (const name of values.files ?? [])
    if (!(await put(join(folder, name), `${place}/${name}`))) return false;
  const complete = `${path}.uploaded`;
  replaceFile(complete, `${JSON.stringify({ ...values, uploaded: true })}\n`);
  try {
    return await put(complete, `${place}/${basename(path)}`);
  } finally {
    rmSync(complete);
  }
}

export async function saveDiverged(args: readonly string[]): Promise<number> {
  const [option, epoch = "", ...others] = args;
  const givesUp = option === "--give-up" && /^\d+$/.test(epoch) && others.length === 0;
  if (args.length > 0 && !givesUp) throw new Usage(USAGE);
  const config = guardConfig();
  mkdirSync(DIVERGED_FOLDER, { recursive: true, mode: 0o700 });
  const start = () => systemctl("start", "--no-block", PATRONI_UNIT);
  if (givesUp) {
    new Saved(config, Number(epoch)).write({ state: "given-up", note: "given up by hand" });
    return (await start()).code;
  }
  const request = readFileSync(REQUEST_FILE, "utf8").trim();
  if (!/^\d+$/.test(request)) throw new Error(`${REQUEST_FILE} contains '${request}', which is not an epoch`);
  const saved = new Saved(config, Number(request));
  if (!saved.isDone) await save(config, saved);
  // A node without unsaved writes may rejoin while the vault is still unavailable.
  await start();
  return (await upload(saved, variable("DR_DIVERGED"), putArtifact)) ? 0 : 1;
}
