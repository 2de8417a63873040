/**
 * Region guards that are wrong in one way each, and the kind of accident that shows it: a test that none of them fails
 * proves nothing. The right guard must withstand the very same.
 */

import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { decideRegion } from "../../../../nodes/guard/region/region-decision.js";
import type {
  Demotion,
  LogEnd,
  Reading,
  RegionAction,
  RegionEvent,
  RegionState,
  RegionView,
} from "../../../../nodes/guard/region/region-facts.js";
import type { RegionRules } from "../../../../nodes/guard/shared/config.js";
import type { Mutation } from "./sim/guard-process.js";
import type { Fault, FaultKind, Scenario } from "./sim/regions.js";
import type { Side } from "./sim/table.js";

interface Mutant {
  /** A new one for each run: some remember. */
  readonly mutation: () => Mutation;
  /** The same for the same number. */
  readonly scenario: (seed: number) => Scenario;
  /** Of all seeds, how many must show it at least: 1/2 when left out. */
  readonly share?: number;
}

const HOME: Side = 0;
const RECOVERY: Side = 1;

interface Timed extends Omit<Fault, "after"> {
  readonly at: number;
}
/** Milliseconds since home has first acknowledged something. */
const at = (at: number, kind: FaultKind, side: Side, length = 0, node = 0): Timed => ({
  at,
  kind,
  side,
  length,
  node,
});
/** The active region's clocks are slow and those of the other region fast, unless it says otherwise. */
const scenario = (seed: number, faults: readonly Timed[], rate = 5): Scenario => {
  const inOrder = [...faults].sort((a, b) => a.at - b.at);
  return {
    seed,
    rates: [-rate, -rate, -rate, rate, rate, rate],
    faults: inOrder.map(({ at, ...fault }, i) => ({ ...fault, after: at - (inOrder[i - 1]?.at ?? 0) })),
  };
};
/** At any moment of what takes up to `range`. */
const phase = (seed: number, range: number): number => (seed * 379) % range;

/** Hears something else than what was said. */
const hearing = (
  change: (event: RegionEvent, state: RegionState, node: string) => RegionEvent,
): Mutation => ({
  decide: (config, state, event, now) => decideRegion(config, state, change(event, state, config.node), now),
});
const reading = (change: (reading: Reading) => Partial<Reading>): Mutation =>
  hearing((event) =>
    event.kind === "reading" ? { ...event, reading: { ...event.reading, ...change(event.reading) } } : event,
  );
const viewing = (
  change: (view: RegionView, state: RegionState, node: string) => Partial<RegionView>,
): Mutation =>
  hearing((event, state, node) =>
    event.kind === "view" ? { ...event, view: { ...event.view, ...change(event.view, state, node) } } : event,
  );
const seeing = (change: (log: LogEnd, state: RegionState) => Partial<LogEnd>): Mutation =>
  hearing((event, state) =>
    event.kind === "log" ? { ...event, log: { ...event.log, ...change(event.log, state) } } : event,
  );
/** Remembers something else than what was. */
const believing = (
  change: (state: RegionState, now: number, event: RegionEvent, node: string) => Partial<RegionState>,
): Mutation => ({
  decide: (config, state, event, now) =>
    decideRegion(config, { ...state, ...change(state, now, event, config.node) }, event, now),
});
const ruledBy = (change: (rules: RegionRules, state: RegionState) => Partial<RegionRules>): Mutation => ({
  decide: (config, state, event, now) =>
    decideRegion(
      { ...config, rules: { ...config.rules, ...change(config.rules, state) } },
      state,
      event,
      now,
    ),
});
/** Decides as it should, and does something else. */
const doing = (
  change: (actions: readonly RegionAction[], state: RegionState, config: RegionConfig) => RegionAction[],
): Mutation => ({
  decide: (config, state, event, now) => {
    const step = decideRegion(config, state, event, now);
    return { ...step, actions: change(step.actions, step.state, config) };
  },
});

/** Home is cut off from everything, and the recovery region claims. */
const isolated = (from: number, seed: number, length = 40_000): Timed[] => [
  at(from + phase(seed, 2000), "isolate", HOME, length),
  at(from + phase(seed, 2000) + 100, "claim", RECOVERY),
];
/** To recovery and back. */
const THERE_AND_BACK = [at(4000, "claim", RECOVERY), at(16_000, "claim", HOME)];
/** The recovery region lacks something; home is demoted, but can't release: sometimes it can't say that either. */
const demoted = (from: number, seed: number): Timed[] => [
  at(from, "cut-link", HOME, 40_000),
  at(from + 1000, "claim", RECOVERY),
  at(from + 1000 + phase(seed, 3500), "cut-table", HOME, 40_000),
];

const isServing = ({ reading }: RegionState): boolean =>
  reading !== undefined && reading.own > reading.peer && reading.mine.opened === reading.own;

/** Both halves close: this one without an order by the region's. */
const leavesOpen: Mutation["skipInLeader"] = (action, event) =>
  event.kind === "gate" && event.reason === undefined && action.kind === "close";

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "serves until it reads that it must not": {
    mutation: () => ruledBy((_, state) => (isServing(state) ? { leaseMillis: 1e9 } : {})),
    scenario: (seed) => scenario(seed, isolated(4000, seed)),
  },
  "counts the lease from the end of the reading": {
    mutation: () => ({ startOf: (_startedAt, endedAt) => endedAt }),
    // An answer comes in while every guard of home hangs, and is found when they go on.
    scenario: (seed) => {
      const from = 4000 + phase(seed, 2000);
      return scenario(seed, [
        at(from - 3000, "slow-table", HOME, 60_000),
        at(from, "hang-guards", HOME, 26_000),
        at(from + 100, "claim", RECOVERY),
      ]);
    },
    share: 1 / 4,
  },
  "waits for the lease without a margin": {
    mutation: () => ruledBy(() => ({ marginMillis: 0 })),
    // Clocks further apart than any real ones: as far as the margin allows.
    scenario: (seed) => scenario(seed, isolated(4000, seed), 120),
    share: 1 / 8,
  },
  "uses the wall clock": {
    mutation: () => ({ clock: (node) => node.clock + node.wallStep }),
    scenario: (seed) => scenario(seed, [...isolated(4000, seed), at(8000, "wall-step", RECOVERY, 15_000)]),
  },
  "counts the waiting from when another guard saw the claim": {
    mutation: () => {
      const seen = new Map<number, number>();
      return believing(({ claimSeen }) => {
        if (!claimSeen) return {};
        const { epoch } = claimSeen;
        if (!seen.has(epoch)) seen.set(epoch, claimSeen.at);
        return { claimSeen: { epoch, at: seen.get(epoch) as number } };
      });
    },
    // The first eight show nothing: the guard that saw the claim first is the one that acts.
    scenario: (seed) => scenario(seed + 8, isolated(4000, seed + 8)),
    share: 1 / 8,
  },
  "counts the waiting from when it saw an earlier claim": {
    mutation: () =>
      believing(({ claimSeen }, _now, event) =>
        claimSeen && event.kind === "reading"
          ? { claimSeen: { epoch: event.reading.own, at: claimSeen.at } }
          : {},
      ),
    scenario: (seed) => scenario(seed, [...THERE_AND_BACK, ...isolated(28_000, seed)]),
  },
  "accepts a release for another epoch": {
    mutation: () =>
      reading(({ own, theirs }) => ({
        theirs: { ...theirs, released: theirs.released && { ...theirs.released, epoch: own } },
      })),
    // Home is about to open, and hears no more of what comes.
    scenario: (seed) => {
      const from = 18_000 + phase(seed, 3000);
      return scenario(seed, [
        ...THERE_AND_BACK,
        at(from, "failing-table", HOME, 40_000),
        at(from + 100, "claim", RECOVERY),
      ]);
    },
    share: 1 / 8,
  },
  "opens on a release without having all": {
    mutation: () =>
      reading(({ theirs }) => ({
        theirs: { ...theirs, released: theirs.released && { ...theirs.released, opened: -1 } },
      })),
    scenario: (seed) =>
      scenario(seed, [at(3000, "cut-link", HOME, 20_000), at(4000 + phase(seed, 2000), "claim", RECOVERY)]),
  },
  "takes an earlier epoch's fence for this one's": {
    mutation: () =>
      reading(({ own, overrides }) => ({
        overrides: { ...overrides, fenced: overrides.fenced > 0 ? own : 0 },
      })),
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "kill-region", HOME, 8000),
        at(4200, "claim", RECOVERY),
        at(4400, "fence", RECOVERY),
        at(24_000, "claim", HOME),
        ...isolated(36_000, seed),
      ]),
  },
  "takes an earlier epoch's accepted loss for this one's": {
    mutation: () =>
      reading(({ own, overrides }) => ({
        overrides: { ...overrides, acceptDataLoss: overrides.acceptDataLoss > 0 ? own : 0 },
      })),
    scenario: (seed) =>
      scenario(seed, [...THERE_AND_BACK, at(4100, "accept-loss", RECOVERY), ...demoted(27_000, seed)]),
    share: 1 / 4,
  },
  "does not wait for a region that has demoted": {
    mutation: () => reading(({ theirs }) => ({ theirs: { ...theirs, demoted: undefined } })),
    scenario: (seed) => scenario(seed, demoted(4000, seed)),
    share: 1 / 12,
  },
  "has no budget for lag": {
    mutation: () => ruledBy(() => ({ lagBudgetMillis: Number.POSITIVE_INFINITY })),
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "cut-link", HOME, 120_000),
        at(68_000 + phase(seed, 2000), "kill-region", HOME, 20_000),
        at(70_100, "claim", RECOVERY),
        at(70_200, "fence", RECOVERY),
      ]),
  },
  "takes the last difference seen for the lag": {
    mutation: () =>
      believing(({ proof, reading }) => ({
        proof: proof && { ...proof, wallMillis: reading?.theirs.position?.wallMillis ?? proof.wallMillis },
      })),
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "cut-link", HOME, 120_000),
        at(24_000 + phase(seed, 2000), "kill-region", HOME, 60_000),
        at(26_100, "claim", RECOVERY),
        at(26_200, "fence", RECOVERY),
      ]),
  },
  "opens on a log that was rewound after the decision": {
    mutation: () => viewing(({ opening }) => ({ opening: opening && { ...opening, log: undefined } })),
    // Home's frozen leader returns while the recovery region is being promoted. Home itself has everything and is claimed again.
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "freeze-node", HOME, 15_050),
        at(14_000, "pause-decision", RECOVERY, 2500),
        at(15_000, "claim", RECOVERY),
        at(40_000, "claim", HOME),
      ]),
  },
  "lets its node be rewound before its diverged writes are saved": {
    mutation: () =>
      hearing((event) =>
        event.kind === "data" ? { ...event, data: { ...event.data, slots: [], isStandby: true } } : event,
      ),
    scenario: (seed) => scenario(seed, isolated(4000, seed)),
  },
  "counts a proof that a rewind has undone": {
    mutation: () =>
      believing(({ proof }) => ({ proof: proof && { ...proof, mark: { ...proof.mark, timeline: 0 } } })),
    // Home's frozen leader returns, still a primary to PostgreSQL, and the recovery region follows it again.
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "freeze-node", HOME, 70_000),
        at(74_500 + phase(seed, 4000), "kill-region", HOME, 60_000),
        at(79_100, "claim", RECOVERY),
        at(79_200, "fence", RECOVERY),
      ]),
  },
  "leaves the other region's silence out of the lag": {
    mutation: () => believing((_, now) => ({ peerNotBefore: now })),
    scenario: (seed) => scenario(seed, isolated(4000, seed)),
  },
  "serves on though it can no longer publish": {
    mutation: () => believing((_, now) => ({ publishedNotBefore: now })),
    scenario: (seed) =>
      scenario(seed, [
        at(4000 + phase(seed, 2000), "read-only-table", HOME, 60_000),
        at(4000 + phase(seed, 2000), "cut-link", HOME, 60_000),
        at(48_000, "kill-region", HOME, 60_000),
        at(48_100, "claim", RECOVERY),
        at(48_200, "fence", RECOVERY),
      ]),
  },
  "serves before its epoch is opened": {
    mutation: () => ({
      decide: (config, state, event, now) => {
        const step = decideRegion(config, state, event, now);
        const write = step.actions.find((action) => action.kind === "write-status");
        if (write?.kind !== "write-status" || !/^opens/.test(write.reason)) return step;
        const written = { kind: "status-written", status: write.status, startedAt: now } as const;
        return { ...step, state: decideRegion(config, step.state, written, now).state };
      },
    }),
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "claim", RECOVERY),
        at(4000 + phase(seed, 2000), "read-only-table", RECOVERY, 20_000),
      ]),
  },
  "opens while its port is open from before": {
    mutation: () => ({
      ...believing(({ reading }) =>
        reading && reading.own > reading.peer ? { closedAt: Number.NEGATIVE_INFINITY } : {},
      ),
      skip: (action) => action.kind === "close" && !/other region/.test(action.reason),
      skipInLeader: leavesOpen,
    }),
    // The mark of an epoch that is never opened gets to the other region, and what was served after it does not.
    scenario: (seed) =>
      scenario(seed, [
        at(3900, "read-only-table", HOME, 4600),
        at(4000, "claim-again", HOME, 0, 1),
        at(4500 + phase(seed, 3000), "cut-link", HOME, 20_000),
        at(8200, "claim", RECOVERY),
      ]),
    share: 1 / 4,
  },
  "knows a log by its position alone": {
    mutation: () =>
      seeing(({ isPrimary, mark }, { reading }) => {
        const position = reading?.theirs.position;
        return !isPrimary && position && position.mark.epoch > mark.epoch ? { mark: position.mark } : {};
      }),
    // Home has served on, comes back ahead of the recovery region's log, and can't follow that.
    scenario: (seed) =>
      scenario(seed, [
        ...isolated(4000, seed, 30_000),
        at(30_000, "cut-link", RECOVERY, 60_000),
        at(38_000, "kill-region", RECOVERY, 40_000),
        at(38_100, "claim", HOME),
        at(38_200, "fence", HOME),
      ]),
  },
  "marks the log once in an epoch, not once for each leader": {
    mutation: () =>
      seeing(({ isPrimary, mark }, { reading }) =>
        isPrimary && mark.epoch === reading?.own ? { timeline: mark.timeline } : {},
      ),
    // The recovery region has what home's leader wrote to no other node: it is ahead of the next leader.
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "slow-replicas", HOME, 9900),
        at(13_000, "cut-link", HOME, 60_000),
        at(13_500, "kill-leader", HOME, 60_000),
        at(24_000 + phase(seed, 2000), "kill-region", HOME, 60_000),
        at(26_100, "claim", RECOVERY),
        at(26_200, "fence", RECOVERY),
      ]),
  },
  "reads the position before its port is shut": {
    mutation: () => ({
      ...believing(({ reading }) =>
        reading && reading.peer > reading.own ? { closedAt: Number.NEGATIVE_INFINITY } : {},
      ),
      skip: (action) => action.kind === "close" && /other region/.test(action.reason),
      skipInLeader: leavesOpen,
    }),
    scenario: (seed) =>
      scenario(seed, [at(4000, "claim", RECOVERY), at(4000 + phase(seed, 3500), "cut-link", HOME, 30_000)]),
    share: 1 / 8,
  },
  "releases with less than was acknowledged": {
    mutation: () =>
      viewing((view, { reading, log }) =>
        reading && log ? { extent: { of: reading.mine.opened, mark: log.mark, lsn: 0 } } : view,
      ),
    // A node that was away comes back to a region that has been demoted, and the others die.
    scenario: (seed) =>
      scenario(seed, [
        at(3000, "cut-link", HOME, 45_000),
        at(4000, "kill-node", HOME, 12_000, seed % 3),
        at(7000 + phase(seed, 2000), "claim", RECOVERY),
        at(12_000, "kill-node", HOME, 45_000, (seed + 1) % 3),
        at(12_000, "kill-node", HOME, 45_000, (seed + 2) % 3),
      ]),
  },
  "lets only the demoted leader release": {
    mutation: () => believing((_, now) => ({ standbySince: now })),
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "claim", RECOVERY),
        at(4500 + phase(seed, 2500), "kill-leader", HOME, 30_000),
      ]),
    share: 1 / 8,
  },
  "takes an earlier notice of demotion for a new one": {
    mutation: () => ({
      decide: (config, state, event, now) => {
        const { reading, view } = state;
        const { demoted, opened } = reading?.mine ?? {};
        if (!reading || !view?.term || view.role?.kind !== "primary" || demoted?.of !== opened)
          return decideRegion(config, state, event, now);
        const { node } = config;
        const taken = { ...(demoted as Demotion), epoch: reading.peer, node, term: view.term };
        const mine = { ...reading.mine, demoted: taken };
        return decideRegion(config, { ...state, reading: { ...reading, mine } }, event, now);
      },
    }),
    // It is still writing that it opens an epoch when it reads that it must yield.
    scenario: (seed) =>
      scenario(seed, [
        ...THERE_AND_BACK,
        at(17_000, "slow-writes", HOME, 30_000),
        at(17_000, "claim-at-opening", HOME, phase(seed, 400)),
      ]),
    share: 1 / 12,
  },
  "forgets why it was promoted": {
    mutation: () => viewing(() => ({ opening: undefined })),
    // Its leader dies before the epoch is open, and meanwhile home comes back with more.
    scenario: (seed) =>
      scenario(seed, [
        ...isolated(4000, seed, 19_500 + phase(seed * 7, 2000)),
        at(24_300 + phase(seed, 2000) + phase(seed * 3, 1200), "kill-leader", RECOVERY, 30_000),
      ]),
    share: 1 / 4,
  },
  "follows the other region before that has opened": {
    mutation: () =>
      doing((actions) =>
        actions.map((action) =>
          action.kind === "change-role" &&
          action.role.kind === "standby" &&
          action.role.source.kind === "nobody"
            ? { ...action, role: { kind: "standby", source: { kind: "region" } } }
            : action,
        ),
      ),
    scenario: (seed) =>
      scenario(seed, [
        ...isolated(4000, seed, 24_000),
        at(24_000 + phase(seed, 2500), "cut-table", RECOVERY, 20_000),
        at(38_000, "claim", HOME),
      ]),
  },
  "acts on a claim only once": {
    mutation: () => {
      const done = new Set<string>();
      return doing((actions, { reading }, { node }) =>
        actions.filter((action) => {
          if (action.kind !== "change-role" && action.kind !== "write-status") return true;
          if (action.reason === "publishes") return true;
          const what = `${node} ${reading?.own} ${reading?.peer} ${action.reason}`;
          if (done.has(what)) return false;
          done.add(what);
          return true;
        }),
      );
    },
    scenario: (seed) =>
      scenario(seed, [
        at(4000, "claim", RECOVERY),
        at(6000 + phase(seed, 3000), "cut-table", RECOVERY, 3000),
      ]),
    share: 1 / 8,
  },
  // The deadline of a decision alone is never missed: what is compared refuses all that comes too late.
  "changes a role whatever has changed meanwhile": {
    mutation: () => ({ blind: true }),
    // Home's leader is about to demote it; before it goes on, home is active again, and claimed away once more.
    scenario: (seed) =>
      scenario(seed, [
        at(3000, "cut-link", HOME, 40_000),
        at(3900, "pause-decision", HOME, 10_000, 0),
        at(4000, "claim", RECOVERY),
        at(6300, "claim", HOME),
        at(13_000 + phase(seed, 3000), "claim", RECOVERY),
      ]),
  },
  "overwrites a status that has changed": {
    mutation: () => ({ unconditional: true }),
    // Home's leader is held up while it opens its next epoch, and its successor demotes.
    scenario: (seed) =>
      scenario(seed, [
        at(3000, "cut-link", HOME, 30_000),
        at(3900, "pause-decision", HOME, 8000 + phase(seed, 4000), 1),
        at(4000, "claim-again", HOME, 0, 1),
        at(6200, "claim", RECOVERY),
      ]),
  },
};
