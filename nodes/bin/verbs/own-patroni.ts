/** This node's Patroni over its REST API. */

import { Patroni } from "../../guard/leader/patroni.js";
import type { GuardConfig } from "../../guard/shared/config.js";
import type { PatroniMember } from "../reports.js";

const ANSWER_MILLIS = 10_000;

/** Patroni doesn't answer, or refuses a request. */
export class PatroniError extends Error {}

export class PatroniRefused extends PatroniError {
  constructor(
    readonly status: number,
    url: string,
  ) {
    super(`Patroni answered ${status} to ${url}`);
  }
}

export class OwnPatroni {
  private readonly patroni: Patroni;

  constructor(
    private readonly config: Pick<GuardConfig, "node" | "address" | "tls" | "ports" | "dataDirectory">,
  ) {
    this.patroni = new Patroni(config);
  }

  get node(): string {
    return this.config.node;
  }

  /** @throws PatroniError */
  async call(method: "GET" | "PATCH", path: string, content?: unknown): Promise<unknown> {
    const { address, ports } = this.config;
    const { status, body } = await this.patroni
      .request(address, { method, path, content }, ANSWER_MILLIS)
      .catch((error: Error) => {
        throw new PatroniError(error.message);
      });
    if (status >= 400) throw new PatroniRefused(status, `https://${address}:${ports.patroni}${path}`);
    return JSON.parse(body);
  }

  /** Members as the leader last read them from etcd. */
  async members(): Promise<readonly PatroniMember[]> {
    return ((await this.call("GET", "/cluster")) as { members?: PatroniMember[] }).members ?? [];
  }

  close(): void {
    this.patroni.close();
  }
}
