/** What a guard knows about the leader of its region, for people and for `dr status`. */
import { monotonic } from "../shared/clock.js";
import type { Guard } from "./guard.js";

export function leaderStatus(guard: Guard) {
  const { view, local, openAs, openUntil, admittedUntil, forgetUntil, revoking, muted, marker, handover } =
    guard.state;
  const left = (until: number) => Math.max(0, Math.round(until - monotonic()));
  return {
    node: guard.config.node,
    active: guard.isActive,
    port: left(openUntil) > 0 && openAs ? { openAs, leftMillis: left(openUntil) } : "closed",
    patroniMayAskEtcd: !guard.config.leaderLease.enabled || left(admittedUntil) > 0,
    patroniForgetsForMillis: left(forgetUntil),
    leaderLease: guard.config.leaderLease.enabled,
    leader: view?.leader?.value ?? null,
    etcdSeenMillisAgo: view ? Math.round(monotonic() - view.endedAt) : null,
    heartbeat: view?.heartbeat?.beat ?? null,
    postgres: local ? { role: local.role, timeline: local.timeline } : null,
    revoking: Object.keys(revoking),
    muted,
    marker: marker?.value ?? null,
    switchingOver: handover,
  };
}
