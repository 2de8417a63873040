/** Guards that are wrong in one way each. A test that none of them fails proves nothing. */
import { decide } from "../../nodes/guard/decide.js";
import type { Mutation } from "./sim/guard.js";

export const MUTANTS = {
  "counts the lease from the end of the transaction": {
    startOf: (_startedAt, endedAt) => endedAt,
  },
  "waits less than the lease and its allowance": {
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
  "uses the wall clock": {
    clock: (node) => node.clock + node.wallStep,
  },
  "begins its term over another's heartbeat": {
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
} satisfies Record<string, Mutation>;
