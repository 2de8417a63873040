/** Round robin over the servers that pass their health checks; over all of them when none does, as in AWS. */
import { type Health, observe } from "./health.js";
import { paced } from "./pace.js";

export interface BalancerConfig {
  /** Servers, `address:port`. */
  readonly targets: readonly string[];
  readonly healthPath: string;
  readonly healthIntervalMillis: number;
  /** How long a check may take; its interval when left out. */
  readonly healthTimeoutMillis?: number;
  /** Failures in a row before a server is passed over; 2 when left out. */
  readonly healthFall?: number;
  /** Successes in a row before it is used again; 1 when left out. */
  readonly healthRise?: number;
}

export class Balancer {
  private readonly health = new Map<string, Health>();
  private turn = 0;

  constructor(private readonly config: BalancerConfig) {}

  next(): string {
    const { targets } = this.config;
    const healthy = targets.filter((target) => this.health.get(target)?.healthy ?? true);
    const pool = healthy.length > 0 ? healthy : targets;
    this.turn += 1;
    return pool[this.turn % pool.length] as string;
  }

  watch(stopping: AbortSignal): Promise<void> {
    const { healthIntervalMillis, targets } = this.config;
    return paced(healthIntervalMillis, stopping, async () => {
      await Promise.all(targets.map((target) => this.check(target)));
    });
  }

  private async check(target: string): Promise<void> {
    const { healthIntervalMillis, healthTimeoutMillis, healthPath, healthFall, healthRise } = this.config;
    const signal = AbortSignal.timeout(healthTimeoutMillis ?? healthIntervalMillis);
    const ok = await fetch(`http://${target}${healthPath}`, { signal })
      .then(async (response) => {
        await response.arrayBuffer();
        return response.ok;
      })
      .catch(() => false);
    // A target without a check yet is trusted: its first failure is one of those in a row.
    const before = this.health.get(target) ?? { healthy: true, against: 0 };
    this.health.set(target, observe(before, ok, { fall: healthFall ?? 2, rise: healthRise ?? 1 }));
  }
}
