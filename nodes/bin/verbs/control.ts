/** `pg_controldata` without a limit: what a data directory says of itself. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, type Done, run } from "./commands.js";

/** Read by the guard's `controlValue`. */
export const controlData = (directory: string): Promise<Done> =>
  run(asPostgres([`${IMAGE_PATHS.postgresBin}/pg_controldata`, "-D", directory]), { env: { LC_ALL: "C" } });

/**
 * The same, where that decides what may be rewound: only a missing control file means that there are no data.
 * @returns undefined where there are no data. @throws Error when they are there and can't be read.
 */
export async function controlOf(directory: string, look = controlData): Promise<string | undefined> {
  if (!statSync(join(directory, "global/pg_control"), { throwIfNoEntry: false })) return undefined;
  const { code, stdout, stderr } = await look(directory);
  if (code !== 0 || !stdout)
    throw new Error(`pg_controldata can't read ${directory}: ${stderr.trim() || `exit code ${code}`}`);
  return stdout;
}
