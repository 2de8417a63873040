/** Route 53 records: plain, alias, and by failover, weight, latency, place or several answers. */
import {
  ChangeResourceRecordSetsCommand,
  GetHostedZoneCommand,
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandInput,
  type ResourceRecordSet,
  Route53Client,
} from "@aws-sdk/client-route-53";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, told } from "./read-back.js";

const client = (aws: AwsContext) => aws.client(Route53Client, "us-east-1");

const record: AwsHandler = readBack({
  name: false,
  replaceOn: ["zoneId", "name", "type", "setIdentifier"],
  async make(aws, inputs) {
    await change(aws, inputs.zoneId, inputs.allowOverwrite ? "UPSERT" : "CREATE", await setOf(aws, inputs));
    return [inputs.zoneId, inputs.name.toLowerCase(), inputs.type, inputs.setIdentifier]
      .filter((part) => part !== undefined)
      .join("_");
  },
  async read(aws, id, known) {
    const place = await placeOf(aws, id);
    const found = place && (await find(aws, place));
    if (!found) return undefined;
    const { Failover, Weight, Region, GeoLocation } = found;
    return {
      zoneId: place.zoneId,
      // The program may have left out the zone's name.
      name: known.name && full(known.name, place.zoneName) === place.fqdn ? known.name : place.fqdn,
      fqdn: place.fqdn,
      type: found.Type,
      ...told({
        ttl: found.TTL,
        setIdentifier: found.SetIdentifier,
        healthCheckId: found.HealthCheckId,
        multivalueAnswerRoutingPolicy: found.MultiValueAnswer,
      }),
      ...(found.ResourceRecords && {
        records: inOrderOf(
          known.records,
          found.ResourceRecords.map(({ Value }) => unquoted(found.Type, Value as string, known.records)),
        ),
      }),
      ...(found.AliasTarget && { aliases: [aliasOf(found.AliasTarget, known.aliases?.[0])] }),
      ...(Failover && { failoverRoutingPolicies: [{ type: Failover }] }),
      ...(Weight !== undefined && { weightedRoutingPolicies: [{ weight: Weight }] }),
      ...(Region && { latencyRoutingPolicies: [{ region: Region }] }),
      ...(GeoLocation && {
        geolocationRoutingPolicies: [
          told({
            continent: GeoLocation.ContinentCode,
            country: GeoLocation.CountryCode,
            subdivision: GeoLocation.SubdivisionCode,
          }),
        ],
      }),
    };
  },
  update: async (aws, _id, news) => change(aws, news.zoneId, "UPSERT", await setOf(aws, news)),
  async delete(aws, id) {
    const place = await placeOf(aws, id);
    const found = place && (await find(aws, place));
    if (found) await unlessGone(change(aws, place.zoneId, "DELETE", found));
  },
});

const change = (
  aws: AwsContext,
  HostedZoneId: string,
  Action: "CREATE" | "DELETE" | "UPSERT",
  set: ResourceRecordSet,
) =>
  client(aws).send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId,
      ChangeBatch: { Changes: [{ Action, ResourceRecordSet: set }] },
    }),
  );

async function setOf(aws: AwsContext, inputs: Props): Promise<ResourceRecordSet> {
  const [alias] = inputs.aliases ?? [];
  const [geo] = inputs.geolocationRoutingPolicies ?? [];
  return {
    Name: full(inputs.name, await zoneNameOf(aws, inputs.zoneId)),
    Type: inputs.type,
    TTL: inputs.ttl,
    SetIdentifier: inputs.setIdentifier,
    HealthCheckId: inputs.healthCheckId,
    ResourceRecords: inputs.records?.map((value: string) => ({ Value: quoted(inputs.type, value) })),
    AliasTarget: alias && {
      HostedZoneId: alias.zoneId,
      DNSName: alias.name,
      EvaluateTargetHealth: alias.evaluateTargetHealth,
    },
    Failover: inputs.failoverRoutingPolicies?.[0]?.type,
    Weight: inputs.weightedRoutingPolicies?.[0]?.weight,
    Region: inputs.latencyRoutingPolicies?.[0]?.region,
    GeoLocation: geo && {
      ContinentCode: geo.continent,
      CountryCode: geo.country,
      SubdivisionCode: geo.subdivision,
    },
    MultiValueAnswer: inputs.multivalueAnswerRoutingPolicy,
  };
}

/** Route 53 gives names back in lower case and with a dot at the end. */
function aliasOf(
  { DNSName = "", HostedZoneId, EvaluateTargetHealth }: Props,
  known: Props | undefined,
): Props {
  const bare = (name: string) => name.toLowerCase().replace(/\.$/, "");
  return {
    name: known && bare(known.name) === bare(DNSName) ? known.name : bare(DNSName),
    zoneId: HostedZoneId,
    evaluateTargetHealth: EvaluateTargetHealth ?? false,
  };
}

/** Route 53 has text in quotes, programs have it without. */
const QUOTED = ["TXT", "SPF"];
const quoted = (type: string, value: string): string =>
  QUOTED.includes(type) && !value.startsWith('"') ? `"${value}"` : value;
const unquoted = (type: string | undefined, value: string, known: string[] | undefined): string =>
  QUOTED.includes(type ?? "") && !known?.includes(value) ? value.replace(/^"(.*)"$/, "$1") : value;

/** A name with its zone: `www` in `example.com` is `www.example.com`; the zone itself may be left out. */
function full(name: string, zoneName: string): string {
  const bare = name.toLowerCase().replace(/\.$/, "");
  if (bare === zoneName || bare.endsWith(`.${zoneName}`)) return bare;
  return bare === "" ? zoneName : `${bare}.${zoneName}`;
}

async function zoneNameOf(aws: AwsContext, zoneId: string): Promise<string> {
  const { HostedZone } = await client(aws).send(new GetHostedZoneCommand({ Id: zoneId }));
  return (HostedZone?.Name ?? "").replace(/\.$/, "");
}

interface Place {
  readonly zoneId: string;
  readonly zoneName: string;
  readonly fqdn: string;
  readonly type: string;
  readonly setIdentifier: string | undefined;
}

const TYPES = "A|AAAA|CAA|CNAME|DS|HTTPS|MX|NAPTR|NS|PTR|SOA|SPF|SRV|SSHFP|SVCB|TLSA|TXT";

/** `zone_name_type` or `zone_name_type_set`; names may hold underscores too. */
async function placeOf(aws: AwsContext, id: string): Promise<Place | undefined> {
  const [, zoneId = "", name = "", type = "", setIdentifier] =
    id.match(new RegExp(`^([^_]+)_(.*?)_(${TYPES})(?:_(.+))?$`)) ?? [];
  if (!type) {
    throw new Error(
      `'${id}' is no id of a record\n  → <zone id>_<name>_<type>, and _<set identifier> for one of several`,
    );
  }
  const zoneName = await unlessGone(zoneNameOf(aws, zoneId));
  if (zoneName === undefined) return undefined;
  return { zoneId, zoneName, fqdn: full(name, zoneName), type, setIdentifier };
}

async function find(
  aws: AwsContext,
  { zoneId, fqdn, type, setIdentifier }: Place,
): Promise<ResourceRecordSet | undefined> {
  return (await recordsOf(aws, zoneId))?.find(
    (set) =>
      set.Name?.replace("\\052", "*").replace(/\.$/, "") === fqdn &&
      set.Type === type &&
      set.SetIdentifier === setIdentifier,
  );
}

/** All record sets of a zone; undefined when it is gone. */
export async function recordsOf(aws: AwsContext, zoneId: string): Promise<ResourceRecordSet[] | undefined> {
  const sets: ResourceRecordSet[] = [];
  let from: Partial<ListResourceRecordSetsCommandInput> = {};
  for (;;) {
    const page = await unlessGone(
      client(aws).send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, ...from })),
    );
    if (!page) return undefined;
    sets.push(...(page.ResourceRecordSets ?? []));
    if (!page.IsTruncated) return sets;
    from = {
      StartRecordName: page.NextRecordName,
      StartRecordType: page.NextRecordType,
      StartRecordIdentifier: page.NextRecordIdentifier,
    };
  }
}

export const route53RecordHandlers: Record<string, AwsHandler> = { "aws:route53/record:Record": record };
