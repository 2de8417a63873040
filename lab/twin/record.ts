/** What a running twin leaves for other commands to find it: a file in its folder. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { REPO } from "../../common/paths.js";
import { processRuns } from "../../common/processes.js";

const machine = z.object({
  name: z.string(),
  role: z.enum(["database", "read-replica", "tomcat", "restore"]),
  region: z.enum(["home", "recovery"]),
  address: z.string(),
  /** Process 1 of the machine, by its number on the host; missing while it is dead. */
  pid: z.number().optional(),
});
const record = z.object({
  /** Of the process whose children all machines are. */
  pid: z.number(),
  machines: z.array(machine),
  /** The claim table's emulator, for other processes of this host: the one copy that both regions' guards ask. */
  claims: z.object({
    endpoint: z.string(),
    /** AWS region under whose name clients query it. */
    region: z.string(),
  }),
  /** The emulated S3 that holds the vaults, over TLS, and the authority that signed for it. */
  vaults: z.object({ endpoint: z.string(), authorityFile: z.string() }),
});

export type TwinRecord = z.infer<typeof record>;
export type MachineRecord = z.infer<typeof machine>;

/** Folder of the twin that `dr twin` runs. */
export const twinDir = (): string => resolve(process.env.DR_TWIN_DIR ?? join(REPO, ".twin"));

const file = (dir: string) => join(dir, "twin.json");

/** Under a new name first: a reader must never see half of it. */
export async function writeRecord(dir: string, value: TwinRecord): Promise<void> {
  await writeFile(`${file(dir)}.new`, JSON.stringify(value, undefined, 2));
  await rename(`${file(dir)}.new`, file(dir));
}

/** The twin that runs from that folder; undefined when none does. */
export async function runningTwin(dir: string): Promise<TwinRecord | undefined> {
  const text = await readFile(file(dir), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = record.safeParse(JSON.parse(text));
  // What another version left, or still runs: this one can't read it.
  if (!parsed.success) return undefined;
  return (await processRuns(parsed.data.pid, "twin")) ? parsed.data : undefined;
}

/** Whether a twin runs here that this user may enter. */
export const twinRuns = async (): Promise<boolean> => (await runningTwin(twinDir())) !== undefined;

/** A command that runs inside a machine of a running twin, as root. */
export const inside = (machine: Pick<MachineRecord, "pid">, argv: readonly string[]): readonly string[] => [
  ...[
    "nsenter",
    "--target",
    `${machine.pid}`,
    "--pid",
    "--net",
    "--mount",
    "--ipc",
    "--uts",
    "--root",
    "--wd=/",
    "--",
  ],
  ...[
    "env",
    "-i",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME=/root",
    `TERM=${process.env.TERM ?? "dumb"}`,
    ...argv,
  ],
];
