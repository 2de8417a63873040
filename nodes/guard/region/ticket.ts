/** Whether a region may open its epoch, and why (not). Pure. */

import type { Known } from "./known.js";
import { lagMillis } from "./lag.js";
import { hasAllOf, hasLastOf, headOf } from "./log-history.js";
import type { LogEnd, Opening, RegionState } from "./region-facts.js";

/** So long what was acknowledged to nobody is waited for; it may go on coming until Patroni promotes, half a second later. */
const LAST_MILLIS = 300;
/** So long nothing more may have come before the end of the archive is taken for one: segments come by replication. */
const REST_MILLIS = 5_000;

const REPLAYS = "the copy of the other region's vault is still being replayed";

const LACKS = "the other region has written since in an epoch that this log does not have";

type Ticket =
  | { readonly kind: "go"; readonly opening: Opening }
  | { readonly kind: "wait"; readonly reason: string };

const wait = (reason: string): Ticket => ({ kind: "wait", reason });

/** Whether this region may open its epoch with this log, and why (not). */
export function ticketOf(known: Known, log: LogEnd): Ticket {
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

/** The other region can't serve any more. */
export function isSilenced({ config, state, reading, now }: Known): boolean {
  const { own, overrides } = reading;
  const { leaseMillis, marginMillis } = config.rules;
  const waited = state.claimSeen?.epoch === own ? now - state.claimSeen.at : 0;
  return overrides.fenced === own || waited >= leaseMillis + marginMillis;
}

/** The archive has no more: what it has must not be given away, even where loss is accepted. */
const isAtRest = ({ restingSince: since }: RegionState, now: number): boolean =>
  since !== undefined && now - since >= REST_MILLIS;

/** Whether this region is on its way to being active: its leader's port is shut until it is. */
export const isPending = ({ reading }: RegionState): boolean =>
  reading !== undefined && reading.own > reading.peer && reading.mine.opened < reading.own;
