/**
 * haproxy.cfg beside each Tomcat: it finds the leader by checking each node's guard several times a second. An AWS load
 * balancer between application and database would need ten seconds for that.
 */

import {
  ACTIVE_PATH,
  type Contract,
  type DatabaseNode,
  HEALTH_PATH,
  otherRegion,
  PORTS,
} from "../../settings/contract.js";
import { CHECK_TIMEOUT_MILLIS } from "../../settings/failover-time.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { membersOf, TLS_FILES } from "../layout.js";

/** Local ports to which Tomcat connects. */
export const DATABASE_FRONTS = { write: 5432, read: 5433 } as const;

/** Interval between checks of the other region, whose nodes count only when no node of the own region leads. */
const FAR_CHECK_MILLIS = 1000;

const TLS = `verify required ca-file ${TLS_FILES.authority}`;

export function renderHaproxy({ failover }: SharedSettings, contract: Contract, region: RegionId): string {
  const own = contract[region];
  const other = contract[otherRegion(region)];
  const { checkIntervalMillis: inter, fastCheckIntervalMillis: fast, checkFall: fall } = failover;
  // All nodes except the leader are always "down" here: at the fast pace each Tomcat would cost every guard ten handshakes a second.
  const pace = `inter ${inter}ms fastinter ${fast}ms downinter ${inter}ms fall ${fall} rise 1`;
  const farPace = `inter ${FAR_CHECK_MILLIS}ms fastinter ${FAR_CHECK_MILLIS}ms downinter ${FAR_CHECK_MILLIS}ms`;
  // A failed connection is a hint: it triggers the next check at once, and that check decides.
  const observed = "observe layer4 error-limit 1 on-error sudden-death";
  const checked = (port: number) =>
    `check port ${port} check-ssl ${TLS} ${pace} on-marked-down shutdown-sessions ${observed}`;
  const server = ({ name, address }: DatabaseNode, port: number, ...options: string[]) =>
    [`  server ${name} ${address}:${port}`, ...options].join(" ");

  const lines = [
    "global",
    "  log /dev/log local0",
    "  maxconn 8192",
    "  user haproxy",
    "  group haproxy",
    "  stats socket /run/haproxy/admin.sock mode 660 level admin",
    "",
    "defaults",
    "  log global",
    // HAProxy sends nothing twice: only the application knows whether a statement may be repeated.
    "  retries 0",
    "  no option redispatch",
    "  timeout connect 1s",
    `  timeout check ${CHECK_TIMEOUT_MILLIS}ms`,
    "  timeout client 30m",
    "  timeout server 30m",
    "",
    "# From the load balancer.",
    "frontend fleet",
    "  mode http",
    "  option httplog",
    "  option forwardfor if-none",
    "  timeout http-request 10s",
    "  timeout client 65s",
    `  bind :${PORTS.fleetHttp}`,
    `  use_backend active if { path ${ACTIVE_PATH} }`,
    "  default_backend tomcat",
    "",
    "backend tomcat",
    "  mode http",
    "  timeout server 60s",
    `  option httpchk GET ${HEALTH_PATH}`,
    "  http-check expect status 200",
    `  server tomcat 127.0.0.1:${PORTS.tomcat} check inter 2s fall 2 rise 1`,
    "",
    "# 200 only from the guard of a leader that is open under both its leases; otherwise 503. Only the check for",
    "# the writes below asks: each question costs a guard a TLS handshake.",
    "backend active",
    "  mode http",
    "  timeout server 2s",
    `  default-server ssl ${TLS}`,
    ...own.databaseNodes.map((node) => server(node, PORTS.guard, `track postgres-write/${node.name}`)),
    "",
    "# Writes: the leader, wherever it is. The other region's nodes count only when none of this region leads:",
    "# servers of a region that has just been fenced keep working across the link while clients move.",
    "listen postgres-write",
    ...TCP.listen,
    `  bind 127.0.0.1:${DATABASE_FRONTS.write}`,
    `  option httpchk GET ${ACTIVE_PATH}`,
    "  http-check expect status 200",
    `  default-server ${checked(PORTS.guard)}`,
    ...own.databaseNodes.map((node) => server(node, PORTS.postgres)),
    ...other.databaseNodes.map((node) => server(node, PORTS.postgres, farPace, "backup")),
    "",
    "# Reads that may be a moment old: any replica of this region; while there is none, the leader.",
    "frontend postgres-read",
    ...TCP.frontend,
    `  bind 127.0.0.1:${DATABASE_FRONTS.read}`,
    "  use_backend postgres-replicas if { nbsrv(postgres-replicas) gt 0 }",
    "  default_backend postgres-write",
    "",
    "backend postgres-replicas",
    ...TCP.backend,
    "  balance leastconn",
    "  option httpchk OPTIONS /replica",
    "  http-check expect status 200",
    `  default-server ${checked(PORTS.patroni)}`,
    ...membersOf(own).map((node) => server(node, PORTS.postgres)),
    "",
  ];
  return lines.join("\n");
}

/** Keep-alive on both sides, to detect a peer that vanished silently. */
const TCP = {
  listen: ["  mode tcp", "  option tcplog", "  option clitcpka", "  option srvtcpka"],
  frontend: ["  mode tcp", "  option tcplog", "  option clitcpka"],
  backend: ["  mode tcp", "  option srvtcpka"],
} as const;
