/**
 * What a guard does about the region that its node is in: whether writes may be served here, and whether the region
 * becomes primary or standby. From what is known and what has just been seen; no input or output, no clock of its
 * own. Level-triggered: what got lost is decided again. docs/promotion.md has the protocol and its reasons.
 *
 * What makes it safe: a region serves writes only for one lease after a reading of the claims that shows it greatest,
 * only in an epoch that its status says it has opened, and it opens an epoch only when the other region has released
 * for it, or has certainly run out.
 */
import { isHandedOver, mayBeRewound, SAVE_FIRST_MILLIS, unsavedEpoch } from "./diverged.js";
import type {
  LogEnd,
  Opening,
  Position,
  Reading,
  RegionAction,
  RegionEvent,
  RegionRules,
  RegionState,
  RegionView,
  Role,
  Status,
} from "./facts.js";
import { hasAllOf, hasLastOf, headOf, isMarked, reaches } from "./history.js";
import { lagMillis, published, reached } from "./lag.js";

export interface RegionConfig {
  readonly node: string;
  /** Under which the other region's nodes reach this one. */
  readonly address: string;
  readonly rules: RegionRules;
  /** A new cluster here begins as a standby: what patroni.yml says where etcd says nothing yet. */
  readonly startsAsStandby: boolean;
}

export interface RegionStep {
  readonly state: RegionState;
  readonly actions: readonly RegionAction[];
}

/** What PostgreSQL said longer ago than this says nothing about now. */
const LOG_MILLIS = 1_000;
/** While something is about to change, claims and status are read so often: by who can act on them, and by others. */
const HURRY_MILLIS = 200;
const FOLLOW_MILLIS = 1_000;
/** The rest of a demoted node's log usually comes while it stops. After this it is fetched from the node itself. */
const FETCH_AFTER_MILLIS = 1_000;
/** So long what was acknowledged to nobody is waited for; it may go on coming until Patroni promotes, half a second later. */
const LAST_MILLIS = 300;
/** So long nothing more may have come before the end of the archive is taken for one: segments come by replication. */
const REST_MILLIS = 5_000;
/** A node that has data is given so long to say so. */
const NAME_ONLY_MILLIS = 10_000;
/** A leader that is stopping is given so long to come back and release; the other nodes as long again. */
const RELEASE_AFTER_MILLIS = 10_000;

export function decideRegion(
  config: RegionConfig,
  before: RegionState,
  event: RegionEvent,
  now: number,
): RegionStep {
  const learnt = learn(config, before, event);
  const permitUntil = permit(config, learnt, now);
  const closedAt = permitUntil > 0 ? undefined : learnt.closedAt;
  const state = changed(learnt, { permitUntil, closedAt });
  const actions: RegionAction[] = [];
  if (before.permitUntil > now && permitUntil === 0) actions.push({ kind: "close", reason: refusal(state) });
  if (event.kind === "status-written") return { state, actions };
  actions.push(...act(config, state, now));
  const asks = (kind: RegionAction["kind"]) => actions.some((action) => action.kind === kind);
  const askedAt = {
    readAskedAt: asks("read-claims") ? now : state.readAskedAt,
    wroteAt: asks("write-status") ? now : state.wroteAt,
  };
  return { state: changed(state, askedAt), actions };
}

/** The very same state where nothing is new: this runs many times a second, in the simulator many thousand times. */
function changed(state: RegionState, news: Partial<RegionState>): RegionState {
  const isNew = (Object.keys(news) as (keyof RegionState)[]).some((key) => state[key] !== news[key]);
  return isNew ? { ...state, ...news } : state;
}

function learn({ node }: RegionConfig, state: RegionState, event: RegionEvent): RegionState {
  switch (event.kind) {
    case "tick":
      return state;
    case "data":
      return { ...state, data: event.data };
    case "reading":
      return withProof(node, learnReading(node, state, event.reading));
    case "log":
      if (state.log && event.log.startedAt < state.log.startedAt) return state;
      return withProof(node, { ...state, log: event.log, restingSince: restingSince(state, event.log) });
    case "view": {
      const { view } = event;
      const { term } = view;
      const since = state.term?.term === term ? state.term?.since : view.startedAt;
      return {
        ...state,
        view,
        term: term === undefined ? undefined : { term, since: since as number },
        standbySince: view.role?.kind === "standby" ? (state.standbySince ?? view.startedAt) : undefined,
        nameOnlySince: view.nameOnlyMod === undefined ? undefined : (state.nameOnlySince ?? view.startedAt),
      };
    }
    case "closed":
      return { ...state, closedAt: state.closedAt ?? event.at };
    case "status-written": {
      const { reading } = state;
      if (!reading || event.status.sequence <= reading.mine.sequence) return state;
      return {
        ...state,
        reading: { ...reading, mine: event.status },
        publishedNotBefore: event.startedAt,
      };
    }
  }
}

/** Once seen to rest at a position it rests there, though it goes on looking for more. */
function restingSince({ log: before, restingSince: since }: RegionState, log: LogEnd): number | undefined {
  if (since !== undefined && !log.isPrimary && before?.lsn === log.lsn) return since;
  return log.replay?.isWaiting ? log.startedAt : undefined;
}

function learnReading(node: string, state: RegionState, answer: Reading): RegionState {
  const before = state.reading;
  if (before && answer.startedAt < before.startedAt) return state;
  // A write of our own may have overtaken it.
  const mine = before && before.mine.sequence > answer.mine.sequence ? before.mine : answer.mine;
  const reading = { ...answer, mine };
  const since = before?.startedAt ?? Number.NEGATIVE_INFINITY;
  const isNews = answer.theirs.sequence !== before?.theirs.sequence;
  const first = (seen: RegionState["claimSeen"], holds: boolean, epoch = reading.own) =>
    holds && seen?.epoch !== epoch ? { epoch, at: reading.endedAt } : seen;
  return {
    ...state,
    reading,
    // Written after the reading before, which did not show it yet.
    publishedNotBefore: mine.sequence === before?.mine.sequence ? state.publishedNotBefore : since,
    peerNotBefore: isNews ? since : state.peerNotBefore,
    peerPositions: published(state.peerPositions, answer.theirs.position),
    claimSeen: first(state.claimSeen, reading.own > reading.peer),
    releaseSeen: first(state.releaseSeen, reading.theirs.released?.epoch === reading.own),
    peerOpenSeen: first(state.peerOpenSeen, reading.theirs.opened === reading.peer, reading.peer),
    // After a restart: what this very node had proven before.
    proof: state.proof ?? (answer.mine.proof?.node === node ? answer.mine.proof : undefined),
  };
}

function withProof(node: string, state: RegionState): RegionState {
  if (!state.log) return state;
  const { proof = state.proof, ahead } = reached(node, state.peerPositions, state.log);
  return changed(state, { proof, peerPositions: ahead });
}

/** Until when writes may be served here: 0 when they may not be. */
function permit({ rules }: RegionConfig, state: RegionState, now: number): number {
  const { reading, view, log, term, publishedNotBefore } = state;
  if (!reading || !view || !log || !term) return 0;
  const { own, peer, mine } = reading;
  if (own <= peer || mine.opened !== own || view.role?.kind !== "primary") return 0;
  // Read in this term: in an earlier one another timeline may have been the newest.
  if (log.startedAt < term.since || !isMarked(log, own)) return 0;
  // From the *start* of the reading. Who can read but no longer publish must stop too, or the other region could
  // not bound what it will lack.
  const since = Math.min(reading.startedAt, publishedNotBefore + rules.leaseMillis);
  const until = since + rules.leaseMillis;
  return until > now ? until : 0;
}

function refusal({ reading, view }: RegionState): string {
  if (!reading) return "the claims were not read yet";
  const { own, peer } = reading;
  if (own <= peer) return `epoch ${peer} of the other region is above ${own} of this one`;
  if (view?.role?.kind !== "primary") return "this region is standby";
  return view.term === undefined ? "this node does not lead" : "the region lease has run out";
}

function act(config: RegionConfig, state: RegionState, now: number): RegionAction[] {
  const { reading, view } = state;
  const actions: RegionAction[] = [];
  const isSoon = isUnsettled(state) || peerIsSilent(config, state, now);
  const pace = !isSoon ? config.rules.readMillis : mayAct(config, state) ? HURRY_MILLIS : FOLLOW_MILLIS;
  if (now - state.readAskedAt >= Math.min(pace, config.rules.readMillis))
    actions.push({ kind: "read-claims" });
  // An old picture: whatever follows from it may be wrong by now.
  if (!reading || !view || now - reading.startedAt >= config.rules.leaseMillis) return actions;
  const { own, peer } = reading;
  const greatest = Math.max(own, peer);
  if (view.epoch < greatest)
    return [...actions, { kind: "raise-epoch", epoch: greatest, expectMod: view.epochMod }];
  // Somebody here has seen a claim that we haven't.
  if (view.epoch > greatest || greatest === 0 || !view.role) return actions;
  const known: Known = { config, state, reading, view, role: view.role, now };
  return [...actions, ...(own > peer ? lead(known) : yieldTo(known))];
}

/** The leader, and who has just been one. */
const mayAct = ({ node }: RegionConfig, { view, reading }: RegionState): boolean =>
  reading === undefined || view?.term !== undefined || reading.mine.demoted?.node === node;

/** The active region publishes no more: a claim of this one's may come any moment, and each second counts then. */
const peerIsSilent = (
  { rules }: RegionConfig,
  { reading, peerNotBefore }: RegionState,
  now: number,
): boolean =>
  reading !== undefined && reading.peer > reading.own && now - peerNotBefore > 3 * rules.readMillis;

/** A claim that has not been followed yet, here or there. */
function isUnsettled({ reading }: RegionState): boolean {
  if (!reading) return true;
  const { own, peer, mine, theirs } = reading;
  return own > peer ? mine.opened < own : theirs.opened < peer && peer > 0;
}

/** For people: what a region that is to become active waits for, and by how much it may lag behind. */
export function explain(config: RegionConfig, state: RegionState, now: number) {
  const { reading, view, log } = state;
  if (!reading || !view?.role || !log) return { lagMillis: undefined, waitsFor: undefined };
  const lag = lagMillis(config.rules, reading, log, state, now);
  const pending = isPending(state) && view.opening?.epoch !== reading.own;
  const ticket = pending ? ticketOf({ config, state, reading, view, role: view.role, now }, log) : undefined;
  return {
    lagMillis: Number.isFinite(lag) ? Math.ceil(lag) : undefined,
    waitsFor: ticket?.kind === "wait" ? ticket.reason : undefined,
  };
}

/** Whether this region is on its way to being active: its leader's port is shut until it is. */
export const isPending = ({ reading }: RegionState): boolean =>
  reading !== undefined && reading.own > reading.peer && reading.mine.opened < reading.own;

/**
 * Whether Patroni may run here: not before the region is marked as standby where the other one is active, or an old
 * leader would come back writable; as a possible leader not before the claims were read; and not before what only
 * this node has is saved, for a standby is rewound to the log that it follows.
 */
export function patroniMayRun({ startsAsStandby }: RegionConfig, state: RegionState): boolean {
  const { reading, view } = state;
  if (!view || !mayBeRewound(state)) return false;
  if (view.role?.kind === "standby") return true;
  // A cluster that has never been, or lost all that it had: it must not begin anew beside what has been served.
  if (!view.role) return startsAsStandby || (reading !== undefined && headOf(reading) === 0);
  if (!reading) return false;
  const { own, peer, theirs } = reading;
  // Where the other region has not opened yet it waits for what this one still has: that needs a leader.
  return own >= peer || theirs.opened < peer;
}

/**
 * Until when replicas may be reached in a region that is primary: one of them may be promoted at any moment, and its
 * port still be open from before.
 */
export function replicaUntil({ rules }: RegionConfig, { reading, view }: RegionState): number {
  if (view?.role?.kind === "standby") return Number.POSITIVE_INFINITY;
  if (!reading || reading.own <= reading.peer || reading.mine.opened !== reading.own) return 0;
  return reading.startedAt + rules.leaseMillis;
}

interface Known {
  readonly config: RegionConfig;
  readonly state: RegionState;
  readonly reading: Reading;
  readonly view: RegionView;
  readonly role: Role;
  readonly now: number;
}

/** This region is greatest. */
function lead(known: Known): RegionAction[] {
  const { state, reading, view, role, now } = known;
  const { log } = state;
  if (view.term === undefined || !log || now - log.startedAt > LOG_MILLIS) return [];
  if (log.startedAt < (state.term?.since ?? 0)) return [];
  const { own, mine } = reading;
  if (role.kind === "standby") return promote(known, log);
  // Patroni is about to promote, or has just lost PostgreSQL.
  if (!log.isPrimary || log.timeline === undefined) return [];
  if (mine.opened === own) {
    if (isMarked(log, own)) return publish(known, { position: positionOf(known, log) });
    // Another leader of this region served before in this epoch; this one says so in the log before it does.
    return log.mark.epoch === own ? [{ kind: "mark-log", mark: { epoch: own, timeline: log.timeline } }] : [];
  }
  const ticket = ticketOf(known, log);
  const opening =
    view.opening?.epoch === own ? view.opening : ticket.kind === "go" ? ticket.opening : undefined;
  if (!opening) {
    // The other region has written on since: only as its standby can this one get that.
    return lacksHistory(known, log) && !mustSaveFirst(known)
      ? [changeRole(known, FOLLOWING, "to fetch what the other has")]
      : [];
  }
  // What is acknowledged after the mark belongs to the new epoch: nothing under an older lease may be.
  if (state.closedAt === undefined) return [{ kind: "close", reason: `epoch ${own} is to be opened` }];
  if (!isMarked(log, own)) return [{ kind: "mark-log", mark: { epoch: own, timeline: log.timeline } }];
  const position = positionOf(known, log);
  const opened = { opened: own, opening, position, demoted: undefined, released: undefined };
  return [write(known, { ...mine, ...opened }, `opens epoch ${own}: ${opening.reason}`)];
}

/** Follows the other region, at the price of what it doesn't have: only once that has opened its epoch. */
const FOLLOWING: Role = { kind: "standby", source: { kind: "region" } };
/** What no node gives, from the copy of the other's vault. */
const FETCHING: Role = { kind: "standby", source: { kind: "vault" } };
/** Keeps its log as it is. */
const WAITING: Role = { kind: "standby", source: { kind: "nobody" } };

const lacksHistory = ({ reading }: Known, log: LogEnd): boolean => log.mark.epoch < headOf(reading);

/** Of the very epoch that this region has been following, beyond what may be missing without asking anybody. */
function vaultMayHaveMore(known: Known, log: LogEnd): boolean {
  const { config, state, reading, now } = known;
  const { rules } = config;
  if (!log.replay || log.replay.isStreaming || log.mark.epoch !== reading.theirs.opened) return false;
  return isSilenced(known) && lagMillis(rules, reading, log, state, now) > rules.lagBudgetMillis;
}

function promote(known: Known, log: LogEnd): RegionAction[] {
  const { state, reading, role, now } = known;
  const { released } = reading.theirs;
  if (log.isPrimary) return [];
  const source = role.kind === "standby" ? role.source : undefined;
  const ticket = ticketOf(known, log);
  // Even where loss is accepted: what the vault has need not be lost.
  const isBare = source?.kind === "region" || (source?.kind === "nobody" && ticket.kind === "wait");
  if (isBare && vaultMayHaveMore(known, log))
    return [changeRole(known, FETCHING, "nobody there answers, and the copy of its vault may have more")];
  if (ticket.kind === "go") {
    // One after the other: Patroni takes no restore_command away from a primary, and a promotion waits for one that runs.
    if (source?.kind === "vault")
      return [changeRole(known, WAITING, "all that the copy of the other's vault has is here")];
    if (source?.kind === "nobody" && log.replay?.usesArchive) return [];
    return [
      // What a standby's leader was allowed must not outlive its promotion.
      { kind: "close", reason: "this region is being promoted" },
      { ...changeRole(known, { kind: "primary" }, ticket.opening.reason), opening: ticket.opening },
    ];
  }
  // Left over from a demotion: the other region has been active since.
  if (source?.kind === "nobody" && lacksHistory(known, log) && !mustSaveFirst(known))
    return [changeRole(known, FOLLOWING, "to fetch what the other has")];
  const late = now - (state.releaseSeen?.at ?? now) >= FETCH_AFTER_MILLIS;
  if (late && released?.epoch === reading.own && !hasAllOf(log, released)) {
    const from: Role = { kind: "standby", source: { kind: "node", address: released.address } };
    if (!sameRole(role, from)) return [changeRole(known, from, "to fetch the rest of the other's log")];
  }
  return publish(known, { proof: state.proof });
}

type Ticket =
  | { readonly kind: "go"; readonly opening: Opening }
  | { readonly kind: "wait"; readonly reason: string };

const wait = (reason: string): Ticket => ({ kind: "wait", reason });

/** The other region can't serve any more. */
function isSilenced({ config, state, reading, now }: Known): boolean {
  const { own, overrides } = reading;
  const { leaseMillis, marginMillis } = config.rules;
  const waited = state.claimSeen?.epoch === own ? now - state.claimSeen.at : 0;
  return overrides.fenced === own || waited >= leaseMillis + marginMillis;
}

/** Whether this region may open its epoch with this log, and why (not). */
function ticketOf(known: Known, log: LogEnd): Ticket {
  const { config, state, reading, role, now } = known;
  const { own, peer, mine, theirs, overrides } = reading;
  const { lagBudgetMillis } = config.rules;
  const accepted = overrides.acceptDataLoss === own;
  const go = (reason: string, lag = 0): Ticket => {
    const lagMillis = Number.isFinite(lag) ? Math.ceil(lag) : undefined;
    return { kind: "go", opening: { epoch: own, reason, lagMillis } };
  };
  const complete = log.mark.epoch >= headOf(reading);
  // What the other region could open stands below what this one has already opened.
  if (peer === 0 || peer < mine.opened)
    return complete || accepted ? go("no claim of the other region's is in the way") : wait(LACKS);
  const { released } = theirs;
  if (released?.epoch === own) {
    const patient = now - (state.releaseSeen?.at ?? now) < LAST_MILLIS;
    const complete = hasAllOf(log, released) && log.mark.epoch >= mine.opened;
    if (complete && hasLastOf(log, released))
      return go(`the other region has released for epoch ${own}, and all that it had is here`);
    // What is missing then was acknowledged to nobody: a whole segment of padding, over a slow link.
    if (complete && !patient)
      return go(`the other region has released for epoch ${own}, and all that it acknowledged is here`);
    if (!accepted) return wait("the other region has released, but not all that it had is here");
  }
  if (!isSilenced(known)) return wait("the other region may still be serving");
  if (role.kind === "standby" && role.source.kind === "vault" && !isAtRest(state, now)) return wait(REPLAYS);
  const reason = overrides.fenced === own ? "an operator says it is fenced" : "its lease has run out";
  const lag = lagMillis(config.rules, reading, log, state, now);
  if (accepted) return go(`${reason}; data loss is accepted`, lag);
  // Not where this log has what came later.
  if (theirs.demoted?.of === theirs.opened && log.mark.epoch <= theirs.opened && theirs.demoted)
    return wait(`the other region has demoted ${theirs.demoted.node} and has still to release`);
  if (!complete) return wait(LACKS);
  if (lag > lagBudgetMillis)
    return wait(`this region lags by ${(lag / 1000).toFixed(0)} s, above the budget`);
  return go(`${reason}; at most the last ${(lag / 1000).toFixed(1)} s of its writes are missing`, lag);
}

/** The archive has no more: what it has must not be given away, even where loss is accepted. */
const isAtRest = ({ restingSince: since }: RegionState, now: number): boolean =>
  since !== undefined && now - since >= REST_MILLIS;

const REPLAYS = "the copy of the other region's vault is still being replayed";
const LACKS = "the other region has written since in an epoch that this log does not have";

/** The other region is greatest. */
function yieldTo(known: Known): RegionAction[] {
  const { config, state, reading, view, role, now } = known;
  const { peer, mine, theirs } = reading;
  const { log } = state;
  if (role.kind === "primary") {
    // It is active already: nothing here is waited for, and no leader is needed to obey.
    if (theirs.opened === peer)
      return rewindMayBegin(known) ? [changeRole(known, FOLLOWING, `epoch ${peer} is open`, false)] : [];
    if (view.term === undefined || !log?.isPrimary || now - log.startedAt > LOG_MILLIS) return [];
    if (log.startedAt < (state.term?.since ?? 0)) return [];
    // Nothing is acknowledged any more from the moment the port is shut: what is read then is all there is.
    if (state.closedAt === undefined || log.startedAt < state.closedAt)
      return [{ kind: "close", reason: `the other region claims epoch ${peer}` }];
    const { demoted, opened } = mine;
    const { node } = config;
    // One of an earlier epoch won't do: an opening of this region's may be on its way, and only a new notice competes
    // with it, so that one of the two fails.
    const isSaid =
      demoted?.of === opened && demoted.epoch === peer && demoted.node === node && demoted.term === view.term;
    if (isSaid) {
      const change = changeRole(known, WAITING, `the other region claims epoch ${peer}`);
      return [{ ...change, extent: { of: opened, mark: log.mark, lsn: log.lsn } }];
    }
    const next = {
      ...mine,
      demoted: { of: opened, epoch: peer, node, term: view.term },
      released: undefined,
    };
    return [write(known, next, `demotes ${node} for epoch ${peer}`)];
  }
  const leads = view.term !== undefined;
  const needsVault = role.source.kind === "vault" && !log?.replay?.isStreaming;
  const isElsewhere = role.source.kind !== "region" && !needsVault;
  if (leads && theirs.opened === peer && isElsewhere && rewindMayBegin(known))
    return [changeRole(known, FOLLOWING, `epoch ${peer} is open`)];
  const { configMod, epochMod, nameOnlyMod: nameMod } = view;
  if (theirs.opened === peer && role.source.kind === "region" && nameMod !== undefined) {
    const isOver = now - (state.nameOnlySince ?? now) >= NAME_ONLY_MILLIS;
    const expect = { configMod, epochMod };
    return isOver ? [{ kind: "forget-cluster", nameMod, expect, reason: "no node here has any data" }] : [];
  }
  if (!log || log.isPrimary || now - log.startedAt > LOG_MILLIS) return [];
  if (theirs.opened < peer && mine.released?.epoch !== peer && mayRelease(known, log)) {
    const { address } = config;
    const { mark, lsn } = log;
    const acknowledged = view.extent?.of === mine.opened ? view.extent.lsn : lsn;
    const released = { epoch: peer, opened: mine.opened, mark, acknowledged, lsn, address };
    return [write(known, { ...mine, released }, `releases for epoch ${peer}`)];
  }
  return leads ? publish(known, { proof: state.proof }) : [];
}

/**
 * Patroni rewinds an old leader as soon as the region is marked. If it has changes that nobody else has, it must be
 * stopped before: its own guard sees to that, and the others leave it the time.
 */
function rewindMayBegin(known: Known): boolean {
  const { state, reading, now } = known;
  const { peer, mine } = reading;
  if (unsavedEpoch(state) !== undefined) return !mustSaveFirst(known);
  if (mine.opened === 0 || isHandedOver(reading, mine.opened)) return true;
  return state.peerOpenSeen?.epoch === peer && now - state.peerOpenSeen.at >= SAVE_FIRST_MILLIS;
}

const mustSaveFirst = ({ state }: Known): boolean =>
  unsavedEpoch(state) !== undefined && state.data?.patroniRuns !== false;

/**
 * Whoever has all that this region acknowledged. The demoted leader first: once it has stopped its log has come to an
 * end, and the other region can take over all of it, so that nothing has to be rewound. If it dies, another that has
 * all will do.
 */
function mayRelease({ config, state, reading, view, now }: Known, log: LogEnd): boolean {
  const { opened, demoted } = reading.mine;
  const { extent } = view;
  const isExpected = demoted?.node === config.node && demoted.term === view.term;
  const waited = now - (state.standbySince ?? now);
  if (!isExpected && waited < (view.term === undefined ? 2 : 1) * RELEASE_AFTER_MILLIS && opened > 0)
    return false;
  if (opened === 0 || log.mark.epoch > opened) return view.term !== undefined;
  return extent?.of === opened && reaches(log, extent.mark, extent.lsn);
}

/** Tells the other region, and people, where this one stands; as often as claims are read. */
function publish(known: Known, news: Partial<Status>): RegionAction[] {
  const { config, state, reading, now } = known;
  if (now - state.wroteAt < config.rules.readMillis) return [];
  return [write(known, { ...reading.mine, ...news }, "publishes")];
}

const write = ({ reading }: Known, status: Status, reason: string): RegionAction => ({
  kind: "write-status",
  status: { ...status, sequence: reading.mine.sequence + 1 },
  reason,
});

/** The wall clock is the shell's to fill in, when it writes. */
const positionOf = ({ config }: Known, { mark, lsn }: LogEnd): Position => ({
  wallMillis: 0,
  node: config.node,
  mark,
  lsn,
});

type RoleChange = Extract<RegionAction, { kind: "change-role" }>;

function changeRole(known: Known, role: Role, reason: string, needsTerm = true): RoleChange {
  const { config, reading, view } = known;
  const { configMod, epochMod, term } = view;
  return {
    kind: "change-role",
    role,
    expect: { configMod, epochMod, term: needsTerm ? term : undefined },
    notAfter: reading.startedAt + config.rules.leaseMillis,
    reason,
  };
}

function sameRole(a: Role, b: Role): boolean {
  if (a.kind !== "standby" || b.kind !== "standby") return a.kind === b.kind;
  if (a.source.kind !== "node" || b.source.kind !== "node") return a.source.kind === b.source.kind;
  return a.source.address === b.source.address;
}
