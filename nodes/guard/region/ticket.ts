/** Whether a region may open its epoch, and why (not). Pure. */

import type { Known } from "./known.js";
import { lagMillis } from "./lag.js";
import { hasAllOf, hasLastOf, headOf, reaches } from "./log-history.js";
import type { LogEnd, Opening, RegionState } from "./region-facts.js";

/** How long to wait for the end of a log beyond its acknowledged writes; it may arrive until Patroni promotes, half a second later. */
const LAST_MILLIS = 300;
/** How long nothing more must arrive before the archive counts as replayed to its end: segments arrive by replication. */
const REST_MILLIS = 5_000;

const REPLAYS = "this region is still replaying the copy of the other region's vault";

const LACKS = "the other region has accepted writes in an epoch that this region's log does not contain";

type Ticket =
  | { readonly kind: "go"; readonly opening: Opening }
  | { readonly kind: "wait"; readonly reason: string };

const wait = (reason: string): Ticket => ({ kind: "wait", reason });

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
  // The other region could only open an epoch below the one that this region has already opened.
  if (peer === 0 || peer < mine.opened)
    return complete || accepted ? go("no claim of the other region prevents it") : wait(LACKS);
  const { released } = theirs;
  if (released?.epoch === own) {
    const patient = now - (state.releaseSeen?.at ?? now) < LAST_MILLIS;
    const complete = hasAllOf(log, released) && log.mark.epoch >= mine.opened;
    if (complete && hasLastOf(log, released))
      return go(`the other region has released for epoch ${own}, and this region has all of its log`);
    // The missing rest contains no acknowledged write: it can be a whole segment of padding, over a slow link.
    if (complete && !patient)
      return go(
        `the other region has released for epoch ${own}, and this region has all its acknowledged writes`,
      );
    if (!accepted)
      return wait("the other region has released, but this region does not have all of its log yet");
  }
  if (!isSilenced(known)) return wait("the other region may still be accepting writes");
  if (role.kind === "standby" && role.source.kind === "vault" && !isAtRest(state, now)) return wait(REPLAYS);
  const reason =
    overrides.fenced === own ? "an operator has confirmed that it is fenced" : "its lease has run out";
  const lag = lagMillis(config.rules, reading, log, state, now);
  if (accepted) return go(`${reason}; data loss is accepted`, lag);
  // Not if this log contains a later epoch.
  if (theirs.demoted?.of === theirs.opened && log.mark.epoch <= theirs.opened && theirs.demoted)
    return wait(`the other region has demoted ${theirs.demoted.node} but has not released yet`);
  if (!complete) return wait(LACKS);
  if (lag > lagBudgetMillis)
    return wait(`this region's lag is ${(lag / 1000).toFixed(0)} s, above the budget`);
  return go(`${reason}; at most the last ${(lag / 1000).toFixed(1)} s of its writes are missing`, lag);
}

/**
 * The stored grounds for opening the highest epoch, while they hold. They were found by a standby's log, and the log that
 * was promoted may contain less: Patroni had begun to rewind it, or another node was elected.
 */
export function validOpening(
  { reading, view }: Pick<Known, "reading" | "view">,
  log: LogEnd,
): Opening | undefined {
  const { opening } = view;
  if (opening?.epoch !== reading.own) return undefined;
  const { log: decidedOn } = opening;
  // This epoch's mark is only written to a log for which this has been checked.
  const holds = !decidedOn || log.mark.epoch === reading.own || reaches(log, decidedOn.mark, decidedOn.lsn);
  return holds ? opening : undefined;
}

/** The other region can certainly not serve any more. */
export function isSilenced({ config, state, reading, now }: Known): boolean {
  const { own, overrides } = reading;
  const { leaseMillis, marginMillis } = config.rules;
  const waited = state.claimSeen?.epoch === own ? now - state.claimSeen.at : 0;
  return overrides.fenced === own || waited >= leaseMillis + marginMillis;
}

/** The archive has no more. Its writes must not be given up, even where the operator accepts data loss. */
const isAtRest = ({ restingSince: since }: RegionState, now: number): boolean =>
  since !== undefined && now - since >= REST_MILLIS;

/** Whether this region is becoming active: its leader's port stays closed until it is. */
export const isPending = ({ reading }: RegionState): boolean =>
  reading !== undefined && reading.own > reading.peer && reading.mine.opened < reading.own;
