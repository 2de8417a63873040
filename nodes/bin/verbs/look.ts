/** The results of a check of the vault. */
import type { VaultLook } from "../reports.js";
import { TimedOut } from "./commands.js";

/** Notes parts that failed and continues with the others: an alarm covers missing values. */
export class Look implements VaultLook {
  readonly values: Record<string, number | null> = {};
  readonly reasons: string[] = [];
  readonly failed: string[] = [];
  private isSilent = false;

  /** @returns undefined when the part failed */
  async part<T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failed.push(`${what}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** A part that queries the vault: after one timeout the check doesn't query the vault again. */
  async vault<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.isSilent) return undefined;
    return await this.part(what, () =>
      work().catch((error: unknown) => {
        this.isSilent = error instanceof TimedOut;
        throw error;
      }),
    );
  }
}
