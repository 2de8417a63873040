/** The service's name: which region it leads to, and the certificates for it. */
import * as acm from "@pulumi/aws/acm/index.js";
import * as route53 from "@pulumi/aws/route53/index.js";
import * as pulumi from "@pulumi/pulumi";
import { ACTIVE_PATH, type Contract } from "../settings/contract.js";
import { FAILOVER_DNS } from "../settings/failover-dns-timing.js";
import type { RegionId } from "../settings/stacks.js";

export interface FailoverDnsArgs {
  readonly contract: Contract;
  /** Name of the hosted zone, which is created. Its registrar must be pointed at `nameServers`. */
  readonly domain: string;
  readonly home: pulumi.ProviderResource;
  readonly recovery: pulumi.ProviderResource;
}

/** Certificate authorities write their own name here; the records last, so a day is fine. */
const STATIC_TTL_SECONDS = 86_400;

/**
 * Hosted zone, failover records, health checks and certificates. A promotion changes none of them: each
 * health check asks its region's own name for `/dr/active`, which is 200 only where writes are open, so
 * traffic follows the promotion by itself. While neither region answers, Route 53 gives out the PRIMARY.
 */
export class FailoverDns extends pulumi.ComponentResource {
  readonly zoneId: pulumi.Output<string>;
  /** What the domain's registrar (or the parent zone) must name. */
  readonly nameServers: pulumi.Output<string[]>;
  readonly healthCheckIds: Readonly<Record<RegionId, pulumi.Output<string>>>;
  /** ARNs of issued certificates, one per region. */
  readonly certificateArns: Readonly<Record<RegionId, pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: FailoverDnsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:dns:FailoverDns", name, {}, opts);
    const zone = this.zone();
    this.zoneId = zone.zoneId;
    this.nameServers = zone.nameServers;
    this.authorities();
    this.healthCheckIds = { home: this.healthCheck("home"), recovery: this.healthCheck("recovery") };
    this.failoverRecord("home", "PRIMARY");
    this.failoverRecord("recovery", "SECONDARY");
    this.certificateArns = this.certificates();
    this.registerOutputs({ zoneId: this.zoneId, nameServers: this.nameServers });
  }

  private zone(): route53.Zone {
    const { domain, home } = this.args;
    return new route53.Zone(
      `${this.name}-zone`,
      { name: domain, comment: `Service name ${this.args.contract.serviceHostname} and its regions` },
      { parent: this, provider: home, protect: true },
    );
  }

  /** Only Amazon may issue certificates in this zone. */
  private authorities(): void {
    const { domain, home } = this.args;
    new route53.Record(
      `${this.name}-caa`,
      {
        zoneId: this.zoneId,
        name: domain,
        type: "CAA",
        ttl: STATIC_TTL_SECONDS,
        records: ['0 issue "amazon.com"', '0 issuewild "amazon.com"'],
      },
      { parent: this, provider: home },
    );
  }

  private healthCheck(id: RegionId): pulumi.Output<string> {
    const { contract, home } = this.args;
    const { hostname, region } = contract[id];
    return new route53.HealthCheck(
      `${this.name}-${id}`,
      {
        type: "HTTPS",
        fqdn: hostname,
        port: 443,
        resourcePath: ACTIVE_PATH,
        // The load balancer picks the certificate, and refuses the handshake, by this name.
        enableSni: true,
        requestInterval: FAILOVER_DNS.probeIntervalSeconds,
        failureThreshold: FAILOVER_DNS.probeFailures,
        // The console has no other name for a health check.
        tags: { Name: `${contract.serviceHostname} active in ${region}` },
      },
      { parent: this, provider: home },
    ).id;
  }

  /**
   * A CNAME, not a Route 53 alias: Route 53 refuses an alias to a name of the same zone that doesn't exist
   * yet, and the regions' own names come after this stack. It is also quicker: an alias would inherit the 60
   * s of the load balancer's record, this one says its own TTL. The health check alone decides, as it goes
   * through the load balancer anyway. It covers A and AAAA alike.
   */
  private failoverRecord(id: RegionId, type: "PRIMARY" | "SECONDARY"): void {
    const { contract, home } = this.args;
    new route53.Record(
      `${this.name}-${type.toLowerCase()}`,
      {
        zoneId: this.zoneId,
        name: contract.serviceHostname,
        type: "CNAME",
        ttl: FAILOVER_DNS.recordTtlSeconds,
        records: [contract[id].hostname],
        setIdentifier: contract[id].region,
        failoverRoutingPolicies: [{ type }],
        healthCheckId: this.healthCheckIds[id],
      },
      { parent: this, provider: home },
    );
  }

  /**
   * One certificate per region, each for the service name and, by wildcard, the regions' own names. ACM asks
   * for the same CNAME for a name and its wildcard, in every region of an account: one record validates all.
   * Waits until ACM has issued them, so the registrar must point at the zone by then.
   */
  private certificates(): Record<RegionId, pulumi.Output<string>> {
    const { contract, home, recovery } = this.args;
    const request = (id: RegionId, provider: pulumi.ProviderResource) =>
      new acm.Certificate(
        `${this.name}-certificate-${id}`,
        {
          domainName: contract.serviceHostname,
          subjectAlternativeNames: [`*.${contract.serviceHostname}`],
          validationMethod: "DNS",
        },
        { parent: this, provider },
      );
    const certificates = { home: request("home", home), recovery: request("recovery", recovery) };
    const proof = certificates.home.domainValidationOptions.apply(([first]) => {
      if (!first) throw new Error(`ACM asked for no proof that ${contract.serviceHostname} is ours`);
      return first;
    });
    const record = new route53.Record(
      `${this.name}-certificate-proof`,
      {
        zoneId: this.zoneId,
        name: proof.resourceRecordName,
        type: proof.resourceRecordType,
        records: [proof.resourceRecordValue],
        ttl: STATIC_TTL_SECONDS,
      },
      { parent: this, provider: home },
    );
    const issued = (id: RegionId, provider: pulumi.ProviderResource) =>
      new acm.CertificateValidation(
        `${this.name}-certificate-${id}-issued`,
        { certificateArn: certificates[id].arn, validationRecordFqdns: [record.fqdn] },
        { parent: this, provider },
      ).certificateArn;
    return { home: issued("home", home), recovery: issued("recovery", recovery) };
  }
}
