/** The functions of a node that dr-cut-over uses. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlValue } from "../../guard/region/control-data.js";
import type { LogAnswer, LogOrder } from "../../guard/region/cut-over.js";
import { orderLog } from "../../guard/region/log-order.js";
import { monotonic } from "../../guard/shared/clock.js";
import { PATRONI_UNIT } from "../../layout.js";
import { controlData } from "./control.js";
import { own, touchAsPostgres } from "./files.js";
import { guardConfig } from "./node-config.js";
import { connectionTo, type Server, SqlFailed, sql } from "./sql.js";
import { systemctl } from "./systemd.js";

/** Drop-ins for units, valid until the next boot. */
const UNIT_LIMITS = "/run/systemd/system";

export interface Restoring {
  readonly process: number | undefined;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

export interface CutOverNode {
  readonly systemctl: (...words: string[]) => Promise<{ code: number; stdout: string; stderr: string }>;
  /** One of pg_controldata's values. */
  readonly control: (directory: string, name: string) => Promise<string>;
  /** Queries the live or the restored server. */
  readonly ask: (server: Server, statements: string, timeoutMillis?: number) => Promise<string>;
  readonly order: (order: LogOrder) => Promise<LogAnswer>;
  readonly restore: (argv: readonly string[]) => Restoring;
  readonly own: (...paths: string[]) => Promise<void>;
  /** Creates empty files in PostgreSQL's folders. */
  readonly touch: (paths: readonly string[]) => Promise<void>;
  /** Milliseconds. */
  readonly now: () => number;
  readonly unitLimits: string;
}

export const THIS_NODE: CutOverNode = {
  systemctl,
  async control(directory, name) {
    const { code, stdout } = await controlData(directory);
    const value = code === 0 ? controlValue(stdout, name) : undefined;
    if (value === undefined)
      throw new Error(`pg_controldata of ${directory}: exit code ${code}, and no '${name}' in its output`);
    return value;
  },
  async ask(server, statements, timeoutMillis) {
    try {
      return await sql(connectionTo(server), statements, timeoutMillis);
    } catch (error) {
      // PostgreSQL's own message could contain the statement.
      throw error instanceof SqlFailed
        ? new Error(`psql in ${server.sockets} failed with exit code ${error.code}`)
        : error;
    }
  },
  order: (order) => orderLog(guardConfig(), order),
  restore([program = "", ...args]) {
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
    return {
      process: child.pid,
      ended: new Promise((resolve) => {
        child.on("error", (error) => {
          process.stderr.write(`dr-cut-over: ${error.message}\n`);
          resolve(127);
        });
        child.on("exit", (code) => resolve(code ?? 1));
      }),
    };
  },
  own,
  touch: touchAsPostgres,
  now: monotonic,
  unitLimits: UNIT_LIMITS,
};

type Systemd = Pick<CutOverNode, "systemctl" | "unitLimits">;

export async function startPatroni(node: Systemd): Promise<void> {
  const { systemctl } = node;
  // A close that was killed leaves its limit behind.
  if (existsSync(limitFolder(node))) await dropLimit(node);
  const { code, stderr } = await systemctl("start", PATRONI_UNIT);
  if (code !== 0) throw new Error(`${PATRONI_UNIT} does not start: ${stderr.trim()}`);
}

/** Stops Patroni with a longer limit than its unit's half minute, after which systemd would kill PostgreSQL. */
export async function stopPatroni(node: Systemd, seconds: number): Promise<void> {
  const { systemctl, unitLimits } = node;
  if (!existsSync(unitLimits)) {
    await systemctl("stop", PATRONI_UNIT);
    return;
  }
  try {
    mkdirSync(limitFolder(node), { recursive: true });
    writeFileSync(limitFile(node), `[Service]\nTimeoutStopSec=${seconds}\n`);
    await systemctl("daemon-reload");
    await systemctl("stop", PATRONI_UNIT);
  } finally {
    await dropLimit(node);
  }
}

const limitFolder = ({ unitLimits }: Systemd): string => join(unitLimits, `${PATRONI_UNIT}.d`);
const limitFile = (node: Systemd): string => join(limitFolder(node), "cut-over.conf");

async function dropLimit(node: Systemd): Promise<void> {
  rmSync(limitFile(node), { force: true });
  await node.systemctl("daemon-reload");
}
