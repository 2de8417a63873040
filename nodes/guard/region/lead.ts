/** The guards' actions in the region with the highest epoch: promote it, open its epoch, publish its position. Pure. */
import { changeRole, FETCHING, FOLLOWING, positionOf, publish, sameRole, WAITING, write } from "./actions.js";
import { type Known, LOG_MILLIS, lacksHistory, mustSaveFirst } from "./known.js";
import { lagMillis, validProof } from "./lag.js";
import { hasAllOf, isMarked } from "./log-history.js";
import type { LogEnd, RegionAction, Role } from "./region-facts.js";
import { isSilenced, ticketOf, validOpening } from "./ticket.js";

/** The rest of a demoted node's log usually arrives while that node stops. After this time this region fetches it from the node. */
const FETCH_AFTER_MILLIS = 1_000;

/** This region has the highest epoch. */
export function lead(known: Known): RegionAction[] {
  const { state, reading, view, role, now } = known;
  const { log } = state;
  if (view.term === undefined || !log || now - log.startedAt > LOG_MILLIS) return [];
  if (log.startedAt < (state.term?.since ?? 0)) return [];
  const { own, mine } = reading;
  if (role.kind === "standby") return promote(known, log);
  // Patroni is about to promote PostgreSQL, or PostgreSQL has just failed.
  if (!log.isPrimary || log.timeline === undefined) return [];
  if (mine.opened === own) {
    if (isMarked(log, own)) return publish(known, { position: positionOf(known, log) });
    // Another leader of this region served earlier in this epoch: the new leader writes its own mark before it serves.
    return log.mark.epoch === own ? [{ kind: "mark-log", mark: { epoch: own, timeline: log.timeline } }] : [];
  }
  const ticket = ticketOf(known, log);
  const opening = validOpening(known, log) ?? (ticket.kind === "go" ? ticket.opening : undefined);
  if (!opening) {
    // The other region has accepted writes since: this region can get them only as its standby.
    return lacksHistory(known, log) && !mustSaveFirst(known)
      ? [changeRole(known, FOLLOWING, "to fetch the other region's newer log")]
      : [];
  }
  // Writes acknowledged after the mark belong to the new epoch: no older lease may still serve.
  if (state.closedAt === undefined)
    return [{ kind: "close", reason: `this region is about to open epoch ${own}` }];
  if (!isMarked(log, own)) return [{ kind: "mark-log", mark: { epoch: own, timeline: log.timeline } }];
  const position = positionOf(known, log);
  const opened = { opened: own, opening, position, demoted: undefined, released: undefined };
  return [write(known, { ...mine, ...opened }, `opens epoch ${own}: ${opening.reason}`)];
}

function promote(known: Known, log: LogEnd): RegionAction[] {
  const { state, reading, role, now } = known;
  const { released } = reading.theirs;
  if (log.isPrimary) return [];
  const source = role.kind === "standby" ? role.source : undefined;
  const ticket = ticketOf(known, log);
  // Even where the operator accepts data loss: writes in the vault needn't be lost.
  const isBare = source?.kind === "region" || (source?.kind === "nobody" && ticket.kind === "wait");
  if (isBare && vaultMayHaveMore(known, log))
    return [
      changeRole(
        known,
        FETCHING,
        "no node of the other region answers, and the copy of its vault may contain more",
      ),
    ];
  if (ticket.kind === "go") {
    // One step after the other: Patroni doesn't remove a primary's restore_command, and a promotion waits for one that runs.
    if (source?.kind === "vault")
      return [
        changeRole(known, WAITING, "this region has replayed all of the copy of the other region's vault"),
      ];
    if (source?.kind === "nobody" && log.replay?.usesArchive) return [];
    const end = { mark: log.mark, lsn: log.lsn };
    return [
      // A standby leader's permission to serve must end before its promotion.
      { kind: "close", reason: "this region is being promoted" },
      {
        ...changeRole(known, { kind: "primary" }, ticket.opening.reason),
        opening: { ...ticket.opening, log: end },
      },
    ];
  }
  // This source remains from a demotion: the other region has been active since.
  if (source?.kind === "nobody" && lacksHistory(known, log) && !mustSaveFirst(known))
    return [changeRole(known, FOLLOWING, "to fetch the other region's newer log")];
  const late = now - (state.releaseSeen?.at ?? now) >= FETCH_AFTER_MILLIS;
  if (late && released?.epoch === reading.own && !hasAllOf(log, released)) {
    const from: Role = { kind: "standby", source: { kind: "node", address: released.address } };
    if (!sameRole(role, from))
      return [changeRole(known, from, "to fetch the rest of the other region's log")];
  }
  return publish(known, { proof: validProof(state.proof, log) });
}

/** Whether the vault may contain more of the epoch that this region follows than the lag budget allows to be missing. */
function vaultMayHaveMore(known: Known, log: LogEnd): boolean {
  const { config, state, reading, now } = known;
  const { rules } = config;
  if (!log.replay || log.replay.isStreaming || log.mark.epoch !== reading.theirs.opened) return false;
  return isSilenced(known) && lagMillis(rules, reading, log, state, now) > rules.lagBudgetMillis;
}
