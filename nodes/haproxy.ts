/**
 * haproxy.cfg beside each Tomcat: finds the leader by asking Patroni twice a second. A load balancer of
 * AWS between application and database would need ten seconds for the same.
 */
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { ACTIVE_PATH, type Contract, HEALTH_PATH, otherRegion, PORTS } from "../stacks/contract.js";

/** Local ports that Tomcat connects to. */
export const DATABASE_FRONTS = { write: 5432, read: 5433 } as const;

export function renderHaproxy(_settings: SharedSettings, contract: Contract, region: RegionId): string {
  const own = contract[region].databaseNodes;
  const other = contract[otherRegion(region)].databaseNodes;
  const database = (suffix = "") => [
    ...own.map(({ name, address }) => `  server ${name} ${address}:${PORTS.postgres}${suffix}`),
    // Only when no node of this region answers: servers of a region that has just been fenced keep
    // working across the link while clients move.
    ...other.map(({ name, address }) => `  server ${name} ${address}:${PORTS.postgres}${suffix} backup`),
  ];
  const patroniCheck = `  default-server check port ${PORTS.patroni} inter 500ms fastinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions`;
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
    "  retries 0",
    "  timeout connect 1s",
    "  timeout check 1s",
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
    "# 200 only from the guard of a leader that is open under both its leases; nobody else: 503.",
    "backend active",
    "  mode http",
    "  timeout server 2s",
    `  option httpchk GET ${ACTIVE_PATH}`,
    "  http-check expect status 200",
    "  default-server check inter 500ms fastinter 250ms fall 2 rise 1",
    ...own.map(({ name, address }) => `  server ${name} ${address}:${PORTS.guard}`),
    "",
    "# Writes: the leader, wherever it is.",
    "listen postgres-write",
    "  mode tcp",
    "  option tcplog",
    "  option clitcpka",
    "  option srvtcpka",
    `  bind 127.0.0.1:${DATABASE_FRONTS.write}`,
    "  option httpchk OPTIONS /primary",
    "  http-check expect status 200",
    patroniCheck,
    ...database(),
    "",
    "# Reads that may be a moment old: any replica.",
    "listen postgres-read",
    "  mode tcp",
    "  option tcplog",
    "  option clitcpka",
    "  option srvtcpka",
    `  bind 127.0.0.1:${DATABASE_FRONTS.read}`,
    "  balance leastconn",
    "  option httpchk OPTIONS /replica",
    "  http-check expect status 200",
    patroniCheck,
    ...database(),
    "",
  ];
  return lines.join("\n");
}
