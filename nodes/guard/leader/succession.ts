/** When and how a guard takes over from a leader whose heartbeat has stopped. */
import type { GuardConfig } from "../shared/config.js";
import type { Action, Key, State } from "./leader-facts.js";

type Config = Pick<GuardConfig, "node" | "leaderLease" | "mayLead">;

/**
 * How long a heartbeat must have stood still. Its writer's lease began before it was written, so before it
 * was seen; 1 % for clocks that run apart, 200 ms for what the kernel's timers and queues may add.
 */
export const waitMillis = ({ leaderLease }: Pick<Config, "leaderLease">): number =>
  leaderLease.leaseMillis * 1.01 + 200;

const MARKER_PREFIX = "guard-marker:";
/** The leader key's value while a guard keeps it from everybody. Never a node's name. */
export const markerOf = (node: string, nonce: string): string => `${MARKER_PREFIX}${node}:${nonce}`;
export const isMarker = ({ value }: Pick<Key, "value">): boolean => value.startsWith(MARKER_PREFIX);

/** Shares of that wait after which a suspect is asked whether it lives, and kept from delaying the election. */
const PROBE_SHARE = 0.45;
const MUTE_SHARE = 0.65;

export interface Suspicion {
  /** Node to ask whether its Patroni lives. */
  readonly probe?: string;
  readonly mute: readonly string[];
  readonly due: boolean;
  /** Nobody is suspected. */
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
    // Nobody leads, or a marker does: until the election is over the old leader's Patroni is not worth
    // waiting for, unless it has been heard of again, with a session of its own.
    const member = last && view.members[last.node];
    const isGone =
      last?.state === "taken" && last.node !== config.node && (!member || member.lease === last.session);
    return isGone ? { mute: [last.node], due: false, calm: true } : CALM;
  }
  // It follows Patroni's key alone and writes no heartbeat.
  if (last?.state === "off" && last.node === leader.value) return CALM;
  const age = now - Math.max(heartbeatSeen.since, leaderSeen.since);
  const wait = waitMillis(config);
  // After a time without reads the leader gets one to renew, before its silence means anything.
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
 * One transaction that compares all that was seen. The sync key is put unchanged: an old leader that stalled
 * in the middle of "drop to asynchronous" then fails its compare, instead of acknowledging on itself alone.
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
