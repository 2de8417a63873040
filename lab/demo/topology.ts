/** A picture of what is deployed, in characters, drawn from the stacks' state alone. 78 columns. */
import type { Deployment } from "@pulumi/pulumi/automation/index.js";
import type { Props } from "../providers/values.js";

interface StateResource {
  readonly type: string;
  readonly urn: string;
  readonly inputs?: Props;
  readonly outputs?: Props;
}

export interface RegionPicture {
  readonly stack: string;
  readonly region: string;
  readonly hostname: string;
  readonly cidr: string;
  readonly epoch: string;
  readonly fleet: string;
  readonly nodes: readonly string[];
}

export interface GlobalPicture {
  readonly service: string;
  readonly primary: string;
  readonly claimTable: string;
  readonly vaults: readonly string[];
  readonly trail: string;
}

const of = (state: Deployment, type: string): StateResource[] =>
  ((state.deployment.resources ?? []) as StateResource[]).filter((resource) => resource.type === type);

const outputs = (resource: StateResource | undefined): Props => resource?.outputs ?? {};

export function regionPicture(stack: string, state: Deployment): RegionPicture {
  const claims = of(state, "aws:dynamodb/tableItem:TableItem");
  const groups = of(state, "aws:autoscaling/group:Group").map(outputs);
  // The fleet's group has a load balancer's targets. A database node's names zones (its interface is fixed), all others subnets.
  const fleet = groups.find(({ targetGroupArns }) => targetGroupArns?.length > 0) ?? {};
  const running = groups.filter(
    ({ vpcZoneIdentifiers, maxSize }) => !vpcZoneIdentifiers?.length && maxSize > 0,
  ).length;
  const interfaces = of(state, "aws:ec2/networkInterface:NetworkInterface").map(outputs);
  const vpc = outputs(of(state, "aws:ec2/vpc:Vpc")[0]);
  return {
    stack,
    region: vpc.region,
    cidr: vpc.cidrBlock,
    hostname: outputs(of(state, "aws:route53/record:Record")[0]).name,
    epoch: claims.map(({ urn }) => urn.split("claim-").at(-1)).join(", ") || "none",
    fleet: fleet.minSize === undefined ? "none" : `${fleet.minSize} to ${fleet.maxSize} Tomcat servers`,
    nodes: interfaces
      .map(({ privateIp, privateIps }) => privateIp ?? privateIps?.[0])
      .toSorted()
      .map((address) => `PostgreSQL ${address}${running === 0 ? " (not running)" : ""}`),
  };
}

export function globalPicture(state: Deployment): GlobalPicture {
  const records = of(state, "aws:route53/record:Record").map(outputs);
  const primary =
    records.find(({ failoverRoutingPolicies }) => failoverRoutingPolicies?.[0]?.type === "PRIMARY") ?? {};
  const replicated = of(state, "aws:s3/bucketReplicationConfig:BucketReplicationConfig").map(
    (one) => outputs(one).bucket,
  );
  return {
    service: primary.name,
    primary: primary.records?.[0],
    claimTable: outputs(of(state, "aws:dynamodb/table:Table")[0]).name,
    vaults: replicated,
    trail: outputs(of(state, "aws:cloudtrail/trail:Trail")[0]).name,
  };
}

const WIDTH = 36;

/** @returns lines of at most 78 columns. */
export function topology(global: GlobalPicture, left: RegionPicture, right: RegionPicture): string {
  const [a, b] = [box(left), box(right)];
  const height = Math.max(a.length, b.length);
  const vault = (region: string) =>
    global.vaults.find((name) => name?.endsWith(region)) ? "vault, locked" : "";
  const rows = Array.from(
    { length: height },
    (_, i) => `${(a[i] ?? "").padEnd(WIDTH)}  ${i === 3 ? "◀▶" : "  "}  ${b[i] ?? ""}`,
  );
  return [
    center(global.service, 2 * WIDTH + 6),
    center("PRIMARY ┌────────┴────────┐ SECONDARY", 2 * WIDTH + 6),
    ...rows,
    `${center(vault(left.region), WIDTH)}  ◀▶  ${center(vault(right.region), WIDTH)}`.trimEnd(),
    center(`claims: ${global.claimTable} · audit trail: ${global.trail}`, 2 * WIDTH + 6),
  ].join("\n");
}

function box({ stack, region, hostname, cidr, epoch, fleet, nodes }: RegionPicture): string[] {
  const inner = WIDTH - 4;
  const line = (text: string) => `│ ${text.slice(0, inner).padEnd(inner)} │`;
  const title = ` ${stack} · ${region} `;
  return [
    `┌─${title}${"─".repeat(WIDTH - 3 - title.length)}┐`,
    line(hostname),
    line(fleet),
    line(`VPC ${cidr}`),
    ...nodes.map(line),
    line(`claimed epoch: ${epoch}`),
    `└${"─".repeat(WIDTH - 2)}┘`,
  ];
}

function center(text: string, width: number): string {
  return `${" ".repeat(Math.max(0, Math.floor((width - text.length) / 2)))}${text}`;
}
