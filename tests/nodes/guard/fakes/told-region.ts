/** The region's half with decisions that the test makes: what does the shell do with an action, and what does it report? */
import type { Gate, View } from "../../../../nodes/guard/leader/leader-facts.js";
import type { Transaction } from "../../../../nodes/guard/leader/leader-keys.js";
import { type LeaderHalf, Region } from "../../../../nodes/guard/region/region.js";
import type { RegionStep } from "../../../../nodes/guard/region/region-decision.js";
import {
  type LogEnd,
  type Mark,
  NO_OVERRIDES,
  NO_STATUS,
  type Reading,
  type RegionAction,
  type RegionEvent,
  type RegionState,
  type RegionView,
  type Status,
} from "../../../../nodes/guard/region/region-facts.js";
import type { Outcome } from "../../../../nodes/guard/shared/etcd.js";
import { config } from "../leader/site.js";
import { Port, Time } from "./ports.js";

class ToldRegion extends Region {
  /** What the shell has reported. */
  readonly events: RegionEvent[] = [];
  private told: readonly RegionAction[] | undefined;
  private news: Partial<RegionState> = {};

  protected override decide(event: RegionEvent): RegionStep {
    const actions = this.told ?? [];
    if (!this.told) this.events.push(event);
    const state = { ...this.state, ...this.news };
    this.told = undefined;
    this.news = {};
    return { state, actions };
  }

  /** Makes the next decision. */
  tell(actions: readonly RegionAction[], news: Partial<RegionState> = {}): void {
    this.told = actions;
    this.news = news;
    this.learn({ kind: "data", data: { slots: [], records: [], patroniRuns: true } });
  }

  /** The kinds of the events since the last call. */
  reported(): string[] {
    return this.events.splice(0).map(({ kind }) => kind);
  }
}

type Answer = Outcome & { view?: View; startedAt: number; endedAt: number };

/** What the wall clock shows. */
export const WALL = 5_000_000;

export function toldRegion() {
  const time = new Time();
  const logs: (readonly [string, Readonly<Record<string, unknown>> | undefined])[] = [];
  const gates: (readonly [Gate, string | undefined])[] = [];
  const shut = new Port<string, void>();
  const read = new Port<"read", Reading>();
  const write = new Port<Status, boolean>();
  const end = new Port<"end", LogEnd>();
  const mark = new Port<Mark, void>();
  const etcd = new Port<Transaction, Answer>();
  const half: LeaderHalf = {
    config,
    onView: () => {},
    allow: (gate, reason) => void gates.push([gate, reason]),
    shut: (reason) => shut.ask(reason),
    transact: (transaction) => etcd.ask(transaction),
  };
  const region = new ToldRegion(half, {
    clock: { now: time.now, sleep: time.sleep, wall: () => WALL },
    claims: { read: () => read.ask("read"), writeStatus: (status) => write.ask(status) },
    postgres: { end: () => end.ask("end"), mark: (which) => mark.ask(which) },
    log: (event, details) => void logs.push([event, details]),
  });
  /** Events of the log since the last call. */
  const logged = () => logs.splice(0).map(([event]) => event);
  const answer = (succeeded: boolean): Answer => ({
    succeeded,
    revision: "1",
    cluster: "1",
    ranges: [],
    counts: [],
    startedAt: time.now(),
    endedAt: time.now(),
  });
  return { region, half, time, logs, logged, gates, shut, read, write, end, mark, etcd, answer };
}

export const aReading = (more: Partial<Reading> = {}): Reading => ({
  startedAt: 1,
  endedAt: 2,
  own: 1,
  peer: 0,
  mine: NO_STATUS,
  theirs: NO_STATUS,
  overrides: NO_OVERRIDES,
  ...more,
});

export const aRegionView = (more: Partial<RegionView> = {}): RegionView => ({
  startedAt: 1,
  endedAt: 2,
  configMod: "2",
  epoch: 1,
  epochMod: "3",
  ...more,
});
