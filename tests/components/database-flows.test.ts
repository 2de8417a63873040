import { describe, expect, test } from "vitest";
import { type AclRule, dataNetworkAcl, portRanges } from "../../components/database-flows.js";
import { contractOf, PORTS } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), "123456789012");
const tcpTo = (rules: readonly AclRule[], cidr: string, port: number) =>
  rules.some((r) => r.protocol === "tcp" && r.cidrBlock === cidr && r.fromPort <= port && port <= r.toPort);

test("neighbouring ports become one range", () => {
  expect(portRanges(["guard", "postgres", "patroni"])).toEqual([
    { from: 5432, to: 5432 },
    { from: 8008, to: 8009 },
  ]);
});

describe.each(["home", "recovery"] as const)("network ACL of the data subnets, %s", (id) => {
  const { ingress, egress } = dataNetworkAcl(contract, id);
  const own = contract[id];
  const other = contract[id === "home" ? "recovery" : "home"];

  test("fits AWS's quota of 20 rules a side, of which one is AWS's own", () => {
    expect(ingress.length).toBeLessThanOrEqual(19);
    expect(egress.length).toBeLessThanOrEqual(19);
    expect(new Set(ingress.map((r) => r.ruleNo)).size).toBe(ingress.length);
  });

  test("PostgreSQL is open to both regions' database and Tomcat subnets, and so is who says that it leads", () => {
    for (const cidr of [own.dataCidr, ...own.privateCidrs, other.dataCidr, ...other.privateCidrs]) {
      expect(tcpTo(ingress, cidr, PORTS.postgres), cidr).toBe(true);
    }
    for (const cidr of [...own.privateCidrs, ...other.privateCidrs]) {
      expect(tcpTo(ingress, cidr, PORTS.guard), cidr).toBe(true);
    }
    expect(tcpTo(ingress, other.dataCidr, PORTS.patroni)).toBe(true);
  });

  test("etcd is open to the region's own nodes only", () => {
    expect(tcpTo(ingress, own.dataCidr, PORTS.etcdPeer)).toBe(true);
    for (const cidr of [...own.privateCidrs, other.dataCidr, ...other.privateCidrs]) {
      expect(tcpTo(ingress, cidr, PORTS.etcdClient), cidr).toBe(false);
      expect(tcpTo(ingress, cidr, PORTS.etcdPeer), cidr).toBe(false);
    }
  });

  test("so is pgBackRest's server", () => {
    expect(tcpTo(ingress, own.dataCidr, PORTS.pgbackrest)).toBe(true);
    expect(tcpTo(egress, own.dataCidr, PORTS.pgbackrest)).toBe(true);
    for (const cidr of [...own.privateCidrs, other.dataCidr, ...other.privateCidrs])
      expect(tcpTo(ingress, cidr, PORTS.pgbackrest), cidr).toBe(false);
  });

  test("the public subnets are not named, and from anywhere come only replies", () => {
    const named = ingress.map((r) => r.cidrBlock);
    for (const cidr of [...own.publicCidrs, ...other.publicCidrs]) expect(named).not.toContain(cidr);
    expect(ingress.filter((r) => r.cidrBlock === "0.0.0.0/0" && r.protocol === "tcp")).toEqual([
      expect.objectContaining({ fromPort: 32_768, toPort: 60_999 }),
    ]);
    for (const port of Object.values(PORTS)) expect(tcpTo(ingress, "0.0.0.0/0", port)).toBe(false);
  });

  test("out go HTTPS, the nodes of both regions and replies, nothing else", () => {
    expect(egress.filter((r) => r.cidrBlock === "0.0.0.0/0" && r.protocol === "tcp")).toEqual([
      expect.objectContaining({ fromPort: 443, toPort: 443 }),
    ]);
    expect(tcpTo(egress, other.dataCidr, PORTS.postgres)).toBe(true);
    for (const cidr of [...own.privateCidrs, ...other.privateCidrs]) {
      expect(tcpTo(egress, cidr, 40_000), cidr).toBe(true);
      expect(tcpTo(egress, cidr, PORTS.tomcat), cidr).toBe(false);
    }
  });

  test("the message that keeps large packets from vanishing passes", () => {
    for (const rules of [ingress, egress])
      expect(rules).toContainEqual(expect.objectContaining({ protocol: "icmp", icmpType: 3, icmpCode: 4 }));
  });
});
