import type { Command } from "commander";
import { openPlace, type PlaceFlags, placeKind } from "../places.js";

interface RotateFlags extends Pick<PlaceFlags, "twin"> {
  endSessions?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addRotate(dr: Command): void {
  dr.command("rotate")
    .description("replace a password of the database while the service runs, and refuse the old one")
    .argument("<what>", "login <owner>, superuser, replication, rewind, or all")
    .argument("[owner]", "with login: the owner of a database, as in the settings")
    .option("--end-sessions", "end sessions that still use the old login, instead of leaving it valid")
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--twin", "work in the twin of this host")
    .action(run);
}

async function run(
  what: string,
  owner: string | undefined,
  { twin, json, ...flags }: RotateFlags,
): Promise<void> {
  const { guidedRotation } = await import("../../operations/rotation/guided.js");
  const result = await guidedRotation({
    open: () => openPlace(placeKind({ twin }) ?? "aws"),
    ...{ what, owner },
    ...flags,
  });
  if (json) console.log(JSON.stringify(result, undefined, 2));
  if (result.outcome !== "rotated") process.exitCode = 1;
}
