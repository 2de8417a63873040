/** One leader's situation, let through everywhere: each test takes one thing away. */
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import {
  type Beat,
  type Event,
  initialState,
  type Local,
  NO_REGION_KEYS,
  type State,
  type View,
} from "../../../../nodes/guard/leader/leader-facts.js";

export const LEASE = 2_000;
export const NOW = 100_000;
export const WAIT = LEASE * 1.01 + 200;
/** Of one of the nodes `a`, `b` and `c`. */
export const config = ({ node = "a", enabled = true, mayLead = true } = {}) => ({
  node,
  mayLead,
  leaderLease: { enabled, leaseMillis: LEASE, renewMillis: 400, timeoutMillis: 300 },
});
export const key = (value: string, more: object = {}) => ({
  value,
  create: "7",
  mod: "8",
  lease: "70",
  ...more,
});
export const beat = (more: Partial<Beat> = {}): Beat => ({
  node: "a",
  state: "held",
  term: "7",
  timeline: 3,
  system: "s",
  ...more,
});
export const heartbeat = (more: Partial<Beat> = {}, mod = "9") => ({ beat: beat(more), mod });
export const view = (more: Partial<View> = {}): View => ({
  startedAt: NOW - 60,
  endedAt: NOW - 50,
  leader: key("a"),
  heartbeat: heartbeat(),
  initialize: "s",
  forgetMillis: 15_500,
  members: {},
  region: NO_REGION_KEYS,
  ...more,
});
export const local = (more: Partial<Local> = {}): Local => ({
  startedAt: NOW - 100,
  role: "primary",
  timeline: 3,
  ancestors: [1, 2],
  holdsLock: true,
  ...more,
});
export const state = (more: Partial<State> = {}): State => ({
  ...initialState(0),
  view: view(),
  local: local(),
  healthyAt: NOW - 100,
  heartbeatSeen: { what: "9", since: NOW - 50 },
  leaderSeen: { what: "7 a", since: NOW - 50 },
  ...more,
});
export const actions = (before: State, event: Event, more = {}) =>
  decide(config(more), before, event, NOW).actions;
export const kinds = (before: State, event: Event, more = {}) =>
  actions(before, event, more).map(({ kind }) => kind);
export const TICK: Event = { kind: "tick" };
