/** When and how a guard takes over from a leader whose heartbeat has stopped. */
import type { GuardConfig } from "../shared/config.js";
import type { Action, Key, State } from "./leader-facts.js";

type Config = Pick<GuardConfig, "node" | "leaderLease" | "mayLead">;

/**
 * How long a heartbeat must stay unchanged before a takeover. Its writer's lease began before the write, and so before
 * any guard saw it. Adds 1 % for clock drift, and 200 ms for the kernel's timers and queues.
 */
export const waitMillis = ({ leaderLease }: Pick<Config, "leaderLease">): number =>
  leaderLease.leaseMillis * 1.01 + 200;

const MARKER_PREFIX = "guard-marker:";
/** The leader key's value while a guard keeps it from every node. Never a node's name. */
export const markerOf = (node: string, nonce: string): string => `${MARKER_PREFIX}${node}:${nonce}`;
export const isMarker = ({ value }: Pick<Key, "value">): boolean => value.startsWith(MARKER_PREFIX);

/** Shares of that wait after which the guard probes a suspect, and stops it from delaying the election. */
const PROBE_SHARE = 0.45;
const MUTE_SHARE = 0.65;

export interface Suspicion {
  /** Node whose Patroni the guard should probe. */
  readonly probe?: string;
  readonly mute: readonly string[];
  readonly due: boolean;
  /** No node is suspected. */
  readonly calm: boolean;
}

const CALM: Suspicion = { mute: [], due: false, calm: true };

export function suspectOf(config: Config, state: State, now: number): Suspicion {
  const { view, heartbeatSeen, leaderSeen } = state;
  if (!config.leaderLease.enabled || !view || !heartbeatSeen || !leaderSeen) return CALM;
  const { leader, heartbeat } = view;
  if (leader?.value === config.node) return CALM;
  const last = heartbeat?.beat;
  if (!leader || isMarker(leader)) {
    // No node leads, or a marker holds the key. Until the election is over the others needn't wait for the old
    // leader's Patroni, unless it has returned with a new session.
    const member = last && view.members[last.node];
    const isGone =
      last?.state === "taken" && last.node !== config.node && (!member || member.lease === last.session);
    return isGone ? { mute: [last.node], due: false, calm: true } : CALM;
  }
  // This leader follows Patroni's key alone and writes no heartbeat.
  if (last?.state === "off" && last.node === leader.value) return CALM;
  const age = now - Math.max(heartbeatSeen.since, leaderSeen.since);
  const wait = waitMillis(config);
  // After a period without reads the leader gets time to renew before its silence counts.
  const sinceBlind = now - state.blindUntil;
  const patience = 2 * config.leaderLease.renewMillis + config.leaderLease.timeoutMillis;
  return {
    probe: age >= wait * PROBE_SHARE ? leader.value : undefined,
    mute: age >= wait * MUTE_SHARE ? [leader.value] : [],
    due: config.mayLead && age >= wait && sinceBlind >= patience,
    calm: age < wait * PROBE_SHARE,
  };
}

/**
 * One transaction that compares everything the guard read. It rewrites the sync key unchanged: an old leader that
 * stalled in the middle of "drop to asynchronous" then fails its compare, instead of acknowledging writes alone.
 */
export function takeOver({ view, probe, heartbeatSeen, leaderSeen }: State, now: number): Action | undefined {
  if (!view?.leader || !heartbeatSeen || !leaderSeen) return undefined;
  const { leader, heartbeat, sync } = view;
  const before = heartbeat?.beat;
  const system = view.initialize ?? "";
  return {
    kind: "take-over",
    expect: { leader, heartbeatMod: heartbeat?.mod ?? "0", sync },
    beat: {
      node: leader.value,
      state: "taken",
      term: leader.create,
      timeline: before?.system === system ? before.timeline : 0,
      system,
      session: leader.lease,
    },
    mark: probe?.node === leader.value && probe.alive,
    waitedMillis: Math.round(now - Math.max(heartbeatSeen.since, leaderSeen.since)),
  };
}
