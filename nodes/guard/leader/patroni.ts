/** Patroni's REST API, on this node and on others. */
import { Agent, request } from "node:https";
import { limitRequest, monotonic } from "../shared/clock.js";
import type { GuardConfig } from "../shared/config.js";
import { secureContextOf } from "../shared/tls.js";
import type { Local } from "./leader-facts.js";
import { ancestorsOf } from "./timelines.js";

export class Patroni {
  private readonly agent: Agent;

  constructor(private readonly config: Pick<GuardConfig, "tls" | "ports" | "dataDirectory">) {
    this.agent = new Agent({ keepAlive: true, secureContext: secureContextOf(config.tls) });
  }

  /** What Patroni reports about its PostgreSQL; undefined while PostgreSQL doesn't answer. @throws Error when Patroni doesn't. */
  async local(address: string, timeoutMillis: number): Promise<Local | undefined> {
    const startedAt = monotonic();
    // The status code shows whether this node holds the lock; the body is the same for every path.
    const { status, body } = await this.get(address, "/leader", timeoutMillis);
    const answer = JSON.parse(body) as { role?: string; timeline?: number; xlog?: Record<string, unknown> };
    // Only an answer that comes from a query contains it.
    if (!answer.xlog) return undefined;
    const role =
      "location" in answer.xlog ? "primary" : answer.role === "standby_leader" ? "standby_leader" : "replica";
    const { timeline } = answer;
    const ancestors =
      role === "primary" && timeline !== undefined
        ? await ancestorsOf(timeline, this.config.dataDirectory)
        : undefined;
    return { startedAt, role, timeline, ancestors, holdsLock: status === 200 };
  }

  /** Whether Patroni's loop runs. No answer counts as no. */
  async isAlive(address: string, timeoutMillis: number): Promise<boolean> {
    try {
      return (await this.get(address, "/liveness", timeoutMillis)).status === 200;
    } catch {
      return false;
    }
  }

  /** Sends any request. Patroni accepts changes only with a member's certificate, which this client uses. */
  request(
    address: string,
    { method, path, content }: { readonly method: string; readonly path: string; readonly content?: unknown },
    timeoutMillis: number,
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: address,
          port: this.config.ports.patroni,
          method,
          path,
          agent: this.agent,
          ...(content !== undefined && { headers: { "content-type": "application/json" } }),
        },
        (incoming) => {
          let body = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (chunk: string) => {
            body += chunk;
          });
          incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
          incoming.on("error", reject);
        },
      );
      limitRequest(outgoing, timeoutMillis);
      outgoing.on("error", reject);
      outgoing.end(content === undefined ? undefined : JSON.stringify(content));
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private get(address: string, path: string, timeoutMillis: number) {
    return this.request(address, { method: "GET", path }, timeoutMillis);
  }
}
