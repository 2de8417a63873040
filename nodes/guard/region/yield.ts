/** The guards' actions in a region whose epoch isn't the highest: close, demote, release, follow. Pure. */
import { changeRole, FOLLOWING, publish, WAITING, write } from "./actions.js";
import { isHandedOver, SAVE_FIRST_MILLIS, unsavedEpoch } from "./diverged.js";
import { type Known, LOG_MILLIS, mustSaveFirst } from "./known.js";
import { validProof } from "./lag.js";
import { reaches } from "./log-history.js";
import type { LogEnd, RegionAction } from "./region-facts.js";

/** How long the guards wait for a node with data to appear. */
const NAME_ONLY_MILLIS = 10_000;
/** How long a new leader waits for the stopping one to return and release. Nodes that don't lead wait twice as long. */
const RELEASE_AFTER_MILLIS = 10_000;

/** The other region has the highest epoch. */
export function yieldTo(known: Known): RegionAction[] {
  const { config, state, reading, view, role, now } = known;
  const { peer, mine, theirs } = reading;
  const { log } = state;
  if (role.kind === "primary") {
    // The other region is already active: it waits for nothing from this one, and following it needs no leader.
    if (theirs.opened === peer)
      return rewindMayBegin(known) ? [changeRole(known, FOLLOWING, `epoch ${peer} is open`, false)] : [];
    if (view.term === undefined || !log?.isPrimary || now - log.startedAt > LOG_MILLIS) return [];
    if (log.startedAt < (state.term?.since ?? 0)) return [];
    // Once the port is closed this node acknowledges nothing more: the log read after that is complete.
    if (state.closedAt === undefined || log.startedAt < state.closedAt)
      return [{ kind: "close", reason: `the other region claims epoch ${peer}` }];
    const { demoted, opened } = mine;
    const { node } = config;
    // A notice for an earlier epoch isn't enough: this region may be about to open an epoch, and only a new notice
    // competes with that write, so that one of the two fails.
    const isSaid =
      demoted?.of === opened && demoted.epoch === peer && demoted.node === node && demoted.term === view.term;
    if (isSaid) {
      const change = changeRole(known, WAITING, `the other region claims epoch ${peer}`);
      return [{ ...change, extent: { of: opened, mark: log.mark, lsn: log.lsn } }];
    }
    const next = {
      ...mine,
      demoted: { of: opened, epoch: peer, node, term: view.term },
      released: undefined,
    };
    return [write(known, next, `demotes ${node} for epoch ${peer}`)];
  }
  const leads = view.term !== undefined;
  const needsVault = role.source.kind === "vault" && !log?.replay?.isStreaming;
  const isElsewhere = role.source.kind !== "region" && !needsVault;
  if (leads && theirs.opened === peer && isElsewhere && rewindMayBegin(known))
    return [changeRole(known, FOLLOWING, `epoch ${peer} is open`)];
  const { configMod, epochMod, nameOnlyMod: nameMod } = view;
  if (theirs.opened === peer && role.source.kind === "region" && nameMod !== undefined) {
    const isOver = now - (state.nameOnlySince ?? now) >= NAME_ONLY_MILLIS;
    const expect = { configMod, epochMod };
    return isOver ? [{ kind: "forget-cluster", nameMod, expect, reason: "no node here has any data" }] : [];
  }
  if (!log || log.isPrimary || now - log.startedAt > LOG_MILLIS) return [];
  if (theirs.opened < peer && mine.released?.epoch !== peer && mayRelease(known, log)) {
    const { address } = config;
    const { mark, lsn } = log;
    const acknowledged = view.extent?.of === mine.opened ? view.extent.lsn : lsn;
    const released = { epoch: peer, opened: mine.opened, mark, acknowledged, lsn, address };
    return [write(known, { ...mine, released }, `releases for epoch ${peer}`)];
  }
  return leads ? publish(known, { proof: validProof(state.proof, log) }) : [];
}

/**
 * Patroni rewinds an old leader as soon as the region is marked as a standby. If a node has changes that no other node
 * has, its own guard must stop Patroni first, and the other guards give it the time.
 */
function rewindMayBegin(known: Known): boolean {
  const { state, reading, now } = known;
  const { peer, mine } = reading;
  if (unsavedEpoch(state) !== undefined) return !mustSaveFirst(known);
  if (mine.opened === 0 || isHandedOver(reading, mine.opened)) return true;
  return state.peerOpenSeen?.epoch === peer && now - state.peerOpenSeen.at >= SAVE_FIRST_MILLIS;
}

/**
 * A node that has every write acknowledged by this region may release. The demoted leader comes first: once it has
 * stopped, its log has ended, and the other region can take over all of it, so that nothing needs a rewind. If it dies,
 * another node with every acknowledged write releases.
 */
function mayRelease({ config, state, reading, view, now }: Known, log: LogEnd): boolean {
  const { opened, demoted } = reading.mine;
  const { extent } = view;
  const isExpected = demoted?.node === config.node && demoted.term === view.term;
  const waited = now - (state.standbySince ?? now);
  if (!isExpected && waited < (view.term === undefined ? 2 : 1) * RELEASE_AFTER_MILLIS && opened > 0)
    return false;
  if (opened === 0 || log.mark.epoch > opened) return view.term !== undefined;
  return extent?.of === opened && reaches(log, extent.mark, extent.lsn);
}
