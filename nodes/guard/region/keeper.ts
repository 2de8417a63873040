/**
 * Protects writes that this node acknowledged and the other region lacks from a rewind: with slots while the node leads,
 * with `dr-save-diverged` when it returns. Runs beside the guard's loops, which never wait for it.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { IMAGE_PATHS, PATRONI_UNIT } from "../../layout.js";
import { type Clock, MACHINE_CLOCK } from "../shared/clock.js";
import type { GuardConfig } from "../shared/config.js";
import { type Log, log } from "../shared/log.js";
import { isSaved, latestRecord, slotsAreLeftOver, unsavedEpoch } from "./diverged.js";
import { readOwnData } from "./own-data.js";
import type { Region } from "./region.js";
import type { OwnData, RegionState } from "./region-facts.js";
import { DivergedSlots } from "./slots.js";

const TICK_MILLIS = 500;
/** How often an active leader reads its volume, and updates its slots. */
const CALM_MILLIS = 10_000;
/** Between two attempts to save; `failed`: after one that failed or could not reach the vault. */
const AGAIN_MILLIS = { soon: 5_000, failed: 60_000 } as const;

const SAVE_UNIT = "dr-save-diverged.service";
/** Contains the epoch to save, the unit's only input. */
export const REQUEST_FILE = `${IMAGE_PATHS.run}/save-diverged`;

type KeeperConfig = Pick<GuardConfig, "node" | "dataDirectory" | "region">;

/** Everything that the keeper uses outside its own process. */
export interface KeeperPorts {
  readonly clock: Clock;
  readonly slots: Pick<DivergedSlots, "keep" | "dropAll">;
  /** Reads this node's volume. */
  read(): Promise<OwnData>;
  systemctl(...words: string[]): Promise<string>;
  /** Writes the epoch that the unit is to save. */
  request(epoch: number): Promise<void>;
  readonly log: Log;
}

/** The ports of a real node. */
export const keeperPorts = (config: KeeperConfig): KeeperPorts => ({
  clock: MACHINE_CLOCK,
  slots: new DivergedSlots(config.region.peerSlot),
  read: () => readOwnData(config),
  systemctl: callSystemctl,
  request: (epoch) => writeFile(REQUEST_FILE, `${epoch}\n`),
  log,
});

export class Keeper {
  private readAt = Number.NEGATIVE_INFINITY;
  private keptAt = Number.NEGATIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;
  private readonly said = new Map<string, string>();
  private readonly busy = new Set<string>();

  constructor(
    private readonly region: Pick<Region, "state" | "learn">,
    private readonly ports: KeeperPorts,
  ) {}

  /** Runs for as long as the process does. */
  async run(): Promise<void> {
    for (;;) {
      // A failure here must not affect the leases.
      await this.tick().catch((error: Error) => this.say("keeper-failed", { error: error.message }));
      await this.ports.clock.sleep(TICK_MILLIS);
    }
  }

  /** One turn. Long work continues in the background. */
  async tick(): Promise<void> {
    const now = this.ports.clock.now();
    if (now - this.readAt >= (isActive(this.region.state, now) ? CALM_MILLIS : TICK_MILLIS)) {
      this.readAt = now;
      const data = await this.ports.read().catch((error: Error) => {
        this.say("own-data-failed", { error: error.message });
        return NOTHING;
      });
      this.region.learn({ kind: "data", data });
      const record = latestRecord(data);
      if (record) this.say("diverged", { ...record });
    }
    const { state } = this.region;
    if (isActive(state, now)) this.keepSlots(state, now);
    else if (slotsAreLeftOver(state) && answersNow(state, now)) this.dropSlots(now);
    this.save(state, now);
  }

  private keepSlots({ reading, log: end }: RegionState, now: number): void {
    if (now - this.keptAt < CALM_MILLIS || !reading || end?.timeline === undefined) return;
    this.keptAt = now;
    const term = { epoch: reading.own, timeline: end.timeline };
    this.once("slots", async () => {
      const uncovered = await this.ports.slots.keep(term);
      this.say("slots", { ...term, uncovered });
    });
  }

  private dropSlots(now: number): void {
    if (now - this.keptAt < CALM_MILLIS) return;
    this.keptAt = now;
    this.once("slots", async () => {
      await this.ports.slots.dropAll();
      this.ports.log("slots-dropped", { reason: "the other region has every write that they keep" });
    });
  }

  private save(state: RegionState, now: number): void {
    const { data, reading } = state;
    if (!data || !reading) return;
    const epoch = unsavedEpoch(state);
    const record = latestRecord(data);
    if (epoch !== undefined) {
      const failed = record?.epoch === epoch && record.state === "failed";
      if (now - this.askedAt < (failed ? AGAIN_MILLIS.failed : AGAIN_MILLIS.soon)) return;
      this.askedAt = now;
      this.once("save", () => this.startSaving(epoch));
    } else if (record && isSaved(data, record.epoch)) {
      if (record.uploaded !== false || now - this.askedAt < AGAIN_MILLIS.failed) return;
      this.askedAt = now;
      this.once("save", () => this.startSaving(record.epoch));
    } else if (record && !data.patroniRuns && now - this.askedAt >= AGAIN_MILLIS.soon) {
      // The unit stopped Patroni to save writes that need no saving any more.
      this.askedAt = now;
      this.once("save", async () => {
        const unit = (await this.ports.systemctl("is-active", SAVE_UNIT)).trim();
        if (unit === "inactive" || unit === "failed")
          await this.ports.systemctl("start", "--no-block", PATRONI_UNIT);
      });
    }
  }

  private async startSaving(epoch: number): Promise<void> {
    this.say("saves-diverged", {
      epoch,
      reason: "this node may have the only copy of writes that it acknowledged in that epoch",
    });
    await this.ports.request(epoch);
    await this.ports.systemctl("start", "--no-block", SAVE_UNIT);
  }

  private once(kind: string, work: () => Promise<void>): void {
    if (this.busy.has(kind)) return;
    this.busy.add(kind);
    void work()
      .then(() => this.said.delete(`${kind}-failed`))
      .catch((error) => this.say(`${kind}-failed`, { error: String(error) }))
      .finally(() => this.busy.delete(kind));
  }

  /** Logs an event when its details have changed. */
  private say(event: string, details: Readonly<Record<string, unknown>>): void {
    const text = JSON.stringify(details);
    if (this.said.get(event) === text) return;
    this.said.set(event, text);
    this.ports.log(event, details);
  }
}

/** Whether this node serves the region's writes. */
const isActive = ({ permitUntil, log: end }: RegionState, now: number): boolean =>
  permitUntil > now && end?.isPrimary === true;

const answersNow = ({ log: end }: RegionState, now: number): boolean =>
  end !== undefined && now - end.startedAt < 2 * TICK_MILLIS;

const NOTHING: OwnData = { slots: [], records: [], patroniRuns: true };

/** Its output. `is-active` reports an inactive unit by its exit code too, which is no failure. */
async function callSystemctl(...words: string[]): Promise<string> {
  const done = promisify(execFile)("systemctl", words, { timeout: 10_000 });
  return (
    await done.catch((error: Error & { stdout?: string }) => {
      if (words[0] === "is-active") return { stdout: error.stdout ?? "" };
      throw error;
    })
  ).stdout;
}
