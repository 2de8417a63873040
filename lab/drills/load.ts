/** A workload's settings: the application's login, and who writes, reads, queries and probes, and how fast. */
import { TLS_FILES } from "../../nodes/layout.js";
import { DATABASE_FRONTS } from "../../nodes/render/haproxy.js";
import { HEALTH_PATH, PORTS } from "../../settings/contract.js";
import type { RegionTwin } from "../twin/open.js";
import type { Machine } from "../twin/types.js";
import type { WorkloadConfig } from "../workload/config.js";

import type { Scene } from "./scene.js";

/** Whatever makes the load of a drill, on one machine or on several. */
export interface Load {
  /** Ends it, with what is in flight. @throws Error when some of it ended before: its ledger has holes. */
  stop(): Promise<void>;
  /** For clearing up after an error. */
  kill(): void;
}

/** An answer later than this is none: no outage that is meant to be short takes so long. */
const TIMEOUT_MILLIS = 5000;

/** How users ask the application. */
export const HTTP_PACE = { connections: 2, intervalMillis: 50, timeoutMillis: TIMEOUT_MILLIS } as const;

/** The application's login and the authority, as a Tomcat server gets them. */
export async function credentials(scene: Scene): Promise<WorkloadConfig["database"]> {
  const { running, tomcat } = scene;
  const secret = await scene.must(tomcat, ["dr-get-secret", running.contract.secrets.application]);
  const { username, password } = JSON.parse(secret) as { username: string; password: string };
  const authority = await scene.must(tomcat, ["cat", TLS_FILES.authority]);
  const name = running.settings.databases[0]?.name as string;
  return { user: username, password, name, authority };
}

/** How many ask how often. */
export interface Pace {
  readonly writers: number;
  readonly writeMillis: number;
  readonly readers: number;
  readonly readMillis: number;
  readonly probeMillis: number;
}

/** Of one region, alone on its host. */
const ONE_REGION: Pace = { writers: 4, writeMillis: 10, readers: 2, readMillis: 20, probeMillis: 100 };

/** Clients of the database beside a Tomcat server: through its HAProxy, and straight to every node of every region. */
export function databaseLoad(
  { twin }: RegionTwin,
  pace = ONE_REGION,
): Pick<WorkloadConfig, "writer" | "reader" | "prober"> {
  const host = "127.0.0.1";
  const nodes = twin.machines.filter(({ spec }) => spec.role === "database");
  return {
    writer: {
      host,
      port: DATABASE_FRONTS.write,
      connections: pace.writers,
      intervalMillis: pace.writeMillis,
      timeoutMillis: TIMEOUT_MILLIS,
    },
    reader: {
      host,
      port: DATABASE_FRONTS.read,
      connections: pace.readers,
      intervalMillis: pace.readMillis,
      timeoutMillis: TIMEOUT_MILLIS,
    },
    prober: {
      nodes: nodes.map(({ address }) => ({ address, port: PORTS.postgres })),
      intervalMillis: pace.probeMillis,
      timeoutMillis: 1000,
    },
  };
}

/** Users of one region's Tomcat servers. */
export function httpLoad({ twin, id }: Scene): Pick<WorkloadConfig, "http"> {
  const own = ({ spec }: Machine) => spec.role === "tomcat" && spec.region === id;
  return {
    http: {
      ...HTTP_PACE,
      targets: twin.machines.filter(own).map(({ address }) => `${address}:${PORTS.fleetHttp}`),
      healthPath: HEALTH_PATH,
      healthIntervalMillis: 1000,
    },
  };
}
