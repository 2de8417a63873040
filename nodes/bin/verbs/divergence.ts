/** Where this node's log and the log of the other region's leader diverge. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { historyName, type Switch, switchesOf } from "../../guard/leader/timelines.js";
import type { GuardConfig } from "../../guard/shared/config.js";
import { psqlProgram } from "../../guard/shared/session.js";
import { PATRONI_SECRETS, TLS_FILES } from "../../layout.js";
import { run } from "./commands.js";
import { SqlFailed } from "./sql.js";

const CONNECT_SECONDS = 3;

/** A log's earlier timelines and its present one. */
interface Line {
  readonly history: readonly Switch[];
  readonly timeline: number;
}

/** @returns undefined if the logs don't differ */
export function parting(own: Line, theirs: Line): number | undefined {
  const stretches = ({ history, timeline }: Line) => [...history, { timeline, end: undefined }];
  const other = stretches(theirs);
  let before: number | undefined;
  for (const [i, a] of stretches(own).entries()) {
    const b = other[i];
    if (!b) return undefined;
    if (a.timeline !== b.timeline) return before;
    if (a.end !== b.end)
      return Math.min(a.end ?? Number.POSITIVE_INFINITY, b.end ?? Number.POSITIVE_INFINITY);
    before = a.end;
  }
  return undefined;
}

/** Records that end before this position are in both logs. @returns undefined when the other region's leader doesn't answer */
export async function positionOfDivergence(
  { region, dataDirectory }: Pick<GuardConfig, "region" | "dataDirectory">,
  timeline: number,
): Promise<number | undefined> {
  try {
    const theirs = await lineOfLeader(region.source);
    return parting({ history: ownHistory(dataDirectory, timeline), timeline }, theirs);
  } catch (error) {
    if (!(error instanceof SqlFailed)) throw error;
    process.stdout.write(
      `the other region's leader does not report where the logs diverge: ${error.message}\n`,
    );
    return undefined;
  }
}

async function lineOfLeader(source: GuardConfig["region"]["source"]): Promise<Line> {
  const [, timeline] = (await askLeader(source, "IDENTIFY_SYSTEM")).split("\t").map(Number);
  if (!timeline) throw new SqlFailed(0, "IDENTIFY_SYSTEM names no timeline");
  if (timeline === 1) return { history: [], timeline };
  const said = await askLeader(source, `TIMELINE_HISTORY ${timeline}`);
  // The answer begins with the file's name.
  return { history: switchesOf(said.slice(said.indexOf("\t") + 1)), timeline };
}

/** One command of PostgreSQL's replication protocol. */
async function askLeader(
  { addresses, port }: GuardConfig["region"]["source"],
  command: string,
): Promise<string> {
  const words = {
    host: addresses.join(","),
    port,
    user: "replicator",
    sslmode: "verify-ca",
    sslrootcert: TLS_FILES.authority,
    target_session_attrs: "read-write",
    connect_timeout: CONNECT_SECONDS,
    replication: "true",
  };
  const connection = Object.entries(words).map(([name, value]) => `${name}=${value}`);
  // Without SESSION_ENV: such a session is in no database, and its user isn't a superuser.
  const argv = psqlProgram(connection.join(" "), "-w", "-F", "\t", "-c", command);
  const { code, stdout, stderr } = await run(argv, {
    env: { PGPASSWORD: replicationPassword() },
    stderr: "pipe",
  });
  if (code !== 0) throw new SqlFailed(code, stderr);
  return stdout;
}

function ownHistory(dataDirectory: string, timeline: number): Switch[] {
  try {
    return switchesOf(readFileSync(join(dataDirectory, "pg_wal", historyName(timeline)), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** As Patroni has it now. */
const replicationPassword = (): string =>
  (
    JSON.parse(readFileSync(PATRONI_SECRETS, "utf8")) as {
      postgresql: { authentication: { replication: { password: string } } };
    }
  ).postgresql.authentication.replication.password;
