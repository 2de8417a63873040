/** `pg_controldata` without a limit: what a data directory says of itself. */
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, type Done, run } from "./commands.js";

/** Read by the guard's `controlValue`. */
export const controlData = (directory: string): Promise<Done> =>
  run(asPostgres([`${IMAGE_PATHS.postgresBin}/pg_controldata`, "-D", directory]), { env: { LC_ALL: "C" } });
