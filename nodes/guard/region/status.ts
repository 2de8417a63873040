/** What a guard knows of the regions, for people and for `dr status`. */
import { monotonic } from "../clock.js";
import type { Region } from "./region.js";

export function regionStatus({ state, waitsFor }: Region) {
  const { reading, view, log, proof, permitUntil } = state;
  const now = monotonic();
  return {
    role: view?.role?.kind ?? null,
    source: view?.role?.kind === "standby" ? view.role.source : null,
    claims: reading ? { own: reading.own, peer: reading.peer } : null,
    claimsReadMillisAgo: reading ? Math.round(now - reading.startedAt) : null,
    leaseLeftMillis: Math.max(0, Math.round(permitUntil - now)),
    mine: reading?.mine ?? null,
    theirs: reading?.theirs ?? null,
    overrides: reading?.overrides ?? null,
    log: log ? { isPrimary: log.isPrimary, timeline: log.timeline, mark: log.mark, lsn: log.lsn } : null,
    proof: proof ?? null,
    ...waitsFor,
  };
}
