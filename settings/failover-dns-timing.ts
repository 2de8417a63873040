/** How the service's name follows the regions. The drills measure by the same figures. */
export const FAILOVER_DNS = {
  /** Between two probes of one prober; 10 is the fastest that Route 53 offers. */
  probeIntervalSeconds: 10,
  /** Probes in a row that must fail, or succeed, before the state changes. */
  probeFailures: 3,
  /** As long as one probe: a resolver that asked just before a failover asks again at once. */
  recordTtlSeconds: 10,
} as const;
