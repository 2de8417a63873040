/** `pg_controldata` without a time limit: the state of a data directory. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, type Done, run } from "./commands.js";

/** The guard's `controlValue` parses the output. */
export const controlData = (directory: string): Promise<Done> =>
  run(asPostgres([`${IMAGE_PATHS.postgresBin}/pg_controldata`, "-D", directory]), { env: { LC_ALL: "C" } });

/**
 * The same, for decisions about a rewind: only a missing control file means that there are no data.
 * @returns undefined when there are no data. @throws Error when the data exist but can't be read.
 */
export async function controlOf(directory: string, look = controlData): Promise<string | undefined> {
  if (!statSync(join(directory, "global/pg_control"), { throwIfNoEntry: false })) return undefined;
  const { code, stdout, stderr } = await look(directory);
  if (code !== 0 || !stdout)
    throw new Error(`pg_controldata can't read ${directory}: ${stderr.trim() || `exit code ${code}`}`);
  return stdout;
}
