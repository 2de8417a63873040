/**
 * What a guard does about the region that its node is in: whether writes may be served here, and whether the region
 * becomes primary or standby. From what is known and what has just been seen; no input or output, no clock of its
 * own. Level-triggered: what got lost is decided again. docs/promotion.md has the protocol and its reasons.
 *
 * What makes it safe: a region serves writes only for one lease after a reading of the claims that shows it greatest,
 * only in an epoch that its status says it has opened, and it opens an epoch only when the other region has released
 * for it, or has certainly run out.
 */

import type { Known, RegionConfig } from "./known.js";
import { lagMillis } from "./lag.js";
import { lead } from "./lead.js";
import { changed, learn } from "./learn.js";
import type { RegionAction, RegionEvent, RegionState } from "./region-facts.js";
import { permit, refusal } from "./region-lease.js";
import { isPending, ticketOf } from "./ticket.js";
import { yieldTo } from "./yield.js";

export interface RegionStep {
  readonly state: RegionState;
  readonly actions: readonly RegionAction[];
}

/** While something is about to change, claims and status are read so often: by who can act on them, and by others. */
const HURRY_MILLIS = 200;
const FOLLOW_MILLIS = 1_000;

/** A turn that comes so late has been held up: another region may have been claimed meanwhile. */
export const HELD_UP_MILLIS = 1_500;

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

function act(config: RegionConfig, state: RegionState, now: number): RegionAction[] {
  const { reading, view } = state;
  const actions: RegionAction[] = [];
  const isSoon = isUnsettled(state) || peerIsSilent(config, state, now);
  const pace = !isSoon ? config.rules.readMillis : mayAct(config, state) ? HURRY_MILLIS : FOLLOW_MILLIS;
  if (now - state.readAskedAt >= Math.min(pace, config.rules.readMillis))
    actions.push({ kind: "read-claims" });
  // An old picture: whatever follows from it may be wrong by now.
  if (!reading || !view || now - reading.startedAt >= config.rules.leaseMillis) return actions;
  if (reading.startedAt < state.heldUpUntil) return actions;
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
