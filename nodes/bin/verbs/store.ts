/** The backups' values in this region's etcd, as JSON. */

import { keysOf } from "../../guard/leader/leader-keys.js";
import type { GuardConfig } from "../../guard/shared/config.js";
import { Etcd, type Operation } from "../../guard/shared/etcd.js";

/** Timeout of one member, before the client tries the next one. */
const ANSWER_MILLIS = 3000;

export class Store {
  private readonly etcd: Etcd;
  private readonly members: number;
  private readonly base: string;

  constructor(config: Pick<GuardConfig, "etcd" | "tls" | "namespace" | "scope">) {
    this.etcd = new Etcd({ endpoints: config.etcd, tls: config.tls, timeoutMillis: ANSWER_MILLIS });
    this.members = config.etcd.length;
    // Beside Patroni's own keys.
    this.base = keysOf(config).patroni;
  }

  /** @param name e.g. `backup/result` @returns undefined when there is no such key @throws Error when etcd doesn't answer */
  async get(name: string): Promise<unknown> {
    const { ranges } = await this.ask({ range: `${this.base}${name}` });
    const [found] = ranges[0] ?? [];
    return found && JSON.parse(found.value);
  }

  async put(name: string, value: unknown): Promise<void> {
    await this.ask({ put: `${this.base}${name}`, value: JSON.stringify(value) });
  }

  close(): void {
    this.etcd.close();
  }

  /** The client begins with the member after one that failed. */
  private async ask(operation: Operation) {
    for (let tried = 1; ; tried++) {
      try {
        return await this.etcd.transact([], [operation]);
      } catch (error) {
        if (tried >= this.members) throw error;
      }
    }
  }
}
