/** `pg_controldata`: the state of a data directory, whether PostgreSQL runs or not. */
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { IMAGE_PATHS } from "../../layout.js";

const PG_CONTROLDATA = `${IMAGE_PATHS.postgresBin}/pg_controldata`;

/** The resolution of a file's change time: a younger file may have been written again without a visible change. */
const SETTLED_MILLIS = 100;

/** Caches the output: the guard reads it twice a second, each time as a process, but the file changes only with a checkpoint. */
export class ControlData {
  private last: { readonly file: string; readonly changed: bigint; readonly text: string } | undefined;

  constructor(
    private readonly run: (dataDirectory: string) => Promise<string> = readControlData,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws Error when there is nothing to read, or it takes longer than a second. */
  async read(dataDirectory: string): Promise<string> {
    const file = join(dataDirectory, "global", "pg_control");
    // Read before the content: a write in between shows at the next call.
    const { mtimeNs: changed } = await stat(file, { bigint: true });
    const { last } = this;
    if (last?.file === file && last.changed === changed) return last.text;
    const text = await this.run(dataDirectory);
    const isSettled = this.now() - Number(changed / 1_000_000n) >= SETTLED_MILLIS;
    this.last = isSettled ? { file, changed, text } : undefined;
    return text;
  }
}

/** @throws Error when there is nothing to read, or it takes longer than a second. */
async function readControlData(dataDirectory: string): Promise<string> {
  const { stdout } = await promisify(execFile)(PG_CONTROLDATA, ["-D", dataDirectory], {
    timeout: 1000,
    env: { LC_ALL: "C" },
  });
  return stdout;
}

/** Shared by all readers on this machine, so that a new file costs one process. */
export const ofThisMachine = new ControlData();

/** The value of one line of the output. */
export const controlValue = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}: +(.*)$`, "m").exec(text)?.[1];
