/** What a running twin's machines say of themselves, asked from any process of this host: guards, and the way that a load balancer takes. */

import { execa } from "execa";
import type { GuardStatus } from "../../nodes/guard/status.js";
import { TLS_FILES } from "../../nodes/layout.js";
import { ACTIVE_PATH, PORTS } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { inside, type MachineRecord, type TwinRecord } from "./record.js";

/** What one guard answered to `GET /status`, or why it didn't. */
export interface GuardAnswer {
  readonly node: string;
  readonly region: RegionId;
  readonly answer: GuardStatus | Error;
}

const ANSWER_SECONDS = 2;

/** Asks every guard on its own node. */
export function guardsOf({ machines }: TwinRecord): Promise<readonly GuardAnswer[]> {
  const nodes = machines.filter(({ role }) => role === "database");
  return Promise.all(nodes.map(guardOf));
}

async function guardOf(machine: MachineRecord): Promise<GuardAnswer> {
  const { name: node, region, address } = machine;
  const url = `https://${address}:${PORTS.guard}/status`;
  const { stdout, failed } = await curl(machine, ["--cacert", TLS_FILES.authority, url]);
  if (failed || !stdout) return { node, region, answer: new Error("it doesn't answer") };
  try {
    return { node, region, answer: JSON.parse(stdout) as GuardStatus };
  } catch {
    return { node, region, answer: new Error("its answer is not JSON") };
  }
}

/**
 * Whether a region answers as the health check of its failover record demands: through HAProxy of a Tomcat server,
 * which is where the load balancer would ask. Undefined without such a server.
 */
export async function answersActive(
  { machines }: TwinRecord,
  region: RegionId,
): Promise<boolean | undefined> {
  const servers = machines.filter((machine) => machine.role === "tomcat" && machine.region === region);
  if (servers.length === 0) return undefined;
  const url = `http://127.0.0.1:${PORTS.fleetHttp}${ACTIVE_PATH}`;
  const codes = await Promise.all(
    servers.map((server) => curl(server, ["--output", "/dev/null", "--write-out", "%{http_code}", url])),
  );
  return codes.some(({ stdout }) => stdout === "200");
}

async function curl(
  machine: MachineRecord,
  argv: readonly string[],
): Promise<{ stdout: string; failed: boolean }> {
  if (machine.pid === undefined) return { stdout: "", failed: true };
  const [file, ...args] = inside(machine, ["curl", "--silent", "--max-time", `${ANSWER_SECONDS}`, ...argv]);
  const { stdout, failed } = await execa(file as string, args, { reject: false, stdin: "ignore" });
  return { stdout: stdout ?? "", failed };
}
