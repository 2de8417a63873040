/**
 * Route 53 zones and health checks. Records: `route53-record.ts`.
 *
 * The emulator doesn't: answer DNS; probe a health check; drop a field of a health check once it was set;
 * tell its children or regions (only that there are some).
 */

import { randomUUID } from "node:crypto";
import {
  AssociateVPCWithHostedZoneCommand,
  ChangeResourceRecordSetsCommand,
  ChangeTagsForResourceCommand,
  CreateHealthCheckCommand,
  CreateHostedZoneCommand,
  DeleteHealthCheckCommand,
  DeleteHostedZoneCommand,
  DisassociateVPCFromHostedZoneCommand,
  GetHealthCheckCommand,
  GetHostedZoneCommand,
  type HealthCheckConfig,
  ListTagsForResourceCommand,
  Route53Client,
  type TagResourceType,
  UpdateHealthCheckCommand,
  UpdateHostedZoneCommentCommand,
} from "@aws-sdk/client-route-53";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, type Tagging, tagItems, tagMap, told } from "./read-back.js";
import { recordsOf, route53RecordHandlers } from "./route53-record.js";
import { tagsFound } from "./tags.js";

/** Route 53's control plane is in us-east-1, whatever the region of the provider. */
const client = (aws: AwsContext) => aws.client(Route53Client, "us-east-1");

const tagging = (ResourceType: TagResourceType): Tagging => ({
  put: (aws, ResourceId, tags) =>
    client(aws).send(new ChangeTagsForResourceCommand({ ResourceType, ResourceId, AddTags: tagItems(tags) })),
  drop: (aws, ResourceId, RemoveTagKeys) =>
    client(aws).send(new ChangeTagsForResourceCommand({ ResourceType, ResourceId, RemoveTagKeys })),
});
const zoneTagging = tagging("hostedzone");
const checkTagging = tagging("healthcheck");

/** Neither create takes tags. */
const firstTags = async (kind: Tagging, aws: AwsContext, id: string, inputs: Props) => {
  const tags = aws.allTags(inputs);
  if (Object.keys(tags).length > 0) await kind.put(aws, id, tags);
};

const tagsOf = async (aws: AwsContext, ResourceType: TagResourceType, ResourceId: string, known: Props) => {
  const found = await client(aws).send(new ListTagsForResourceCommand({ ResourceType, ResourceId }));
  return tagsFound(aws, tagMap(found.ResourceTagSet?.Tags), known);
};

const zone: AwsHandler = readBack({
  name: false,
  replaceOn: ["name", "delegationSetId"],
  async make(aws, inputs) {
    const [first] = inputs.vpcs ?? [];
    const { HostedZone } = await client(aws).send(
      new CreateHostedZoneCommand({
        Name: inputs.name,
        CallerReference: randomUUID(),
        DelegationSetId: inputs.delegationSetId,
        HostedZoneConfig: { Comment: inputs.comment ?? "Managed by Pulumi" },
        VPC: first && vpcOf(aws, first),
      }),
    );
    return bareId(HostedZone?.Id);
  },
  async complete(aws, id, inputs) {
    await firstTags(zoneTagging, aws, id, inputs);
    await syncVpcs(aws, id, inputs.vpcs ?? [], (inputs.vpcs ?? []).slice(0, 1));
  },
  async read(aws, id, known) {
    const found = await unlessGone(client(aws).send(new GetHostedZoneCommand({ Id: id })));
    if (!found?.HostedZone) return undefined;
    const vpcs = (found.VPCs ?? []).map(({ VPCId, VPCRegion }) => ({ vpcId: VPCId, vpcRegion: VPCRegion }));
    const nameServers = [...(found.DelegationSet?.NameServers ?? [])].sort();
    return {
      zoneId: id,
      arn: `arn:aws:route53:::hostedzone/${id}`,
      name: found.HostedZone.Name?.replace(/\.$/, ""),
      comment: found.HostedZone.Config?.Comment ?? "",
      nameServers,
      primaryNameServer: nameServers[0],
      ...(vpcs.length > 0 || known.vpcs ? { vpcs: inOrderOf(known.vpcs, vpcs, ({ vpcId }) => vpcId) } : {}),
      ...(await tagsOf(aws, "hostedzone", id, known)),
    };
  },
  async update(aws, id, news, olds) {
    await client(aws).send(
      new UpdateHostedZoneCommentCommand({ Id: id, Comment: news.comment ?? "Managed by Pulumi" }),
    );
    await syncVpcs(aws, id, news.vpcs ?? [], olds.vpcs ?? []);
  },
  tagging: zoneTagging,
  async delete(aws, id, state) {
    if (state.forceDestroy) await empty(aws, id, state.name);
    await unlessGone(client(aws).send(new DeleteHostedZoneCommand({ Id: id })));
  },
});

const bareId = (id: string | undefined): string => (id ?? "").replace(/^\/hostedzone\//, "");

const vpcOf = (aws: AwsContext, { vpcId, vpcRegion }: Props) => ({
  VPCId: vpcId as string,
  VPCRegion: vpcRegion ?? aws.region,
});

/** Adds before it removes: a private zone must keep one network. */
async function syncVpcs(aws: AwsContext, id: string, wanted: Props[], before: Props[]): Promise<void> {
  const isIn = (list: Props[], { vpcId }: Props) => list.some((other) => other.vpcId === vpcId);
  for (const vpc of wanted.filter((vpc) => !isIn(before, vpc))) {
    await client(aws).send(new AssociateVPCWithHostedZoneCommand({ HostedZoneId: id, VPC: vpcOf(aws, vpc) }));
  }
  for (const vpc of before.filter((vpc) => !isIn(wanted, vpc))) {
    await client(aws).send(
      new DisassociateVPCFromHostedZoneCommand({ HostedZoneId: id, VPC: vpcOf(aws, vpc) }),
    );
  }
}

/** Deletes all records but those that make the zone. */
async function empty(aws: AwsContext, zoneId: string, zoneName: string): Promise<void> {
  const spare = ((await recordsOf(aws, zoneId)) ?? []).filter(
    ({ Name, Type }) => !(["NS", "SOA"].includes(Type as string) && Name === `${zoneName}.`),
  );
  if (spare.length === 0) return;
  await client(aws).send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      ChangeBatch: {
        Changes: spare.map((ResourceRecordSet) => ({ Action: "DELETE", ResourceRecordSet })),
      },
    }),
  );
}

/** The provider's names of a health check's fields, and the API's. */
const FIELDS: Readonly<Record<string, keyof HealthCheckConfig>> = {
  type: "Type",
  fqdn: "FullyQualifiedDomainName",
  ipAddress: "IPAddress",
  port: "Port",
  resourcePath: "ResourcePath",
  searchString: "SearchString",
  requestInterval: "RequestInterval",
  failureThreshold: "FailureThreshold",
  measureLatency: "MeasureLatency",
  enableSni: "EnableSNI",
  invertHealthcheck: "Inverted",
  disabled: "Disabled",
  childHealthThreshold: "HealthThreshold",
  childHealthchecks: "ChildHealthChecks",
  insufficientDataHealthStatus: "InsufficientDataHealthStatus",
  regions: "Regions",
  routingControlArn: "RoutingControlArn",
};
/** What an update can't carry. */
const FIXED = ["type", "requestInterval", "measureLatency", "referenceName", "routingControlArn"];

function configOf(inputs: Props): Partial<HealthCheckConfig> {
  const fields = Object.entries(FIELDS).map(([ours, theirs]) => [theirs, inputs[ours]]);
  const { cloudwatchAlarmName: Name, cloudwatchAlarmRegion: Region } = inputs;
  return { ...told(Object.fromEntries(fields)), ...(Name && { AlarmIdentifier: { Name, Region } }) };
}

const healthCheck: AwsHandler = readBack({
  name: false,
  replaceOn: FIXED,
  async make(aws, inputs) {
    const { HealthCheck } = await client(aws).send(
      new CreateHealthCheckCommand({
        CallerReference: `${inputs.referenceName ?? "sandbox"}-${randomUUID()}`,
        HealthCheckConfig: configOf(inputs) as HealthCheckConfig,
      }),
    );
    return HealthCheck?.Id as string;
  },
  complete: (aws, id, inputs) => firstTags(checkTagging, aws, id, inputs),
  async read(aws, id, known) {
    const found = await unlessGone(client(aws).send(new GetHealthCheckCommand({ HealthCheckId: id })));
    if (!found?.HealthCheck) return undefined;
    const config = found.HealthCheck.HealthCheckConfig as HealthCheckConfig;
    const fields = Object.entries(FIELDS)
      .filter(([, theirs]) => !isUntold(config[theirs]))
      .map(([ours, theirs]) => [ours, config[theirs]]);
    return told({
      ...Object.fromEntries(fields),
      cloudwatchAlarmName: config.AlarmIdentifier?.Name,
      cloudwatchAlarmRegion: config.AlarmIdentifier?.Region,
      arn: `arn:aws:route53:::healthcheck/${id}`,
      ...(await tagsOf(aws, "healthcheck", id, known)),
    });
  },
  async update(aws, id, news) {
    const { Type, RequestInterval, MeasureLatency, RoutingControlArn, ...config } = configOf(news);
    await client(aws).send(new UpdateHealthCheckCommand({ HealthCheckId: id, ...config }));
  },
  tagging: checkTagging,
  delete: (aws, id) => unlessGone(client(aws).send(new DeleteHealthCheckCommand({ HealthCheckId: id }))),
});

/** The emulator answers each member of a list with nothing in it. */
const isUntold = (value: unknown): boolean =>
  Array.isArray(value) && value.some((member: unknown) => member === "");

export const route53Handlers: Record<string, AwsHandler> = {
  "aws:route53/healthCheck:HealthCheck": healthCheck,
  "aws:route53/zone:Zone": zone,
  ...route53RecordHandlers,
};
