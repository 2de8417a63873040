/** The leader's half with decisions that the test makes: what does the shell do with an action, and what does it report? */
import { Guard, type GuardStart } from "../../../../nodes/guard/leader/guard.js";
import type { Step } from "../../../../nodes/guard/leader/leader-decision.js";
import type { Action, Event, Local, State } from "../../../../nodes/guard/leader/leader-facts.js";
import type { Compare, Operation, Outcome } from "../../../../nodes/guard/shared/etcd.js";
import { config as CONFIG } from "../leader/site.js";
import { Port, Time } from "./ports.js";

class ToldGuard extends Guard {
  /** What the shell has reported. */
  readonly events: Event[] = [];
  private told: readonly Action[] | undefined;
  private news: Partial<State> = {};

  protected override decide(event: Event): Step {
    const actions = this.told ?? [];
    if (!this.told) this.events.push(event);
    const state = { ...this.state, ...this.news };
    this.told = undefined;
    this.news = {};
    return { state, actions };
  }

  /** Makes the next decision. */
  tell(actions: readonly Action[], news: Partial<State> = {}): void {
    this.told = actions;
    this.news = news;
    this.feed({ kind: "tick" });
  }

  /** The kinds of the events since the last call. */
  reported(): string[] {
    return this.events.splice(0).map(({ kind }) => kind);
  }
}

interface Question {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

type Method = "open" | "admit" | "shut-out" | "mute" | "revoke";

/** @param failing methods of the kernel or etcd that fail */
export function toldGuard(
  more: Partial<typeof CONFIG> = {},
  failing: readonly Method[] = [],
  start?: GuardStart,
) {
  const time = new Time();
  /** Calls that the test doesn't answer itself. */
  const calls: string[] = [];
  const logs: (readonly [string, Readonly<Record<string, unknown>> | undefined])[] = [];
  const close = new Port<"close", void>();
  const etcd = new Port<Question, Outcome>();
  const local = new Port<readonly [string, number], Local | undefined>();
  const alive = new Port<readonly [string, number], boolean>();
  const call = async (method: Method, ...args: readonly (string | number | readonly string[])[]) => {
    calls.push([method, ...args].join(" "));
    if (failing.includes(method)) throw new Error("made to fail");
  };
  const guard = new ToldGuard(
    { ...CONFIG, ...more },
    {
      clock: time,
      etcd: {
        transact: (compare, success, failure = []) => etcd.ask({ compare, success, failure }),
        grant: async (seconds) => {
          calls.push(`grant ${seconds}`);
          return "77";
        },
        timeToLive: async (lease) => {
          calls.push(`ttl ${lease}`);
          return 7;
        },
        revoke: (session) => call("revoke", session),
      },
      patroni: {
        local: (...question) => local.ask(question),
        isAlive: (...question) => alive.ask(question),
      },
      kernel: {
        open: (until) => call("open", until),
        close: () => close.ask("close"),
        admit: (until) => call("admit", until),
        shutOut: () => call("shut-out"),
        mute: (addresses, seconds) => call("mute", addresses, seconds),
        stop: () => void calls.push("stop"),
      },
      log: (event, details) => void logs.push([event, details]),
    },
    start,
  );
  /** Events of the log since the last call. */
  const logged = () => logs.splice(0).map(([event]) => event);
  return { guard, time, calls, logs, logged, close, etcd, local, alive };
}

export const outcome = (succeeded: boolean, ranges: Outcome["ranges"], revision = "40"): Outcome => ({
  succeeded,
  revision,
  cluster: "1",
  ranges,
  counts: ranges.map((range) => range.length),
});

/** A key in etcd's answer. */
export const kv = (key: string, value: string, revision = "5", lease = "0") => ({
  key,
  value,
  create_revision: revision,
  mod_revision: revision,
  lease,
});
