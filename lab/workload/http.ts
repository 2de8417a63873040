/**
 * Uses the application as its users do: through a Tomcat server's fleet port, chosen as the load balancer
 * would choose, or by the service's name. Writes an item under an id made here, then asks for it.
 */
import { randomUUID } from "node:crypto";
import { Balancer } from "./balancer.js";
import { now } from "./clock.js";
import type { HttpConfig } from "./config.js";
import type { RequestEvent } from "./events.js";
import { NameCache } from "./name-cache.js";
import { paced } from "./pace.js";
import type { Surroundings } from "./part.js";
import { describe } from "./session.js";

/** Where the next request goes. */
interface Way {
  /** The service's name, when it is the way. */
  readonly name?: string;
  /** @returns `address:port`. @throws Error when no address is known. */
  next(): Promise<string>;
}

export async function request(config: HttpConfig, around: Surroundings): Promise<void> {
  const work = (way: Way) =>
    Promise.all(Array.from({ length: config.connections }, (_, worker) => use(way, worker, config, around)));
  if ("hostname" in config) {
    const { hostname, port, nameServer } = config;
    const cache = NameCache.asking(nameServer, hostname);
    await work({ name: hostname, next: async () => `${await cache.lookup()}:${port}` });
  } else {
    const balancer = new Balancer(config);
    await Promise.all([balancer.watch(around.stopping), work({ next: async () => balancer.next() })]);
  }
}

async function use(way: Way, worker: number, config: HttpConfig, around: Surroundings): Promise<void> {
  const ask = async (method: RequestEvent["method"], id: string, body?: string): Promise<boolean> => {
    const sent = now();
    let target = "";
    const tell = (status: number, error?: string) =>
      around.emit({
        ...{ kind: "request", worker, method, id, target },
        ...{ name: way.name, sent, done: now(), status, error },
      });
    try {
      target = await way.next();
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
