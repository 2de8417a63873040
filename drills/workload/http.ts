/**
 * Uses the application as its users do: through a Tomcat server's fleet port, chosen as the load balancer
 * would choose. Writes an item under an id made here, then asks for it.
 */
import { randomUUID } from "node:crypto";
import { now } from "./clock.js";
import type { HttpConfig, RequestEvent } from "./events.js";
import { paced, type Surroundings } from "./part.js";
import { describe } from "./session.js";

export async function request(config: HttpConfig, around: Surroundings): Promise<void> {
  const balancer = new Balancer(config);
  await Promise.all([
    balancer.watch(around.stopping),
    ...Array.from({ length: config.connections }, (_, worker) => work(worker, config, balancer, around)),
  ]);
}

async function work(worker: number, config: HttpConfig, balancer: Balancer, around: Surroundings) {
  const ask = async (method: RequestEvent["method"], id: string, body?: string): Promise<boolean> => {
    const target = balancer.next();
    const sent = now();
    const tell = (status: number, error?: string) =>
      around.emit({ kind: "request", worker, method, id, target, sent, done: now(), status, error });
    try {
      const response = await fetch(`http://${target}/items${method === "GET" ? `/${id}` : ""}`, {
        method,
        body,
        // With it the application takes our id; the same request may be sent again.
        headers: method === "POST" ? { "Idempotency-Key": id } : {},
        signal: AbortSignal.timeout(config.timeoutMillis),
      });
      const text = await response.text();
      tell(response.status, response.ok ? undefined : text.trim().slice(0, 200));
      return response.ok;
    } catch (error) {
      tell(0, describe(error instanceof Error && error.cause ? error.cause : error));
      return false;
    }
  };
  await paced(config.intervalMillis, around.stopping, async () => {
    const id = randomUUID();
    if (await ask("POST", id, `drill ${worker}`)) await ask("GET", id);
  });
}

/** Round robin over the servers that answer their health check; over all of them when none does. */
class Balancer {
  private readonly failures = new Map<string, number>();
  private turn = 0;

  constructor(private readonly config: HttpConfig) {}

  next(): string {
    const { targets } = this.config;
    const healthy = targets.filter((target) => (this.failures.get(target) ?? 0) < UNHEALTHY_AFTER);
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
    const { healthIntervalMillis, healthPath } = this.config;
    const signal = AbortSignal.timeout(healthIntervalMillis);
    const ok = await fetch(`http://${target}${healthPath}`, { signal })
      .then(async (response) => {
        await response.arrayBuffer();
        return response.ok;
      })
      .catch(() => false);
    this.failures.set(target, ok ? 0 : (this.failures.get(target) ?? 0) + 1);
  }
}

const UNHEALTHY_AFTER = 2;
