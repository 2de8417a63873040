/** Stack `global`: what both regions share and what must outlive either. */
import type { Provider } from "@pulumi/aws";
import { ClaimTable } from "../components/activation.js";
import { FailoverDns } from "../components/failover-dns.js";
import { HEALTH_METRICS_REGION, Keys } from "../components/keys.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { contractOf } from "./contract.js";
import { publishHandoff } from "./handoff.js";
import type { StackOutputs } from "./program.js";
import { accountIdOf, awsProvider } from "./providers.js";

export async function globalStack(settings: SharedSettings): Promise<StackOutputs> {
  const providers = providersOf(settings);
  const contract = contractOf(settings, await accountIdOf(providers.home));
  const shared = { contract, ...providers };
  const trailName = `${settings.name}-audit`;
  const trailArn = `arn:aws:cloudtrail:${contract.home.region}:${contract.accountId}:trail/${trailName}`;

  const keys = new Keys("keys", { ...shared, prefix: settings.name, trailArn });
  const claims = new ClaimTable("claims", { ...shared, witnessRegion: settings.regions.witness });
  const dns = new FailoverDns("dns", { ...shared, domain: settings.domain });

  for (const id of ["home", "recovery"] as const) {
    publishHandoff(
      id,
      contract.handoffParameter,
      {
        hostedZoneId: dns.zoneId,
        dataKeyArn: keys[id].data,
        backupsKeyArn: keys[id].backups,
        notificationsKeyArn: keys[id].notifications,
        certificateArn: dns.certificateArns[id],
      },
      providers[id],
    );
  }
  return {
    serviceHostname: contract.serviceHostname,
    nameServers: dns.nameServers,
    claimTable: claims.tableName,
  };
}

/** One provider per region: us-east-1, for the alarms on health checks, may be one of the two already. */
function providersOf(settings: SharedSettings): Record<RegionId | "healthMetrics", Provider> {
  const { home, recovery } = settings.regions;
  const byRegion = new Map(
    [...new Set([home, recovery, HEALTH_METRICS_REGION])].map((region) => [
      region,
      awsProvider(settings, region),
    ]),
  );
  const of = (region: string) => byRegion.get(region) as Provider;
  return { home: of(home), recovery: of(recovery), healthMetrics: of(HEALTH_METRICS_REGION) };
}
