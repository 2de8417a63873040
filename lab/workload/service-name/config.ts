/** The figures by which a name follows its regions: what the stack declares, and what AWS does beyond that. */
import type { BalancerConfig } from "../balancer.js";

/** One region as the name sees it. */
export interface NamedRegion {
  /** The region's own name, to which the service's record leads. */
  readonly hostname: string;
  /** Where its load balancer listens. */
  readonly address: string;
  /** How the load balancer knows its servers. */
  readonly fleet: BalancerConfig;
}

export interface NameConfig {
  /** The service's name. */
  readonly hostname: string;
  /** By region id; the records name two of them. */
  readonly regions: Readonly<Record<string, NamedRegion>>;
  readonly primary: string;
  readonly secondary: string;
  /** Of the load balancers. */
  readonly port: number;
  /** Where names are served, `address:port`. */
  readonly nameServer: string;
  readonly ttlSeconds: number;
  /** Path that the health checks ask each load balancer for. */
  readonly activePath: string;
  readonly probeIntervalMillis: number;
  /** Answers in a row that change one prober's mind, either way. */
  readonly probeFailures: number;
  readonly probers: number;
  /** From a health check's change until name servers answer by it. */
  readonly propagationMillis: number;
}

/**
 * What no setting declares. Route 53's probers don't coordinate; it is healthy while more than 18 % of them say so:
 * https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html. So a
 * region must be silent for almost three intervals before its name leaves it, and must answer for two and a fifth
 * before its name leads there: about 29 s and 22 s with an interval of 10 s and three answers in a row.
 */
export const ROUTE53 = {
  /** Two in each of the eight places from which it probes by default. An assumption: AWS gives no number. */
  probers: 16,
  /** Greater share than this: healthy. */
  healthyShare: 0.18,
  /** A prober waits so long for a connection, and then so long for a status of 2xx or 3xx. */
  connectMillis: 4000,
  answerMillis: 2000,
  /** An assumption on the safe side: AWS gives none for health checks, observers tell of a few seconds. */
  propagationMillis: 5000,
} as const;
