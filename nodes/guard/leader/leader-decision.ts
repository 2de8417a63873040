/**
 * The guard's decision: a pure function from state and event to the next state and actions. It does no I/O and reads
 * no clock. It is level-triggered: every action follows from the state, so a lost action is decided again. The
 * comments give the bad interleaving behind each rule.
 *
 * Safety rests on the heartbeat key alone: a port is open to a leader's clients only for one lease from the start of a
 * transaction that rewrote the heartbeat, and no guard overwrites another node's heartbeat unless that reports a
 * closed port or has not changed for longer than the lease.
 */
import type { GuardConfig } from "../shared/config.js";
import type { Action, Beat, Event, Gate, Local, State, View } from "./leader-facts.js";
import { isMarker, suspectOf, takeOver, waitMillis } from "./succession.js";

/** How long a marker keeps the leader key from a Patroni whose guard is dead. That Patroni demotes itself in this time. */
export const MARKER_MILLIS = 600;
/** A leader whose PostgreSQL isn't running stops renewing after this time. Patroni itself should have acted by then. */
const SICK_MILLIS = 10_000;
/** The same in a standby region, where PostgreSQL may be stopping, starting or copying: another node would need as long. */
const SLOW_MILLIS = 300_000;
/** After this time a session that can't be revoked has expired by itself (Patroni's ttl). */
const REVOKE_MILLIS = 60_000;
/** An answer from Patroni that is older than this is stale. */
const LOCAL_MILLIS = 1_000;
/** A longer gap between two reads means that this node or etcd was unavailable. */
const BLIND_MILLIS = 1_000;
/**
 * After a view Patroni may use etcd for this share of the lease. So a replica can be certain that its Patroni is cut off,
 * and continue to serve readers, before its own lease from that view is over.
 */
const ADMIT_SHARE = 0.75;
/**
 * How often a guard that does not lead reads the heartbeat, as a share of the renewal interval: `usual`, and `often`
 * while the heartbeat does not change. The heartbeat's age counts from the reading that showed it, so a late one adds to it.
 */
const READ_SHARE = { usual: 0.8, often: 0.4 } as const;
/** After this time even an idle watch that could not be cut off has run into the kernel's rule: Patroni's default keepalive. */
const KEEPALIVE_MILLIS = 20_000;

type Config = Pick<GuardConfig, "node" | "leaderLease" | "mayLead">;
export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

export function decide(config: Config, before: State, event: Event, now: number): Step {
  const learnt = learn(config, before, event, now);
  const forgets = learnt.forgetUntil > before.forgetUntil && event.kind !== "shut-out-failed";
  const state = forgets ? { ...learnt, admittedUntil: 0 } : learnt;
  const step = respond(config, state, event, now);
  return forgets ? { ...step, actions: [{ kind: "shut-out" }, ...step.actions] } : step;
}

function respond(config: Config, state: State, event: Event, now: number): Step {
  switch (event.kind) {
    case "tick":
      return onTick(config, state, now);
    case "renewed":
      return onRenewed(config, state, event.view, event.opens, now);
    case "view":
      return onView(config, state, now);
    case "local":
      return onLocal(config, state, now);
    case "gate":
      return onGate(config, state, event.reason, now);
    default:
      return { state, actions: [] };
  }
}

/** Milliseconds until the next tick, and until the next query to Patroni: short during a change of leader. */
export function pace(config: Config, state: State): { readonly tick: number; readonly local: number } {
  const { renewMillis } = config.leaderLease;
  const { view } = state;
  const soon = renewMillis / 8;
  const often = READ_SHARE.often * renewMillis;
  if (view?.leader?.value === config.node) {
    const settled = holdsTerm(config, view) && state.openAs === "leader";
    if (settled) return { tick: renewMillis, local: 2 * renewMillis };
    // A region's role change waits for Patroni's cycles and PostgreSQL's stop: frequent queries would slow them down.
    const { isStandby, standbyLeaderMayServe } = state.gate;
    const isRegional = isStandby || !standbyLeaderMayServe;
    return { tick: isRegional ? often : soon, local: often };
  }
  // A cluster that is still being created has no node to elect.
  const unled = Boolean(view?.initialize) && (!view?.leader || isMarker(view.leader));
  const usual = state.probe ? often : READ_SHARE.usual * renewMillis;
  return { tick: unled ? soon : usual, local: 2 * renewMillis };
}

function learn(config: Config, state: State, event: Event, now: number): State {
  switch (event.kind) {
    case "view":
    case "renewed": {
      const { view } = event;
      // By the answers' times: an answer that came while this process was paused is handled late, and is old.
      const gap = view.endedAt - (state.view?.endedAt ?? Number.NEGATIVE_INFINITY);
      const { heartbeat } = view;
      const taken = heartbeat?.beat.state === "taken" ? heartbeat.beat.session : undefined;
      const revoking = Object.fromEntries(
        Object.entries(state.revoking).filter(([, since]) => now - since < REVOKE_MILLIS),
      );
      // Once per record: otherwise the session would be revoked again for ever.
      if (taken && isNews(state, view)) revoking[taken] = now;
      return {
        ...state,
        view,
        revoking,
        blindUntil: gap > BLIND_MILLIS ? view.endedAt : state.blindUntil,
        forgetUntil: mustForget(config, state, view) ? view.endedAt + view.forgetMillis : state.forgetUntil,
        heartbeatSeen: unchangedSince(state.heartbeatSeen, heartbeat?.mod ?? "0", view.endedAt),
        leaderSeen: unchangedSince(
          state.leaderSeen,
          view.leader ? `${view.leader.create} ${view.leader.value}` : "",
          view.endedAt,
        ),
      };
    }
    case "local":
      return { ...state, local: event.local, healthyAt: event.local.startedAt };
    case "probed":
      return state.probe?.node === event.node
        ? { ...state, probe: { ...state.probe, alive: event.alive, answered: true } }
        : state;
    case "revoked": {
      const { [event.session]: _, ...revoking } = state.revoking;
      return { ...state, revoking };
    }
    case "marked":
      return { ...state, marker: { value: event.marker, deleteAt: event.startedAt + MARKER_MILLIS } };
    case "handover":
      return { ...state, handover: event.active };
    case "shut-out-failed":
      return { ...state, forgetUntil: Math.max(state.forgetUntil, now) + KEEPALIVE_MILLIS };
    case "gate":
      return { ...state, gate: event.gate };
    case "tick":
      return state;
  }
}

/**
 * Whether this node's Patroni may act on a dangerously old view of the cluster: another guard took the leadership from
 * this node, or keys changed while etcd was unreachable. Patroni's watch may take seconds to notice that etcd is back.
 * Until then a former leader, with a new session, would put its key back in the middle of an election; and a replica
 * would run for leader on votes that no longer count. Either would promote itself although another node has accepted
 * writes.
 */
function mustForget({ node, leaderLease }: Config, state: State, view: View): boolean {
  const { leader, heartbeat, sync } = view;
  const before = state.view;
  // Without the leader lease Patroni's ttl decides, as it does for Patroni itself, and no rule keeps Patroni from etcd.
  if (!leaderLease.enabled) return false;
  if (!before) return state.patroniIsOlder && leader?.value !== node;
  if (isNews(state, view) && heartbeat?.beat.node === node && heartbeat.beat.state === "taken") return true;
  if (view.startedAt - before.startedAt < leaderLease.leaseMillis) return false;
  const stillLeads = leader?.value === node && (!before.leader || before.leader.create === leader.create);
  const isSame = before.leader?.create === leader?.create && before.sync?.mod === sync?.mod;
  // If no node led before and none leads now, one may have led in between; a takeover from it would show here.
  const isQuiet = leader !== undefined || before.heartbeat?.mod === heartbeat?.mod;
  return !stillLeads && !(isSame && isQuiet);
}

/** Whether the heartbeat was rewritten since the last view. */
const isNews = ({ heartbeatSeen }: State, { heartbeat }: View): boolean =>
  heartbeat !== undefined && heartbeat.mod !== heartbeatSeen?.what;

const unchangedSince = (before: State["heartbeatSeen"], what: string, at: number) =>
  before?.what === what ? before : { what, since: at };

/** Whether the term that the leader key grants is one that this node has already begun. */
function holdsTerm({ node }: Config, { leader, heartbeat }: View): boolean {
  return (
    leader?.value === node &&
    heartbeat?.beat.node === node &&
    (heartbeat.beat.state === "held" || heartbeat.beat.state === "off") &&
    heartbeat.beat.term === leader.create
  );
}

function onTick(config: Config, state: State, now: number): Step {
  const actions: Action[] = [];
  const { view } = state;
  const leads = view?.leader?.value === config.node;
  if (state.marker && now >= state.marker.deleteAt)
    actions.push({ kind: "unmark", marker: state.marker.value });
  for (const session of Object.keys(state.revoking)) {
    // The old leader has returned with that very session and won: revoking it now would only cause another failover.
    if (view?.leader?.lease !== session) actions.push({ kind: "revoke", session });
  }
  const renewal = leads && !state.handover ? renew(config, state, now) : undefined;
  actions.push(renewal ?? { kind: "read", withTtl: !config.leaderLease.enabled });
  return { state, actions };
}

/** The renewal that this node may send to etcd, if any. */
function renew(config: Config, state: State, now: number): Action | undefined {
  const { view, local } = state;
  if (!view?.leader || !config.mayLead || state.gate.standsAside) return undefined;
  const { leader, heartbeat } = view;
  const system = view.initialize ?? "";
  const enabled = config.leaderLease.enabled;
  const before = heartbeat?.beat;
  const floor = before && before.system === system ? before.timeline : 0;
  const continues = holdsTerm(config, view);
  if (!continues) {
    if (!local || now - local.startedAt > LOCAL_MILLIS) return undefined;
    if (local.role === "primary" && floor > 0 && !descendsFrom(floor, local, before?.node === config.node))
      return undefined;
    if (before && before.node !== config.node && !hasRunOut(config, state, before, now)) return undefined;
  } else if (now - state.healthyAt > (state.gate.isStandby ? SLOW_MILLIS : SICK_MILLIS)) return undefined;
  // The heartbeat records the timeline before clients are served on it.
  const timeline = local?.role === "primary" ? Math.max(floor, local.timeline ?? 0) : floor;
  const serves = local?.role === "primary" ? local.timeline === timeline : local?.role === "standby_leader";
  if (!enabled && continues && before?.timeline === timeline && before.state === "off") return undefined;
  return {
    kind: "renew",
    expect: { leader, heartbeatMod: heartbeat?.mod ?? "0" },
    beat: { node: config.node, state: enabled ? "held" : "off", term: leader.create, timeline, system },
    opens: enabled && serves,
  };
}

/**
 * Whether this primary has every write acknowledged on the timeline `floor`. The timeline's number alone doesn't prove
 * it: a former leader that returns with a stale view of etcd can put its key back in the middle of an election and
 * promote itself to a number as high as any, without the writes that another node has accepted.
 * @param own whether this node served on `floor`: it may continue there without a promotion.
 */
function descendsFrom(floor: number, { timeline, ancestors }: Local, own: boolean): boolean {
  if (timeline === floor) return own;
  return timeline !== undefined && timeline > floor && (ancestors ?? []).includes(floor);
}

/** Whether the kernel of the node that wrote this record has certainly closed its port. */
function hasRunOut(config: Config, state: State, beat: Beat, now: number): boolean {
  if (beat.state === "taken" || beat.state === "closed") return true;
  // Between two leaders without the lease Patroni's key decides.
  if (beat.state === "off" && !config.leaderLease.enabled) return true;
  const since = beat.state === "off" ? state.leaderSeen?.since : state.heartbeatSeen?.since;
  return since !== undefined && now - since >= waitMillis(config);
}

function onRenewed(config: Config, state: State, view: View, opens: boolean, now: number): Step {
  const admitted = admit(config, state, view, now);
  if (!opens || state.handover) return admitted;
  // From the *start* of the renewal: the other guards count from the time at which they see it.
  const opened = openAsLeader(admitted.state, view.startedAt + config.leaderLease.leaseMillis, now);
  return { state: opened.state, actions: [...admitted.actions, ...opened.actions] };
}

/**
 * Lets Patroni use etcd for most of a lease after this view. A takeover comes later: by then this Patroni is cut off,
 * or its guard has a newer view.
 */
function admit({ leaderLease }: Config, state: State, { startedAt }: View, now: number): Step {
  const until = startedAt + leaderLease.leaseMillis * ADMIT_SHARE;
  if (!leaderLease.enabled || until <= now || now < state.forgetUntil || !state.gate.patroniMayRun)
    return { state, actions: [] };
  return { state: { ...state, admittedUntil: until }, actions: [{ kind: "admit", until }] };
}

function open(state: State, until: number, as: "leader" | "replica", now: number): Step {
  if (until <= now) return { state, actions: [] };
  return { state: { ...state, openUntil: until, openAs: as }, actions: [{ kind: "open", until, as }] };
}

/** Both leases must be valid: the leader lease, and for writes the region lease. */
function openAsLeader(state: State, until: number, now: number): Step {
  const { gate, local } = state;
  const isStandby = local?.role === "standby_leader";
  const bound = isStandby ? (standbyLeaderServes(gate) ? until : 0) : gate.writesUntil;
  return open(state, Math.min(until, bound), "leader", now);
}

/** Not where the role is primary already, and Patroni has still to promote. */
const standbyLeaderServes = (gate: Gate): boolean => gate.isStandby && gate.standbyLeaderMayServe;

/** What the region withdraws ends at once; what it allows begins with the next renewal. */
function onGate(config: Config, state: State, reason: string | undefined, now: number): Step {
  const { gate, local, openAs, openUntil } = state;
  if (openUntil <= now) return { state, actions: [] };
  const isStandby = local?.role === "standby_leader";
  const allowed =
    openAs === "replica"
      ? gate.replicaUntil
      : isStandby && standbyLeaderServes(gate)
        ? openUntil
        : gate.writesUntil;
  if (allowed > now) return { state, actions: [] };
  return close(state, reason ?? `the region of ${config.node} accepts no writes`);
}

function close(state: State, reason: string): Step {
  return { state: { ...state, openUntil: 0, openAs: undefined }, actions: [{ kind: "close", reason }] };
}

function onView(config: Config, state: State, now: number): Step {
  const { view } = state;
  if (!view) return { state, actions: [] };
  const leads = view.leader?.value === config.node;
  let next = state;
  const actions: Action[] = [];
  const then = (step: Step) => {
    next = step.state;
    actions.push(...step.actions);
  };

  if (next.marker && view.leader?.value !== next.marker.value) next = { ...next, marker: undefined };

  // A leader is admitted by its renewals only: another guard may be about to take over from one that merely reads.
  if (!holdsTerm(config, view) || next.handover) then(admit(config, next, view, now));

  if (!leads) {
    const ours = view.heartbeat?.beat.node === config.node && view.heartbeat.beat.state === "held";
    // Close before confessing: the next leader opens the moment it reads this.
    if (next.openAs === "leader" || ours)
      then(
        close(
          next,
          view.leader ? `the leader key names ${view.leader.value}` : "no node holds the leader key",
        ),
      );
    if (ours && view.heartbeat) {
      const { beat, mod } = view.heartbeat;
      actions.push({ kind: "confess", heartbeatMod: mod, beat: { ...beat, state: "closed" } });
    }
    then(openAsReplica(config, next, view.startedAt, now));
  } else {
    // A replica's permission to serve must end before its promotion.
    if (next.openAs === "replica" && next.openUntil > now)
      then(close(next, "the leader key names this node"));
    if (!config.leaderLease.enabled) then(openByKey(config, next, view, now));
    else if (!holdsTerm(config, view)) {
      const renewal = next.handover ? undefined : renew(config, next, now);
      if (renewal) actions.push(renewal);
    }
  }

  then(succeed(config, next, now));
  return { state: next, actions };
}

/** A new answer from Patroni: a promotion that has just ended needn't wait for the next tick. */
function onLocal(config: Config, state: State, now: number): Step {
  const { view, local } = state;
  if (!view || !local) return { state, actions: [] };
  if (view.leader?.value === config.node) {
    const waits = !state.handover && state.openAs !== "leader" && local.role !== "replica";
    const renewal = waits && config.leaderLease.enabled ? renew(config, state, now) : undefined;
    return { state, actions: renewal ? [renewal] : [] };
  }
  return openAsReplica(config, state, view.startedAt, now);
}

/**
 * A replica's clients can only read; its lease exists for the moment after a promotion. It counts from the earlier of
 * two answers: this node is in recovery, and another node holds the leader key. While etcd is unavailable the last
 * answer about the key remains valid, unless Patroni disagrees.
 */
function openAsReplica(config: Config, state: State, readAt: number, now: number): Step {
  const { local } = state;
  if (!local || local.role === "primary" || local.holdsLock) return { state, actions: [] };
  // This node can't be elected in the meantime only while Patroni is kept from etcd; without the leader lease it isn't.
  const cannotWin = !config.leaderLease.enabled || local.startedAt >= state.admittedUntil;
  const etcdIsAway = now - readAt > BLIND_MILLIS && cannotWin;
  const since = etcdIsAway ? local.startedAt : Math.min(readAt, local.startedAt);
  return open(
    state,
    Math.min(since + config.leaderLease.leaseMillis, state.gate.replicaUntil),
    "replica",
    now,
  );
}

/** Without the leader lease: while Patroni's key names this node, and no longer than the key's time to live. */
function openByKey(config: Config, state: State, view: View, now: number): Step {
  const { local } = state;
  const fresh = local && now - local.startedAt <= LOCAL_MILLIS && local.role !== "replica";
  const ttlMillis = (view.leaderTtlSeconds ?? 0) * 990;
  if (!fresh || ttlMillis <= 0) return { state, actions: [] };
  return openAsLeader(state, view.startedAt + Math.min(config.leaderLease.leaseMillis, ttlMillis), now);
}

/** Watches another leader: probes it, mutes it, takes over from it. */
function succeed(config: Config, state: State, now: number): Step {
  const suspect = suspectOf(config, state, now);
  const muted = suspect.mute;
  const actions: Action[] = [];
  let next: State = state;
  if (muted.join() !== state.muted.join() || muted.length > 0) {
    actions.push({ kind: "mute", nodes: muted });
    next = { ...next, muted };
  }
  if (suspect.probe && state.probe?.node !== suspect.probe) {
    next = { ...next, probe: { node: suspect.probe, alive: false, askedAt: now, answered: false } };
    actions.push({ kind: "probe", node: suspect.probe });
  }
  if (!suspect.probe && !suspect.due && suspect.calm) next = { ...next, probe: undefined };
  if (suspect.due) {
    const action = takeOver(next, now);
    if (action) actions.push(action);
  }
  return { state: next, actions };
}
