/**
 * The order to begin a deployment's first cluster from the backups in its vault. `npx dr restore --from copy` writes it into
 * the home region's vault after everything else; `dr-begin-cluster` reads it there. Pure.
 */
import { z } from "zod";
import type { RegionContract } from "../settings/contract.js";

/** ISO 8601 in UTC, or all that is archived. */
const TARGET = /^(latest|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z)$/;

export const beginOrder = z.object({
  /** ISO 8601. */
  orderedAt: z.string(),
  /** `dr-restore`'s `--to`. */
  to: z.string().regex(TARGET, "must be a time in UTC, or latest"),
});
export type BeginOrder = z.infer<typeof beginOrder>;

const FILE = "begin.json";

/** Below the repository's path: beside pgBackRest's own folders, which it doesn't touch. */
export const orderKey = ({ repositoryPath }: Pick<RegionContract, "repositoryPath">): string =>
  `${repositoryPath.slice(1)}/${FILE}`;
