/**
 * Watches for claims that no stack writes: numbers that settings don't take, or the other region's parity. The guards
 * ignore them when they read the claims. That somebody could write one is worth a page.
 */
import type { Log } from "../shared/log.js";

const EVERY_MILLIS = 60_000;

/** The part of the claim table that this file uses. */
export interface ClaimLister {
  /** @returns partition and number of each unexpected claim. @throws Error when no replica answers. */
  unexpected(): Promise<readonly string[]>;
}

export class UnexpectedClaims {
  private found: readonly string[] | undefined;

  constructor(
    private readonly claims: ClaimLister,
    private readonly log: Log,
  ) {}

  /** Undefined until the table was read. */
  get count(): number | undefined {
    return this.found?.length;
  }

  async check(): Promise<void> {
    try {
      const found = await this.claims.unexpected();
      if (found.join() !== (this.found ?? []).join()) this.log("unexpected-claims", { items: found });
      this.found = found;
    } catch {
      // The reading of the claims itself reports an unreadable table.
    }
  }

  /** Checks every minute for as long as the process lives. */
  start(): void {
    void this.check();
    setInterval(() => void this.check(), EVERY_MILLIS).unref();
  }
}
