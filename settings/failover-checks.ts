/** Checks of `failover`: what Patroni and etcd demand of their timers, and what the objective demands of all. */

import type { Problem } from "../common/errors.js";
import type { Check } from "./check.js";
import {
  etcdElectionMillis,
  GUARD_RENEW_MILLIS,
  GUARD_TIMEOUT_MILLIS,
  worstCaseFailoverSeconds,
} from "./failover-time.js";
import type { SharedSettings } from "./schema.js";

/**
 * Patroni's rules, which it otherwise enforces by changing the numbers silently.
 * Source: https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
 */
const PATRONI_LEAST = { ttlSeconds: 20, retryTimeoutSeconds: 3, loopWaitSeconds: 1 } as const;
/** Source: https://etcd.io/docs/v3.4/tuning/#time-parameters and etcd's own refusal to start. */
const ETCD_ELECTION_PER_HEARTBEAT = 5;

const patroniTimers: Check<SharedSettings> = ({ failover }) => {
  const problems: Problem[] = (["ttlSeconds", "retryTimeoutSeconds"] as const)
    .filter((key) => failover[key] < PATRONI_LEAST[key])
    .map((key) => ({
      key: `failover.${key}`,
      value: failover[key],
      reason: `is below ${PATRONI_LEAST[key]}, the least that Patroni accepts`,
      remedy: `set at least ${PATRONI_LEAST[key]}; the leader lease is what makes a failover fast`,
    }));
  const { ttlSeconds, loopWaitSeconds, retryTimeoutSeconds } = failover;
  const needed = loopWaitSeconds + 2 * retryTimeoutSeconds;
  if (problems.length === 0 && needed > ttlSeconds) {
    problems.push({
      key: "failover.ttlSeconds",
      value: ttlSeconds,
      reason: `is below loopWaitSeconds + 2 × retryTimeoutSeconds (${needed}); a leader that etcd answers late would lose its key`,
      remedy: `set at least ${needed}, or lower the other two`,
    });
  }
  return problems;
};

const etcdTimers: Check<SharedSettings> = ({ failover }) => {
  const least = ETCD_ELECTION_PER_HEARTBEAT * failover.etcdHeartbeatMillis;
  return failover.etcdElectionMillis >= least
    ? []
    : [
        {
          key: "failover.etcdElectionMillis",
          value: failover.etcdElectionMillis,
          reason: `is below ${ETCD_ELECTION_PER_HEARTBEAT} × etcdHeartbeatMillis; etcd refuses to start`,
          remedy: `set at least ${least}, or a shorter heartbeat`,
        },
      ];
};

const leaderLease: Check<SharedSettings> = ({ failover }) => {
  if (!failover.leaderLease) return [];
  const { leaderLeaseSeconds: lease, ttlSeconds } = failover;
  const key = "failover.leaderLeaseSeconds";
  const election = etcdElectionMillis(failover);
  const least = Math.ceil((election + GUARD_RENEW_MILLIS + GUARD_TIMEOUT_MILLIS) / 1000);
  if (lease < least) {
    return [
      {
        key,
        value: lease,
        reason: `is shorter than etcd may be without a leader (twice etcdElectionMillis, ${election} ms) and a renewal; a healthy leader would be cut off at each election`,
        remedy: `set at least ${least}, or a shorter etcdElectionMillis`,
      },
    ];
  }
  return lease < ttlSeconds
    ? []
    : [
        {
          key,
          value: lease,
          reason: `is not below failover.ttlSeconds (${ttlSeconds}); Patroni would take over first, and the lease would be useless`,
          remedy: `set at most ${ttlSeconds - 1}`,
        },
      ];
};

const checkIntervals: Check<SharedSettings> = ({ failover }) =>
  failover.fastCheckIntervalMillis <= failover.checkIntervalMillis
    ? []
    : [
        {
          key: "failover.fastCheckIntervalMillis",
          value: failover.fastCheckIntervalMillis,
          reason: `is above checkIntervalMillis (${failover.checkIntervalMillis}); HAProxy would slow down when it matters`,
          remedy: `set at most ${failover.checkIntervalMillis}`,
        },
      ];

const objectiveIsMet: Check<SharedSettings> = ({ failover, objectives }) => {
  const times = Object.values(worstCaseFailoverSeconds(failover));
  const worst = times.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  if (worst.seconds <= objectives.nodeRtoSeconds) return [];
  const parts = worst.parts.map(({ what, seconds }) => `${what} ${round(seconds)} s`).join(", ");
  const lease = failover.leaderLease ? "" : ", or set failover.leaderLease: true";
  return [
    {
      key: "objectives.nodeRtoSeconds",
      value: objectives.nodeRtoSeconds,
      reason: `is below the worst case of the settings in failover, ${round(worst.seconds)} s (${parts})`,
      remedy: `set at least ${Math.ceil(worst.seconds)}${lease}`,
    },
  ];
};

const round = (seconds: number) => Math.round(seconds * 100) / 100;

export const FAILOVER_CHECKS: readonly Check<SharedSettings>[] = [
  patroniTimers,
  etcdTimers,
  leaderLease,
  checkIntervals,
  objectiveIsMet,
];
