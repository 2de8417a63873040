/**
 * A guard's decision about its region: whether this node may serve writes, and whether the region becomes primary or
 * standby. A pure function from state and event to the next state and actions, without I/O or a clock. Level-triggered:
 * a lost action is decided again. docs/promotion.md describes the protocol and its reasons.
 *
 * Why it is safe: a region serves writes only for one lease after a reading of the claims that shows its epoch as the
 * highest, and only in an epoch that its status records as opened. It opens an epoch only when the other region has
 * released for it, or when that region's lease has certainly expired.
 */

import type { Known, RegionConfig } from "./known.js";
import { lagMillis } from "./lag.js";
import { lead } from "./lead.js";
import { changed, learn } from "./learn.js";
import type { RegionAction, RegionEvent, RegionState } from "./region-facts.js";
import { permit, refusal } from "./region-lease.js";
import { isPending, ticketOf, validOpening } from "./ticket.js";
import { yieldTo } from "./yield.js";

export interface RegionStep {
  readonly state: RegionState;
  readonly actions: readonly RegionAction[];
}

/** How often a guard reads claims and status while a change is pending: one that can act on them, and any other. */
const HURRY_MILLIS = 200;
const FOLLOW_MILLIS = 1_000;

/** A turn that is later than this was held up: the other region may have claimed an epoch meanwhile. */
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
  // The reading is too old: decisions based on it may be wrong by now.
  if (!reading || !view || now - reading.startedAt >= config.rules.leaseMillis) return actions;
  if (reading.startedAt < state.heldUpUntil) return actions;
  const { own, peer } = reading;
  const greatest = Math.max(own, peer);
  if (view.epoch < greatest)
    return [...actions, { kind: "raise-epoch", epoch: greatest, expectMod: view.epochMod }];
  // Another guard of this region has seen a newer claim.
  if (view.epoch > greatest || greatest === 0 || !view.role) return actions;
  const known: Known = { config, state, reading, view, role: view.role, now };
  return [...actions, ...(own > peer ? lead(known) : yieldTo(known))];
}

/** The leader, and the node that was demoted last. */
const mayAct = ({ node }: RegionConfig, { view, reading }: RegionState): boolean =>
  reading === undefined || view?.term !== undefined || reading.mine.demoted?.node === node;

/** The active region has stopped publishing: a claim for this region may come at any moment, and then each second counts. */
const peerIsSilent = (
  { rules }: RegionConfig,
  { reading, peerNotBefore }: RegionState,
  now: number,
): boolean =>
  reading !== undefined && reading.peer > reading.own && now - peerNotBefore > 3 * rules.readMillis;

/** A claim whose epoch is not open yet, in either region. */
function isUnsettled({ reading }: RegionState): boolean {
  if (!reading) return true;
  const { own, peer, mine, theirs } = reading;
  return own > peer ? mine.opened < own : theirs.opened < peer && peer > 0;
}

/** For people: what a region waits for before it becomes active, and its lag. */
export function explain(config: RegionConfig, state: RegionState, now: number) {
  const { reading, view, log } = state;
  if (!reading || !view?.role || !log) return { lagMillis: undefined, waitsFor: undefined };
  const lag = lagMillis(config.rules, reading, log, state, now);
  const pending = isPending(state) && !validOpening({ reading, view }, log);
  const ticket = pending ? ticketOf({ config, state, reading, view, role: view.role, now }, log) : undefined;
  return {
    lagMillis: Number.isFinite(lag) ? Math.ceil(lag) : undefined,
    waitsFor: ticket?.kind === "wait" ? ticket.reason : undefined,
  };
}
