/** The record of a save, for the guard and for people: one file, always replaced as a whole. */
import { join } from "node:path";
import { FINAL } from "../../guard/region/diverged.js";
import { DIVERGED_FOLDER } from "../../guard/region/own-data.js";
import type { SaveRecord } from "../../guard/region/region-facts.js";
import type { GuardConfig } from "../../guard/shared/config.js";
import { replaceFile } from "./files.js";
import { readJson } from "./node-config.js";

export class Saved {
  readonly region: string;
  readonly node: string;
  /** The beginning of its files' names. */
  readonly name: string;
  readonly path: string;
  values: Partial<SaveRecord> = {};

  constructor(
    config: Pick<GuardConfig, "node" | "region">,
    readonly epoch: number,
    readonly folder: string = DIVERGED_FOLDER,
  ) {
    this.node = config.node;
    this.region = config.region.own;
    this.name = `${this.region}-epoch${epoch}-${this.node}`;
    this.path = join(folder, `${this.name}.json`);
    try {
      this.values = readJson(this.path) as SaveRecord;
    } catch (error) {
      // Without a record, or after an incomplete write, the save starts from scratch. Any other unreadable record may be final.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" && !(error instanceof SyntaxError)) throw error;
    }
  }

  /** Whether the node has no unsaved writes left. */
  get isDone(): boolean {
    return this.values.state !== undefined && FINAL.includes(this.values.state);
  }

  write(news: Omit<SaveRecord, "epoch" | "region" | "node" | "at">): void {
    const { epoch, region, node } = this;
    // To the second.
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    this.values = { epoch, region, node, ...news, at };
    replaceFile(this.path, `${JSON.stringify(this.values)}\n`);
    process.stdout.write(`${JSON.stringify({ event: "diverged", ...this.values })}\n`);
  }
}
