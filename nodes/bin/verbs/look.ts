/** What a look at the vault has found. */
import type { VaultLook } from "../reports.js";
import { TimedOut } from "./commands.js";

/** Which part could not look is noted: the rest goes on, and silence is an alarm's business. */
export class Look implements VaultLook {
  readonly values: Record<string, number | null> = {};
  readonly reasons: string[] = [];
  readonly failed: string[] = [];
  private isSilent = false;

  /** @returns undefined where it could not look */
  async part<T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failed.push(`${what}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** A part that asks the vault: after one timeout the vault is not asked again. */
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
