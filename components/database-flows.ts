/**
 * Who may open a connection to a database node, and on which ports: the one table from which the
 * security groups and the data subnets' network ACL follow. No Pulumi here.
 */

import { type Contract, otherRegion, PORTS } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";

export type Port = keyof typeof PORTS;
export type Caller = "database" | "tomcat" | "otherDatabase" | "otherTomcat";

/** Ports of a database node by who calls. etcd never leaves the region; a guard tells the other one's servers who leads. */
export const DATABASE_FLOWS: Readonly<Record<Caller, readonly Port[]>> = {
  database: ["postgres", "patroni", "guard", "etcdClient", "etcdPeer", "pgbackrest"],
  tomcat: ["postgres", "patroni", "guard"],
  otherDatabase: ["postgres", "patroni"],
  otherTomcat: ["postgres", "guard"],
};

/** Linux's `ip_local_port_range`: where replies to our own connections arrive. Images must not widen it. */
const EPHEMERAL = { from: 32_768, to: 60_999 } as const;

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface AclRule {
  readonly ruleNo: number;
  readonly action: "allow";
  readonly protocol: "tcp" | "icmp";
  readonly cidrBlock: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

const ANYWHERE = "0.0.0.0/0";

/** Networks of each caller, as few blocks as the contract allows: a network ACL holds 20 rules a side. */
export function callerCidrs(contract: Contract, region: RegionId): Record<Caller, readonly string[]> {
  const own = contract[region];
  const other = contract[otherRegion(region)];
  return {
    database: [own.dataCidr],
    tomcat: own.privateCidrs,
    otherDatabase: [other.dataCidr],
    otherTomcat: other.privateCidrs,
  };
}

/** Numbers of the named ports, neighbours merged, lowest first. */
export function portRanges(ports: readonly Port[]): PortRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const number of ports.map((port) => PORTS[port]).sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number === last.to + 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges;
}

/**
 * Rules of the data subnets' network ACL. It is stateless, so each allowed connection needs its replies
 * too. AWS lets DNS, time and instance metadata pass in any case. Between the nodes of the region one line spans
 * all their ports, as there is no room for a line each: which of them are open, their security group says.
 */
export function dataNetworkAcl(
  contract: Contract,
  region: RegionId,
): { readonly ingress: readonly AclRule[]; readonly egress: readonly AclRule[] } {
  const cidrs = callerCidrs(contract, region);
  const callers = Object.keys(DATABASE_FLOWS) as Caller[];
  const rangesOf = (caller: Caller): PortRange[] => {
    const ranges = portRanges(DATABASE_FLOWS[caller]);
    return caller === "database" ? [spanOf(ranges)] : ranges;
  };
  const opened = (by: readonly Caller[]) =>
    by.flatMap((caller) =>
      cidrs[caller].flatMap((cidr) => rangesOf(caller).map((range) => tcp(cidr, range))),
    );
  return {
    ingress: numbered([
      ...opened(callers),
      // Replies to what the nodes ask: the AWS endpoints, which have public addresses (S3, DynamoDB), and
      // the nodes of both regions.
      tcp(ANYWHERE, EPHEMERAL),
      PATH_MTU,
    ]),
    egress: numbered([
      ...opened(["database", "otherDatabase"]),
      tcp(ANYWHERE, { from: 443, to: 443 }),
      ...callers.flatMap((caller) => cidrs[caller].map((cidr) => tcp(cidr, EPHEMERAL))),
      PATH_MTU,
    ]),
  };
}

const spanOf = (ranges: readonly PortRange[]): PortRange => ({
  from: Math.min(...ranges.map(({ from }) => from)),
  to: Math.max(...ranges.map(({ to }) => to)),
});

type UnnumberedRule = Omit<AclRule, "ruleNo">;

/**
 * "Fragmentation needed": the path between the regions carries smaller packets than a network of one
 * region does, and without this message large ones vanish.
 */
const PATH_MTU: UnnumberedRule = {
  action: "allow",
  protocol: "icmp",
  cidrBlock: ANYWHERE,
  fromPort: 0,
  toPort: 0,
  icmpType: 3,
  icmpCode: 4,
};

const tcp = (cidrBlock: string, { from, to }: PortRange): UnnumberedRule => ({
  action: "allow",
  protocol: "tcp",
  cidrBlock,
  fromPort: from,
  toPort: to,
});

const numbered = (rules: readonly UnnumberedRule[]): AclRule[] =>
  rules.map((rule, i) => ({ ruleNo: 100 + 10 * i, ...rule }));
