/** Every drill there is, in the order in which `all` runs them. */

import { distance } from "fastest-levenshtein";
import { UserError } from "../../common/errors.js";
import { accountGone } from "./backup/account-gone.js";
import { archivingStuck } from "./backup/archiving-stuck.js";
import { backupInfoTampered } from "./backup/backup-info-tampered.js";
import { backupNodeDies } from "./backup/backup-node-dies.js";
import { dumpNewMajor } from "./backup/dump-new-major.js";
import { homeVaultGone } from "./backup/home-vault-gone.js";
import { pitrAfterPromotion } from "./backup/pitr-after-promotion.js";
import { pitrCutOver } from "./backup/pitr-cut-over.js";
import { pitrCutOverInterrupted } from "./backup/pitr-cut-over-interrupted.js";
import { pitrDropTable } from "./backup/pitr-drop-table.js";
import { repositoryHidden } from "./backup/repository-hidden.js";
import { restoreDiskFull } from "./backup/restore-disk-full.js";
import { restoreTestCorruption } from "./backup/restore-test-corruption.js";
import { vaultAttacked } from "./backup/vault-attacked.js";
import { vaultObjects } from "./backup/vault-objects.js";
import { walGap } from "./backup/wal-gap.js";
import type { AnyDrill, Drill, RegionDrill } from "./drill.js";
import { addDatabase } from "./node/add-database.js";
import { addReadReplica } from "./node/add-read-replica.js";
import { addTomcat } from "./node/add-tomcat.js";
import { connectionsTerminated } from "./node/connections-terminated.js";
import { controlAsynchronous } from "./node/control-asynchronous.js";
import { etcdLeaderKilled } from "./node/etcd-leader-killed.js";
import { etcdQuorumLost } from "./node/etcd-quorum-lost.js";
import { guardHung } from "./node/guard-hung.js";
import { guardKilled } from "./node/guard-killed.js";
import { guardKilledForGood } from "./node/guard-killed-for-good.js";
import { leaderCutFromEtcd } from "./node/leader-cut-from-etcd.js";
import { leaderCutInbound } from "./node/leader-cut-inbound.js";
import { leaderCutOutbound } from "./node/leader-cut-outbound.js";
import { leaderFrozen } from "./node/leader-frozen.js";
import { leaderNodeDead } from "./node/leader-node-dead.js";
import { leaderPartitioned } from "./node/leader-partitioned.js";
import { leaderProcessKilled } from "./node/leader-process-killed.js";
import { leaderSlow } from "./node/leader-slow.js";
import { otherRegionGone } from "./node/other-region-gone.js";
import { plannedSwitchover } from "./node/planned-switchover.js";
import { primaryNodeLost } from "./node/primary-node-lost.js";
import { rollingRestart } from "./node/rolling-restart.js";
import { slowDisk } from "./node/slow-disk.js";
import { syncReplicaKilled } from "./node/sync-replica-killed.js";
import { tomcatKilled } from "./node/tomcat-killed.js";
import { walDiskFull } from "./node/wal-disk-full.js";
import { claimsSlow } from "./region/claims-slow.js";
import { coldPromotion } from "./region/cold-promotion.js";
import { decisionHeldUp } from "./region/decision-held-up.js";
import { lagOverBudget } from "./region/lag-over-budget.js";
import { linkFlapping } from "./region/link-flapping.js";
import { otherRegionAhead } from "./region/other-region-ahead.js";
import { peerNeverReleases } from "./region/peer-never-releases.js";
import { regionDead } from "./region/region-dead.js";
import { regionDeadBehind } from "./region/region-dead-behind.js";
import { regionFencedByHand } from "./region/region-fenced-by-hand.js";
import { regionFrozen } from "./region/region-frozen.js";
import { regionGuardsHung } from "./region/region-guards-hung.js";
import { regionGuardsKilled } from "./region/region-guards-killed.js";
import { regionIsolated } from "./region/region-isolated.js";
import { regionReturnsDiverged } from "./region/region-returns-diverged.js";
import { regionReturnsRecloned } from "./region/region-returns-recloned.js";
import { regionSwitchover } from "./region/region-switchover.js";
import { regionSwitchoverTen } from "./region/region-switchover-ten.js";
import { rotateCredentials } from "./region/rotate-credentials.js";
import { staleEpochs } from "./region/stale-epochs.js";

export const DRILLS: readonly Drill[] = [
  plannedSwitchover,
  leaderProcessKilled,
  leaderNodeDead,
  primaryNodeLost,
  leaderPartitioned,
  leaderCutFromEtcd,
  leaderCutInbound,
  leaderCutOutbound,
  leaderFrozen,
  leaderSlow,
  syncReplicaKilled,
  etcdLeaderKilled,
  etcdQuorumLost,
  connectionsTerminated,
  guardKilled,
  guardKilledForGood,
  guardHung,
  slowDisk,
  walDiskFull,
  addTomcat,
  tomcatKilled,
  addDatabase,
  addReadReplica,
  rollingRestart,
  otherRegionGone,
  controlAsynchronous,
];

/** Drills on two regions: first what must be harmless, last what takes long to recover from. */
export const REGION_DRILLS: readonly RegionDrill[] = [
  claimsSlow,
  staleEpochs,
  linkFlapping,
  regionGuardsKilled,
  regionSwitchover,
  rotateCredentials,
  otherRegionAhead,
  regionGuardsHung,
  decisionHeldUp,
  regionFrozen,
  regionIsolated,
  regionReturnsDiverged,
  regionReturnsRecloned,
  regionDead,
  regionFencedByHand,
  peerNeverReleases,
  regionDeadBehind,
  lagOverBudget,
  coldPromotion,
  regionSwitchoverTen,
];

/** Those about backups. */
export const BACKUP_DRILLS: readonly AnyDrill[] = [
  pitrDropTable,
  restoreDiskFull,
  walGap,
  archivingStuck,
  restoreTestCorruption,
  backupNodeDies,
  backupInfoTampered,
  repositoryHidden,
  vaultAttacked,
  dumpNewMajor,
  homeVaultGone,
  pitrAfterPromotion,
  pitrCutOver,
  pitrCutOverInterrupted,
  vaultObjects,
  accountGone,
];

export const ALL_DRILLS: readonly AnyDrill[] = [...DRILLS, ...BACKUP_DRILLS, ...REGION_DRILLS];

export const isNightly = (drill: AnyDrill): boolean => drill.nightly ?? false;

/** What may stand for several: `all` but those of the night, and `nightly` with them. */
const SETS: Readonly<Record<string, readonly AnyDrill[]>> = {
  all: ALL_DRILLS.filter((drill) => !isNightly(drill)),
  nightly: ALL_DRILLS,
};

/**
 * Drills by their names or their sets', each once.
 * @throws UserError that names the nearest ones, for the names that there aren't.
 */
export function findDrills(names: readonly string[]): readonly AnyDrill[] {
  const named = (name: string) =>
    ALL_DRILLS.filter(
      (drill) => drill.name === name || (Object.hasOwn(SETS, name) && SETS[name]?.includes(drill)),
    );
  const unknown = names.filter((name) => named(name).length === 0);
  if (unknown.length > 0) {
    const near = [...new Set(unknown.flatMap((name) => nearest(name, ALL_DRILLS)))];
    throw new UserError(
      `no drill '${unknown.join("', '")}'`,
      `The nearest: ${near.join(", ")}.`,
      "npx dr drill list has them all",
    );
  }
  return [...new Set(names.flatMap(named))];
}

/** Up to three: first those that share a word, give or take a letter, then by the edits between. */
function nearest(name: string, drills: readonly AnyDrill[]): string[] {
  const words = name.split(/[^a-z0-9]+/i).filter(({ length }) => length > 2);
  const rank = (candidate: string) => {
    const shared = candidate.split("-").filter((word) => words.some((other) => distance(word, other) < 2));
    return distance(name, candidate) - 8 * shared.length;
  };
  return drills
    .map((drill) => drill.name)
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, 3);
}
