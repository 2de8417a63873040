/**
 * Guards that are wrong in one way each, and the kind of accident that shows it: a test that none of them fails
 * proves nothing. Leaders' clocks are slow and those of other nodes fast, by the largest allowed difference.
 */
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import type { Fault, FaultKind, Scenario } from "./sim/cluster.js";
import type { Mutation } from "./sim/guard-process.js";

interface Mutant {
  readonly mutation: Mutation;
  /** The same for the same number. */
  readonly scenario: (seed: number) => Scenario;
  /** Of all seeds, how many must show it at least: 1/4 when left out. */
  readonly share?: number;
  /** What a right guard needs at most. When left out: lease, allowance and election, of one fault. */
  readonly outageMillis?: number;
}

const LEADER = 3;
const scenario = (seed: number, ...faults: readonly Fault[]): Scenario => ({
  seed,
  slowness: 0,
  rates: [-10, 10, 10],
  faults,
});
/** At any phase of the leader's renewals. */
const phase = (seed: number): number => (seed * 37) % 300;
const leader = (kind: FaultKind, after: number, length: number): Fault => ({
  kind,
  node: LEADER,
  after,
  length,
});
/** For 5 to 10 s: longer than the lease, shorter than Patroni's session. */
const cutOff = (seed: number) => ({
  ...scenario(seed, leader("cut", phase(seed), 5000 + ((seed * 333) % 5000))),
  lateWatch: true,
});

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "counts the lease from the end of the transaction": {
    mutation: {
      decide: (config, state, event, now) =>
        decide(
          config,
          state,
          event.kind === "renewed"
            ? { ...event, view: { ...event.view, startedAt: event.view.endedAt } }
            : event,
          now,
        ),
    },
    // The last renewal's answer is on its way for nearly as long as it may be.
    scenario: (seed) =>
      scenario(seed, leader("slow-answers", phase(seed), 8000), leader("cut-out", 1000, 5000)),
  },
  "waits less than the lease and its allowance": {
    mutation: {
      decide: (config, state, event, now) => {
        // The lease of the other guards is 2 s; this guard assumes 1.5 s.
        const { leaderLease } = config;
        const impatient = {
          ...config,
          leaderLease: { ...leaderLease, leaseMillis: leaderLease.leaseMillis - 500 },
        };
        const step = decide(impatient, state, event, now);
        const actions = step.actions.map((action) =>
          action.kind === "open" ? { ...action, until: action.until + 500 } : action,
        );
        return { ...step, actions };
      },
    },
    scenario: cutOff,
  },
  "uses the wall clock": {
    mutation: { clock: (node) => node.clock + node.wallStep },
    scenario: (seed) =>
      scenario(seed, leader("pause-guard", phase(seed), 5000), {
        kind: "wall-step",
        node: 1,
        after: 1000,
        length: 900,
      }),
  },
  "begins its term over another's heartbeat": {
    mutation: {
      decide: (config, state, event, now) => {
        const { heartbeatSeen } = state;
        return decide(
          config,
          { ...state, heartbeatSeen: heartbeatSeen && { ...heartbeatSeen, since: 0 } },
          event,
          now,
        );
      },
    },
    scenario: cutOff,
  },
  "leaves the old leader its session": {
    mutation: { skip: ({ kind }) => kind === "revoke" },
    // The kernel would keep its Patroni from etcd until it has forgotten: either would do here.
    scenario: (seed) => ({ ...cutOff(seed), patroniKept: false }),
  },
  "lets a Patroni that lost the lead go on with its old picture": {
    mutation: {
      decide: (config, state, event, now) => {
        const step = decide(config, state, event, now);
        return { ...step, actions: [...step.actions, { kind: "admit", until: now + 60_000 }] };
      },
    },
    // Its successor dies, and its watch of etcd comes back in the middle of the election that follows.
    scenario: (seed) => ({
      seed: 1_755_374_600 + seed,
      slowness: 0,
      rates: [0, -2, 9],
      faults: [
        { kind: "cut-out", node: 1, after: 3558, length: 5793 },
        { kind: "cut-in", node: LEADER, after: 709, length: 8475 },
        { kind: "pause-guard", node: 0, after: 3365, length: 4340 },
        { kind: "kill", node: LEADER, after: 2668, length: 7596 },
      ],
      lateWatch: true,
    }),
    share: 1 / 20,
    outageMillis: 30_000,
  },
  "lets candidates wait for the dead": {
    mutation: { skip: ({ kind }) => kind === "mute" },
    scenario: (seed) => scenario(seed, leader("kill", phase(seed), 9000)),
  },
};
