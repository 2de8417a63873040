import { beforeAll, expect, test } from "vitest";
import { SecurityGroups } from "../../components/security-groups.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recorded, type Recording, record } from "../support/recorder.js";

let groups: Recording;
beforeAll(async () => {
  const settings = parseSharedSettings("prod", BASE_SETTINGS);
  groups = await record(() => {
    const provider = awsProvider(settings, "eu-west-1");
    const contract = contractOf(settings, ACCOUNT_ID);
    new SecurityGroups("access", { contract, region: "home", vpcId: "vpc-1" }, { provider });
    return {};
  });
});

/** A rule as `group ports peer`, e.g. `database 5432 tomcat`. */
const line = ({ inputs: r }: Recorded) => {
  const short = (id: string) => id.replace(/^access-(.*)-id$/, "$1");
  const ports = r.fromPort === r.toPort ? r.fromPort : `${r.fromPort}-${r.toPort}`;
  return `${short(r.securityGroupId)} ${ports} ${r.cidrIpv4 ?? short(r.referencedSecurityGroupId)}`;
};
const rules = (direction: "Ingress" | "Egress", protocol: string) =>
  groups
    .ofType(`aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`)
    .filter(({ inputs }) => inputs.ipProtocol === protocol);
const lines = (direction: "Ingress" | "Egress") => rules(direction, "tcp").map(line).sort();

test("what comes in: the whole list", () => {
  expect(lines("Ingress")).toEqual(
    [
      "lb 443 0.0.0.0/0",
      "lb 80 0.0.0.0/0",
      "tomcat 8081 lb",
      "database 5432 tomcat",
      "database 8008-8009 tomcat",
      "database 2379-2380 database",
      "database 5432 database",
      "database 8008-8009 database",
      "database 8432 database",
      // The other region: its nodes ask Patroni, its Tomcats in three private subnets ask the guard.
      ...["10.20.200.0/22", "10.20.16.0/20", "10.20.32.0/20", "10.20.48.0/20"].flatMap((cidr) => [
        `database 5432 ${cidr}`,
        `database ${cidr.endsWith("/22") ? 8008 : 8009} ${cidr}`,
      ]),
    ].sort(),
  );
});

test("what goes out: the whole list", () => {
  expect(lines("Egress")).toEqual(
    [
      "lb 8081 tomcat",
      "tomcat 443 0.0.0.0/0",
      "tomcat 5432 database",
      "tomcat 8008-8009 database",
      "tomcat 5432 10.20.200.0/22",
      "tomcat 8009 10.20.200.0/22",
      "database 443 0.0.0.0/0",
      "database 2379-2380 database",
      "database 5432 database",
      "database 8008-8009 database",
      "database 8432 database",
      "database 5432 10.20.200.0/22",
      "database 8008 10.20.200.0/22",
    ].sort(),
  );
});

test("a message that a packet was too large for the path reaches every machine that sends across the link", () => {
  expect(
    rules("Ingress", "icmp")
      .map(({ inputs }) => [inputs.securityGroupId, inputs.fromPort, inputs.toPort])
      .sort(),
  ).toEqual([
    // Destination unreachable (3), fragmentation needed (4).
    ["access-database-id", 3, 4],
    ["access-tomcat-id", 3, 4],
  ]);
  expect(rules("Egress", "icmp")).toEqual([]);
});

test("no rule is inside a group, where it would conflict with the separate ones", () => {
  for (const { inputs } of groups.ofType("aws:ec2/securityGroup:SecurityGroup")) {
    expect(inputs.ingress).toBeUndefined();
    expect(inputs.egress).toBeUndefined();
  }
});

test("descriptions keep to the characters that EC2 accepts (no apostrophe)", () => {
  const described = groups.resources.filter((r) => r.inputs.description !== undefined);
  expect(described.length).toBeGreaterThan(20);
  for (const { name, inputs } of described)
    expect(inputs.description, name).toMatch(/^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]{1,255}$/);
});
