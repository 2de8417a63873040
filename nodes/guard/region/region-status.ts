/** What a guard knows about both regions, for people and for `dr status`. */
import { monotonic } from "../shared/clock.js";
import { latestRecord, unsavedEpoch } from "./diverged.js";
import { validProof } from "./lag.js";
import type { Region } from "./region.js";

export function regionStatus({ state, waitsFor }: Region) {
  const { reading, view, log, data, proof, permitUntil } = state;
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
    proof: validProof(proof, log) ?? null,
    /** The diverged writes that this node has saved. An epoch that is still to be saved keeps Patroni stopped. */
    diverged: latestRecord(data) ?? null,
    unsavedEpoch: unsavedEpoch(state) ?? null,
    slots: data?.slots.map(({ name }) => name) ?? [],
    ...waitsFor,
  };
}
