/** Prepares a restored cluster so that this region's nodes may lead with it. */
import { existsSync, readdirSync } from "node:fs";
import { historyName } from "../../guard/leader/timelines.js";
import { markStatements } from "../../guard/region/log-end.js";
import { LIVE, type Server } from "./sql.js";

/** Like `sql`. Any server other than the live one is the restored one. */
export type Ask = (server: Server, statements: string) => Promise<string>;

/**
 * Records the operator's decision that this log belongs to the epoch that the region has opened. A guard serves no log
 * whose newest mark is from an earlier epoch, as it is in a log restored to a time before the last promotion: the region
 * would never open. The leader adds its own mark for the timeline that it begins.
 */
export async function markLog(ask: Ask, server: Server, epoch: number, timeline: number): Promise<void> {
  if ((await ask(server, "SELECT to_regclass('dr.mark') IS NOT NULL")) === "t") {
    const newest = await ask(server, "SELECT max(epoch) FROM dr.mark");
    if (Number(newest) > epoch)
      throw new Error(`the restored log is from epoch ${newest}, but the region has opened epoch ${epoch}`);
  }
  const statements = ["SET client_min_messages TO warning", ...markStatements({ epoch, timeline })];
  const written = await ask(server, `${statements.join(";\n")};`);
  if (written.split("\n").at(-1) !== `${epoch}\t${timeline}`)
    throw new Error(`the restored log is not on timeline ${timeline}`);
}

const LOGINS = `SELECT format('ALTER ROLE %I PASSWORD %L;', rolname, rolpassword) FROM pg_authid
  WHERE rolcanlogin AND rolpassword IS NOT NULL`;
const KNOWN = "SELECT format('ALTER ROLE %I PASSWORD ', rolname) FROM pg_roles";

/** Copies the present passwords, as verifiers, to the restored logins: the nodes and the applications use these. */
export async function carryPasswords(ask: Ask, server: Server): Promise<void> {
  const lines = async (asked: Server, query: string) => (await ask(asked, query)).split("\n").filter(Boolean);
  const restored = new Set(await lines(server, LOGINS));
  const known = await lines(server, KNOWN);
  // dr-reconcile creates a login that is younger than the restored data, together with its database.
  const changed = (await lines(LIVE, LOGINS)).filter(
    (line) => !restored.has(line) && known.some((each) => line.startsWith(each)),
  );
  await ask(server, ["SET log_statement TO none;", ...changed].join("\n"));
}

/**
 * The restored cluster archived nothing. With these files the leader archives what a later restore needs of its timeline,
 * above all its history, as soon as it may.
 * @param last file in which the leader's own timeline begins
 * @returns the files to create, empty
 */
export function archiverFiles(wal: string, timeline: number, last: string): string[] {
  const isBefore = (name: string) =>
    /^[0-9A-F]{24}$/.test(name) && name.slice(0, 8) === last.slice(0, 8) && name < last;
  return [historyName(timeline), ...readdirSync(wal).filter(isBefore)].flatMap((name) => {
    const path = `${wal}/archive_status/${name}.ready`;
    return existsSync(`${wal}/${name}`) && !existsSync(path) ? [path] : [];
  });
}
