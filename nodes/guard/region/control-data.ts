/** `pg_controldata`: what a data directory says of itself, whether PostgreSQL runs or not. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { IMAGE_PATHS } from "../../layout.js";

const PG_CONTROLDATA = `${IMAGE_PATHS.postgresBin}/pg_controldata`;

/** @throws Error when there is nothing to read, or it takes longer than a second. */
export async function readControlData(dataDirectory: string): Promise<string> {
  const { stdout } = await promisify(execFile)(PG_CONTROLDATA, ["-D", dataDirectory], {
    timeout: 1000,
    env: { LC_ALL: "C" },
  });
  return stdout;
}

/** One of its lines. */
export const controlValue = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}: +(.*)$`, "m").exec(text)?.[1];
