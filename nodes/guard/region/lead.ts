/** What the guards of the greatest region do: promote it, open its epoch, publish where it stands. Pure. */
import { changeRole, FETCHING, FOLLOWING, positionOf, publish, sameRole, WAITING, write } from "./actions.js";
import { type Known, LOG_MILLIS, lacksHistory, mustSaveFirst } from "./known.js";
import { lagMillis } from "./lag.js";
import { hasAllOf, isMarked } from "./log-history.js";
import type { LogEnd, RegionAction, Role } from "./region-facts.js";
import { isSilenced, ticketOf } from "./ticket.js";

/** The rest of a demoted node's log usually comes while it stops. After this it is fetched from the node itself. */
const FETCH_AFTER_MILLIS = 1_000;

/** This region is greatest. */
export function lead(known: Known): RegionAction[] {
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

/** Of the very epoch that this region has been following, beyond what may be missing without asking anybody. */
function vaultMayHaveMore(known: Known, log: LogEnd): boolean {
  const { config, state, reading, now } = known;
  const { rules } = config;
  if (!log.replay || log.replay.isStreaming || log.mark.epoch !== reading.theirs.opened) return false;
  return isSilenced(known) && lagMillis(rules, reading, log, state, now) > rules.lagBudgetMillis;
}
