/** Prepares a restored cluster so that this region's nodes may lead with it. */
import { existsSync, readdirSync } from "node:fs";
import { historyName } from "../../guard/leader/timelines.js";
import { markStatements } from "../../guard/region/log-end.js";
import { identifier, LIVE, literal, type Server } from "./sql.js";

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

/** As one value: a role's name may contain any character, a new line too. */
const LOGINS = `SELECT coalesce(json_object_agg(rolname, rolpassword), '{}') FROM pg_authid
  WHERE rolcanlogin AND rolpassword IS NOT NULL`;
const KNOWN = "SELECT json_agg(rolname) FROM pg_roles";

/** Copies the present passwords, as verifiers, to the restored logins: the nodes and the applications use these. */
export async function carryPasswords(ask: Ask, server: Server): Promise<void> {
  const logins = async (asked: Server) =>
    new Map(Object.entries(JSON.parse(await ask(asked, LOGINS)) as Record<string, string>));
  const restored = await logins(server);
  const known = new Set(JSON.parse(await ask(server, KNOWN)) as string[]);
  // dr-reconcile creates a login that is younger than the restored data, together with its database.
  const changed = [...(await logins(LIVE))].filter(
    ([name, verifier]) => known.has(name) && restored.get(name) !== verifier,
  );
  const statements = changed.map(
    ([name, verifier]) => `ALTER ROLE ${identifier(name)} PASSWORD ${literal(verifier)};`,
  );
  await ask(server, ["SET log_statement TO none;", ...statements].join("\n"));
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
