/** Asks a name server, and keeps its answer for as long as that says and no longer: as a JVM, or a browser at best. */
import { Resolver } from "node:dns/promises";
import { now } from "./clock.js";

export interface Answer {
  readonly address: string;
  readonly ttl: number;
}

/** A server that fails to answer twice is one error for the client, before the client's own timeout. */
const ASK_MILLIS = 1000;
const TRIES = 2;

export class NameCache {
  private kept: { readonly address: string; readonly until: number } | undefined;
  private asking: Promise<string> | undefined;

  constructor(
    private readonly ask: () => Promise<readonly Answer[]>,
    private readonly clock: () => number = now,
  ) {}

  /** @param server `address:port` of the name server. */
  static asking(server: string, hostname: string): NameCache {
    const resolver = new Resolver({ timeout: ASK_MILLIS, tries: TRIES });
    resolver.setServers([server]);
    return new NameCache(() => resolver.resolve4(hostname, { ttl: true }));
  }

  /** @throws Error when the server doesn't answer; what it said last is not used beyond its time. */
  async lookup(): Promise<string> {
    if (this.kept && this.clock() < this.kept.until) return this.kept.address;
    this.asking ??= this.renew().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async renew(): Promise<string> {
    // From before the question: the answer may have been under way for a while.
    const from = this.clock();
    const [answer] = await this.ask();
    if (!answer) throw new Error("the name has no address");
    this.kept = { address: answer.address, until: from + answer.ttl * 1000 };
    return answer.address;
  }
}
