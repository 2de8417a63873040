/** The service's name on the twin: the stack's figures, the twin's addresses. */

import type { Contract, RegionContract } from "../../../../settings/contract.js";
import { ACTIVE_PATH, HEALTH_PATH, PORTS, TARGET_CHECK } from "../../../../settings/contract.js";
import { FAILOVER_DNS } from "../../../../settings/failover-dns-timing.js";
import { Outside } from "../../../twin/network/outside.js";
import type { Twin } from "../../../twin/types.js";
import type { NameConfig, NamedRegion } from "../../../workload/service-name/config.js";
import { ROUTE53 } from "../../../workload/service-name/config.js";

/** Load balancers listen for HTTPS in AWS; here certificates of users prove nothing. */
const PORT = 80;
const NAME_SERVER = "127.0.0.1:53";

export function nameConfig({ machines }: Pick<Twin, "machines">, contract: Contract): NameConfig {
  const region = (own: RegionContract): NamedRegion => ({
    hostname: own.hostname,
    address: Outside.addressIn(own),
    fleet: {
      // Dead ones too: they come back under the same address.
      targets: machines
        .filter(({ spec }) => spec.role === "tomcat" && spec.region === own.id)
        .map(({ address }) => `${address}:${PORTS.fleetHttp}`),
      healthPath: HEALTH_PATH,
      healthIntervalMillis: TARGET_CHECK.intervalSeconds * 1000,
      healthTimeoutMillis: TARGET_CHECK.timeoutSeconds * 1000,
      healthFall: TARGET_CHECK.threshold,
      healthRise: TARGET_CHECK.threshold,
    },
  });
  return {
    hostname: contract.serviceHostname,
    regions: { home: region(contract.home), recovery: region(contract.recovery) },
    primary: "home",
    secondary: "recovery",
    port: PORT,
    nameServer: NAME_SERVER,
    ttlSeconds: FAILOVER_DNS.recordTtlSeconds,
    activePath: ACTIVE_PATH,
    probeIntervalMillis: FAILOVER_DNS.probeIntervalSeconds * 1000,
    probeFailures: FAILOVER_DNS.probeFailures,
    probers: ROUTE53.probers,
    propagationMillis: ROUTE53.propagationMillis,
  };
}
