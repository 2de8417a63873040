/**
 * Guards that are wrong in one way each, and the kind of accident that shows it: a test that none of them fails
 * proves nothing. Leaders' clocks are slow and the others' fast, as far apart as is allowed for.
 */
import { decide } from "../../nodes/guard/decide.js";
import type { Fault, FaultKind, Scenario } from "./sim/cluster.js";
import type { Mutation } from "./sim/guard.js";

interface Mutant {
  readonly mutation: Mutation;
  /** The same for the same number. */
  readonly scenario: (seed: number) => Scenario;
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
    mutation: { startOf: (_startedAt, endedAt) => endedAt },
    // The last renewal's answer is on its way for nearly as long as it may be.
    scenario: (seed) =>
      scenario(seed, leader("slow-answers", phase(seed), 8000), leader("cut-out", 1000, 5000)),
  },
  "waits less than the lease and its allowance": {
    mutation: {
      decide: (config, state, event, now) => {
        // The others' lease is 2 s; this guard believes in 1.7.
        const { leaderLease } = config;
        const impatient = {
          ...config,
          leaderLease: { ...leaderLease, leaseMillis: leaderLease.leaseMillis - 300 },
        };
        const step = decide(impatient, state, event, now);
        const actions = step.actions.map((action) =>
          action.kind === "open" ? { ...action, until: action.until + 300 } : action,
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
    scenario: cutOff,
  },
  "lets candidates wait for the dead": {
    mutation: { skip: ({ kind }) => kind === "mute" },
    scenario: (seed) => scenario(seed, leader("kill", phase(seed), 9000)),
  },
};
