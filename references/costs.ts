/**
 * The text of `docs/costs.md`: what AWS bills for, counted from the recorded inventories of the stacks with their
 * default settings (`tests/golden/`). `npx dr docs` writes it.
 *
 * Quantities, no price list: prices differ by region and change. `unclassified` names every resource type that this
 * page doesn't know yet, so that a new billed part can't be left out in silence.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { REPO } from "../common/paths.js";
import { regionSize } from "../components/sizing.js";
import { parseRegionSettings } from "../settings/parse.js";
import type { RegionSettings } from "../settings/schema.js";

/** One resource of a recorded stack. */
export interface Item {
  readonly name: string;
  readonly type: string;
  readonly inputs: Inputs;
}

/** The inputs that the page reads. */
interface Inputs {
  readonly replicas?: readonly unknown[];
  readonly blockDeviceMappings?: readonly { readonly ebs: { readonly volumeSize: number } }[];
}

export interface Inventories {
  /** One region; the other is the same but for names and addresses. */
  readonly region: readonly Item[];
  readonly global: readonly Item[];
  readonly link: readonly Item[];
}

/** The three settings without a default. Their values change no quantity. */
const REQUIRED = {
  domain: "example.com",
  regions: { home: "eu-west-1", recovery: "eu-central-1", witness: "eu-west-3" },
  contacts: [{ severity: "page", protocol: "email", endpoint: "team@example.com" }],
};

const STATES = [
  { title: "standby `cold`", site: "cold", epoch: 0 },
  { title: "standby `warm`", site: "warm", epoch: 0 },
  { title: "standby `hot`", site: "hot", epoch: 0 },
  { title: "active", site: "warm", epoch: 1 },
] as const;

/** Types that the page counts, or names as billed by use. */
const BILLED: readonly string[] = [
  "aws:autoscaling/group:Group",
  "aws:backup/plan:Plan",
  "aws:backup/restoreTestingPlan:RestoreTestingPlan",
  "aws:backup/vault:Vault",
  "aws:cloudtrail/trail:Trail",
  "aws:cloudwatch/compositeAlarm:CompositeAlarm",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:dynamodb/table:Table",
  "aws:ebs/volume:Volume",
  "aws:ec2/eip:Eip",
  "aws:ec2/flowLog:FlowLog",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
  "aws:kms/key:Key",
  "aws:kms/replicaKey:ReplicaKey",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:route53/healthCheck:HealthCheck",
  "aws:route53/zone:Zone",
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
  "aws:secretsmanager/secret:Secret",
];

/** Types that cost nothing by themselves, or cents: settings of something else, requests, messages, rights. */
const FREE: readonly string[] = [
  "aws:acm/certificate:Certificate",
  "aws:acm/certificateValidation:CertificateValidation",
  "aws:autoscaling/policy:Policy",
  "aws:backup/restoreTestingSelection:RestoreTestingSelection",
  "aws:backup/selection:Selection",
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
  "aws:cloudwatch/eventRule:EventRule",
  "aws:cloudwatch/eventTarget:EventTarget",
  "aws:dynamodb/tableItem:TableItem",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/networkAcl:NetworkAcl",
  "aws:ec2/networkInterface:NetworkInterface",
  "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
  "aws:ec2/route:Route",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  // Gateway endpoints; interface endpoints exist with `network.egress: endpoints` only.
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
  "aws:iam/instanceProfile:InstanceProfile",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:kms/alias:Alias",
  "aws:lb/listener:Listener",
  "aws:lb/targetGroup:TargetGroup",
  "aws:route53/record:Record",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketVersioning:BucketVersioning",
  "aws:scheduler/schedule:Schedule",
  "aws:secretsmanager/secretVersion:SecretVersion",
  "aws:sns/topic:Topic",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sns/topicSubscription:TopicSubscription",
  "aws:ssm/document:Document",
  "aws:ssm/parameter:Parameter",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
];

/** Resource types that are neither billed nor free here: the page must say for each which it is. */
export function unclassified(inventories: Inventories): string[] {
  const types = Object.values(inventories).flatMap((items: readonly Item[]) => items.map(({ type }) => type));
  const known = new Set([...BILLED, ...FREE]);
  return [...new Set(types)].filter((type) => type.startsWith("aws:") && !known.has(type)).sort();
}

/** Round figures for an order of magnitude, in USD; not a price list. */
export const ASSUMED = {
  machineHour: 0.1,
  natGatewayHour: 0.045,
  publicAddressHour: 0.005,
  gibMonth: 0.1,
  hoursPerMonth: 730,
} as const;

export interface RegionQuantities {
  readonly databaseNodes: number;
  readonly tomcatServers: number;
  /** Most that target tracking may run. */
  readonly tomcatMost: number;
  readonly dataVolumes: number;
  readonly natGateways: number;
  readonly loadBalancers: number;
  readonly publicAddresses: number;
  readonly metricAlarms: number;
  readonly compositeAlarms: number;
}

const count = (items: readonly Item[], type: string): number =>
  items.filter((item) => item.type === type).length;

/** What one region runs in one state. A promotion changes machines only, so the rest is the recorded region's. */
export function regionQuantities(
  items: readonly Item[],
  settings: RegionSettings,
  state: Pick<RegionSettings, "epoch" | "site">,
): RegionQuantities {
  const { machinesPerNode, fleet } = regionSize({ ...settings, ...state, yieldedTo: 0 });
  const loadBalancers = count(items, "aws:lb/loadBalancer:LoadBalancer");
  const zones = count(items, "aws:ec2/natGateway:NatGateway");
  return {
    databaseNodes: machinesPerNode * count(items, "aws:ebs/volume:Volume"),
    tomcatServers: fleet.min,
    tomcatMost: fleet.max,
    dataVolumes: count(items, "aws:ebs/volume:Volume"),
    natGateways: zones,
    loadBalancers,
    // The load balancer has one in each of its zones.
    publicAddresses: count(items, "aws:ec2/eip:Eip") + loadBalancers * zones,
    metricAlarms: count(items, "aws:cloudwatch/metricAlarm:MetricAlarm"),
    compositeAlarms: count(items, "aws:cloudwatch/compositeAlarm:CompositeAlarm"),
  };
}

/** Machines, volumes, NAT gateways and addresses only, by the round figures in `ASSUMED`. */
export function usdPerMonth(q: RegionQuantities, dataGib: number, rootGib: number): number {
  const machines = q.databaseNodes + q.tomcatServers;
  const perHour =
    machines * ASSUMED.machineHour +
    q.natGateways * ASSUMED.natGatewayHour +
    q.publicAddresses * ASSUMED.publicAddressHour;
  const gib = q.dataVolumes * dataGib + machines * rootGib;
  return perHour * ASSUMED.hoursPerMonth + gib * ASSUMED.gibMonth;
}

export function readInventories(): Inventories {
  return { region: readInventory("prod"), global: readInventory("global"), link: readInventory("link") };
}

function readInventory(stack: string): Item[] {
  const entries: Record<string, { type: string; inputs?: Inputs }>[] = parse(
    readFileSync(join(REPO, "tests/golden", `${stack}.yaml`), "utf8"),
  );
  return entries
    .flatMap((entry) => Object.entries(entry))
    .map(([name, { type, inputs = {} }]) => ({ name, type, inputs }));
}

export function costsReference(): string {
  const { region, global } = readInventories();
  const settings = parseRegionSettings("prod", REQUIRED);
  const { database, fleet, restoreTest, volumeBackup, backup, network } = settings;
  const rootGib = rootVolumeGib(region);
  const all = STATES.map((state) => regionQuantities(region, settings, state));
  const row = (what: string, cell: (q: RegionQuantities) => string | number) =>
    `| ${what} | ${all.map(cell).join(" | ")} |`;
  const machines = ({ databaseNodes, tomcatServers }: RegionQuantities) => databaseNodes + tomcatServers;
  const keys = count(global, "aws:kms/key:Key") + count(global, "aws:kms/replicaKey:ReplicaKey");
  const secrets = global.filter(({ type }) => type === "aws:secretsmanager/secret:Secret");
  const copies = secrets.reduce((sum, { inputs }) => sum + (inputs.replicas?.length ?? 0), 0);
  const hundreds = (usd: number) => (Math.round(usd / 100) * 100).toLocaleString("en");
  const usd = all.map((q) => usdPerMonth(q, database.volumeGib, rootGib));
  const [, warm = 0, , active = 0] = usd;
  return [
    "<!-- Generated by `npx dr docs` from references/costs.ts. Don't edit. -->",
    "# What AWS bills for",
    "",
    "Quantities, counted from the recorded inventories of the stacks with default settings. Prices differ by region and change:",
    "take them from the [AWS Pricing Calculator](https://calculator.aws/). The stacks never ran in a real account, so no bill has",
    "confirmed this page.",
    "",
    "## One region",
    "",
    `| billed | ${STATES.map(({ title }) => title).join(" | ")} |`,
    `|-|${STATES.map(() => "-:|").join("")}`,
    row(`${database.instanceType}, database nodes`, (q) => q.databaseNodes),
    row(`${fleet.instanceType}, Tomcat servers (most under load)`, (q) =>
      q.tomcatMost > 0 ? `${q.tomcatServers} (${q.tomcatMost})` : 0,
    ),
    row(
      `${database.instanceType} with ${database.volumeGib} GiB, restore machine: starts every ${restoreTest.everyHours} h, ends after its test`,
      () => 1,
    ),
    row(`${rootGib} GiB gp3, root volumes of the running machines`, machines),
    row(`${database.volumeGib} GiB gp3, data volumes`, (q) => q.dataVolumes),
    row("NAT gateways, by hour and GB", (q) => q.natGateways),
    row("application load balancer", (q) => q.loadBalancers),
    row("public IPv4 addresses", (q) => q.publicAddresses),
    row("CloudWatch metric alarms", (q) => q.metricAlarms),
    row("CloudWatch composite alarms", (q) => q.compositeAlarms),
    row("machines with detailed monitoring and custom metrics", machines),
    "",
    `A cold site keeps its volumes, network and alarms; only its machines don't run. With \`network.egress: endpoints\` a region has interface`,
    "endpoints in each zone instead of NAT gateways. `fleet.reserveCapacity` adds a reservation for the full fleet, paid for while it is idle.",
    "",
    "By use, in each region:",
    "",
    `- AWS Backup: a snapshot a day of each data volume, kept for ${volumeBackup.keepDays} days here and as a copy in the other region, and a restore test every ${volumeBackup.restoreTestDays} days.`,
    `- VPC flow logs, by GB, kept for ${network.flowLogRetentionDays} days.`,
    "- Traffic: between zones, to the internet, through NAT gateways and load balancer; replication to the other region over the peering connection (stack `link`).",
    "",
    "## Global, once",
    "",
    "| billed | quantity |",
    "|-|-:|",
    `| KMS keys, replicas included | ${keys} |`,
    `| secrets (${secrets.length}) and their copies in the other region (${copies}) | ${secrets.length + copies} |`,
    `| HTTPS health checks with an interval of 10 s | ${count(global, "aws:route53/healthCheck:HealthCheck")} |`,
    `| hosted zone | ${count(global, "aws:route53/zone:Zone")} |`,
    `| CloudWatch metric alarms | ${count(global, "aws:cloudwatch/metricAlarm:MetricAlarm")} |`,
    `| DynamoDB global table, on demand, in two regions with a witness in a third | ${count(global, "aws:dynamodb/table:Table")} |`,
    `| CloudTrail trail with data events of vaults, runbooks and claims | ${count(global, "aws:cloudtrail/trail:Trail")} |`,
    `| S3 buckets (storage, requests) | ${count(global, "aws:s3/bucket:Bucket")} |`,
    `| S3 replications with time control (storage, traffic) | ${count(global, "aws:s3/bucketReplicationConfig:BucketReplicationConfig")} |`,
    `| vaults of AWS Backup (storage) | ${count(global, "aws:backup/vault:Vault")} |`,
    "",
    `Each S3 vault holds the backups of both regions for \`backup.retentionDays\` (${backup.retentionDays}), locked for \`backup.lockDays\` (${backup.lockDays}).`,
    "What that comes to: [vault-cost.md](vault-cost.md).",
    "",
    "## Order of magnitude",
    "",
    `An active and a warm region together: about **${hundreds(active + warm)} USD a month**. A region alone:`,
    "",
    "| | USD a month |",
    "|-|-:|",
    ...STATES.map(({ title }, i) => `| ${title} | ${hundreds(usd[i] ?? 0)} |`),
    "",
    "This counts only machines, volumes, NAT gateways and public addresses, on demand, without a discount, at round figures that we assume:",
    `${ASSUMED.machineHour} USD an hour for a machine of these two sizes, ${ASSUMED.natGatewayHour} for a NAT gateway, ${ASSUMED.publicAddressHour} for a public address, ${ASSUMED.gibMonth} USD a month for a GiB of a volume,`,
    `${ASSUMED.hoursPerMonth} hours a month. Traffic, backups, the restore machine and everything else above come on top.`,
    "",
  ].join("\n");
}

/** Of every machine: their launch templates agree, which a page that gives one figure must rely on. */
function rootVolumeGib(items: readonly Item[]): number {
  const sizes = new Set(
    items
      .filter(({ type }) => type === "aws:ec2/launchTemplate:LaunchTemplate")
      .flatMap(({ inputs }) => inputs.blockDeviceMappings?.slice(0, 1) ?? [])
      .map(({ ebs }) => ebs.volumeSize),
  );
  const [size] = sizes;
  if (size === undefined || sizes.size > 1)
    throw new Error(`root volumes differ: ${[...sizes].join(", ")} GiB. docs/costs.md gives one figure.`);
  return size;
}
