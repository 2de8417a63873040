/**
 * Keeps what this node acknowledged and the other region has not from being lost by a rewind: slots while it leads,
 * `dr-save-diverged` when it comes back. Beside the guard's own loops, which never wait for it.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { IMAGE_PATHS } from "../../layout.js";
import { type Clock, MACHINE_CLOCK } from "../shared/clock.js";
import type { GuardConfig } from "../shared/config.js";
import { type Log, log } from "../shared/log.js";
import { isSaved, latestRecord, slotsAreLeftOver, unsavedEpoch } from "./diverged.js";
import { readOwnData } from "./own-data.js";
import type { Region } from "./region.js";
import type { OwnData, RegionState } from "./region-facts.js";
import { DivergedSlots } from "./slots.js";

const TICK_MILLIS = 500;
/** How often an active leader looks at its volume, and brings its slots up to date. */
const CALM_MILLIS = 10_000;
/** Between two attempts to save, and after one that failed or could not reach the vault. */
const AGAIN_MILLIS = { soon: 5_000, failed: 60_000 } as const;

const SAVE_UNIT = "dr-save-diverged.service";
/** The epoch that is to be saved: all that the unit must be told. */
export const REQUEST_FILE = `${IMAGE_PATHS.run}/save-diverged`;

type KeeperConfig = Pick<GuardConfig, "node" | "dataDirectory" | "region">;

/** All that the keeper reaches outside of its own process. */
export interface KeeperPorts {
  readonly clock: Clock;
  readonly slots: Pick<DivergedSlots, "keep" | "dropAll">;
  /** This node's volume. */
  read(): Promise<OwnData>;
  systemctl(...words: string[]): Promise<string>;
  /** Notes the epoch that the unit shall save. */
  request(epoch: number): Promise<void>;
  readonly log: Log;
}

/** What they are on a node. */
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
      // Whatever goes wrong here, the leases are none of its business.
      await this.tick().catch((error: Error) => this.say("keeper-failed", { error: error.message }));
      await this.ports.clock.sleep(TICK_MILLIS);
    }
  }

  /** One look. What takes long goes on beside it. */
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
      this.ports.log("slots-dropped", { reason: "nothing that they keep is missing elsewhere" });
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
      // It was stopped for something that nobody needs any more.
      this.askedAt = now;
      this.once("save", async () => {
        const stands = (await this.ports.systemctl("is-active", SAVE_UNIT)).trim();
        if (stands === "inactive" || stands === "failed")
          await this.ports.systemctl("start", "--no-block", "patroni.service");
      });
    }
  }

  private async startSaving(epoch: number): Promise<void> {
    this.say("saves-diverged", { epoch, reason: "what this node acknowledged then may be nowhere else" });
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

  /** Whenever it changes. */
  private say(event: string, details: Readonly<Record<string, unknown>>): void {
    const text = JSON.stringify(details);
    if (this.said.get(event) === text) return;
    this.said.set(event, text);
    this.ports.log(event, details);
  }
}

/** Serves the region's writes. */
const isActive = ({ permitUntil, log: end }: RegionState, now: number): boolean =>
  permitUntil > now && end?.isPrimary === true;

const answersNow = ({ log: end }: RegionState, now: number): boolean =>
  end !== undefined && now - end.startedAt < 2 * TICK_MILLIS;

const NOTHING: OwnData = { slots: [], records: [], patroniRuns: true };

/** What it says, whatever it ends with: `is-active` tells by that too. */
async function callSystemctl(...words: string[]): Promise<string> {
  const done = promisify(execFile)("systemctl", words, { timeout: 10_000 });
  return (
    await done.catch((error: Error & { stdout?: string }) => {
      if (words[0] === "is-active") return { stdout: error.stdout ?? "" };
      throw error;
    })
  ).stdout;
}
