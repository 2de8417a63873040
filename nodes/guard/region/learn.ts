/** What an event adds to the state. Pure. */

import type { RegionConfig } from "./known.js";
import { published, reached } from "./lag.js";
import type { LogEnd, Reading, RegionEvent, RegionState } from "./region-facts.js";

export function learn({ node }: RegionConfig, state: RegionState, event: RegionEvent): RegionState {
  switch (event.kind) {
    case "tick":
      return changed(state, { heldUpUntil: event.heldUpUntil ?? state.heldUpUntil });
    case "data":
      return { ...state, data: event.data };
    case "reading":
      return withProof(node, learnReading(node, state, event.reading));
    case "log":
      if (state.log && event.log.startedAt < state.log.startedAt) return state;
      return withProof(node, { ...state, log: event.log, restingSince: restingSince(state, event.log) });
    case "view": {
      const { view } = event;
      const { term } = view;
      const since = state.term?.term === term ? state.term?.since : view.startedAt;
      return {
        ...state,
        view,
        term: term === undefined ? undefined : { term, since: since as number },
        standbySince: view.role?.kind === "standby" ? (state.standbySince ?? view.startedAt) : undefined,
        nameOnlySince: view.nameOnlyMod === undefined ? undefined : (state.nameOnlySince ?? view.startedAt),
      };
    }
    case "closed":
      return { ...state, closedAt: state.closedAt ?? event.at };
    case "status-written": {
      const { reading } = state;
      if (!reading || event.status.sequence <= reading.mine.sequence) return state;
      return {
        ...state,
        reading: { ...reading, mine: event.status },
        publishedNotBefore: event.startedAt,
      };
    }
  }
}

function learnReading(node: string, state: RegionState, answer: Reading): RegionState {
  const before = state.reading;
  if (before && answer.startedAt < before.startedAt) return state;
  // This node may have written its status after this reading began.
  const mine = before && before.mine.sequence > answer.mine.sequence ? before.mine : answer.mine;
  const reading = { ...answer, mine };
  const since = before?.startedAt ?? Number.NEGATIVE_INFINITY;
  const isNews = answer.theirs.sequence !== before?.theirs.sequence;
  const first = (seen: RegionState["claimSeen"], holds: boolean, epoch = reading.own) =>
    holds && seen?.epoch !== epoch ? { epoch, at: reading.endedAt } : seen;
  return {
    ...state,
    reading,
    // It was written after the previous reading, which did not show it yet.
    publishedNotBefore: mine.sequence === before?.mine.sequence ? state.publishedNotBefore : since,
    peerNotBefore: isNews ? since : state.peerNotBefore,
    peerPositions: published(state.peerPositions, answer.theirs.position),
    claimSeen: first(state.claimSeen, reading.own > reading.peer),
    releaseSeen: first(state.releaseSeen, reading.theirs.released?.epoch === reading.own),
    peerOpenSeen: first(state.peerOpenSeen, reading.theirs.opened === reading.peer, reading.peer),
    // After a restart: this node's own last proof.
    proof: state.proof ?? (answer.mine.proof?.node === node ? answer.mine.proof : undefined),
  };
}

/** Once a standby has come to rest at a position it stays at rest there, although it continues to look for more. */
function restingSince({ log: before, restingSince: since }: RegionState, log: LogEnd): number | undefined {
  if (since !== undefined && !log.isPrimary && before?.lsn === log.lsn) return since;
  return log.replay?.isWaiting ? log.startedAt : undefined;
}

function withProof(node: string, state: RegionState): RegionState {
  if (!state.log) return state;
  const { proof = state.proof, ahead } = reached(node, state.peerPositions, state.log);
  return changed(state, { proof, peerPositions: ahead });
}

/** Returns the same object when nothing is new: this runs many times a second, in the simulator many thousand times. */
export function changed(state: RegionState, news: Partial<RegionState>): RegionState {
  const isNew = (Object.keys(news) as (keyof RegionState)[]).some((key) => state[key] !== news[key]);
  return isNew ? { ...state, ...news } : state;
}
