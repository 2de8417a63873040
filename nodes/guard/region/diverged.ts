/**
 * What a node of a region that returns may have acknowledged and no other log has: whether it must be saved before
 * anything rewinds it, and which slots keep it decodable until then. Pure. docs/promotion.md has the protocol.
 */
import type { OwnData, Reading, RegionState, SaveRecord } from "./region-facts.js";

/** Patroni is told to leave slots of this kind alone, nodes/render/dynamic-config.ts. */
export const SLOT_PLUGIN = "test_decoding";

/** A slot of a leader: it keeps what one database was told in that epoch, on that timeline. */
export interface KeptSlot {
  readonly name: string;
  readonly epoch: number;
  readonly timeline: number;
  readonly database: number;
}

export const slotName = ({ epoch, timeline, database }: Omit<KeptSlot, "name">): string =>
  `dr_diverged_e${epoch}_t${timeline}_${database}`;

/** @returns undefined for another's. */
export function slotOf(name: string): KeptSlot | undefined {
  const [, epoch, timeline, database] = /^dr_diverged_e(\d+)_t(\d+)_(\d+)$/.exec(name) ?? [];
  return database === undefined
    ? undefined
    : { name, epoch: Number(epoch), timeline: Number(timeline), database: Number(database) };
}

/**
 * The newest epoch that this node's slots keep changes of; 0 for none. A node that has followed a later leader of
 * its own region has nothing of its own any more.
 */
function keptEpoch({ slots, isStandby, timeline = 0 }: OwnData): number {
  const own = slots.filter((slot) => !isStandby || slot.timeline >= timeline);
  return own.reduce((newest, { epoch }) => Math.max(newest, epoch), 0);
}

/** Whether all that was served here in that epoch stands in the other region's log. */
export const isHandedOver = ({ mine, theirs }: Reading, epoch: number): boolean =>
  mine.released?.opened === epoch && theirs.opening?.lagMillis === 0;

/**
 * The own epoch of which this node must save what it served before it may be rewound; undefined: nothing, or nobody
 * knows yet.
 *
 * Without a slot a node that stopped as a primary counts as well: then its data are kept as they are.
 */
export function unsavedEpoch({ reading, log, data }: RegionState): number | undefined {
  if (!reading || !data) return undefined;
  const { own, peer, mine, theirs, overrides } = reading;
  // What is left over on a node of the active region, or of one that is becoming it, is in the log that counts.
  const isLacking = log !== undefined && log.mark.epoch < theirs.opened;
  if (own > peer && (mine.opened === own || overrides.acceptDataLoss === own || !isLacking)) return undefined;
  const wasPrimary = data.isStandby === false && own < peer && theirs.opened === peer;
  const epoch = keptEpoch(data) || (wasPrimary ? mine.opened : 0);
  if (epoch === 0 || theirs.opened <= epoch || isHandedOver(reading, epoch)) return undefined;
  return isSaved(data, epoch) ? undefined : epoch;
}

/** States of a node that has nothing more to save. */
export const FINAL: readonly SaveRecord["state"][] = ["saved", "kept-copy", "nothing", "given-up"];

export const isSaved = ({ records }: OwnData, epoch: number): boolean =>
  records.some((record) => record.epoch === epoch && FINAL.includes(record.state));

/** Whether Patroni may do with this node's data what it likes. */
export function mayBeRewound(state: RegionState): boolean {
  const { reading, data } = state;
  if (!data) return false;
  // What it once led may be all that is left of it: that takes a look at the claims.
  if (!reading) return data.isStandby !== false && keptEpoch(data) === 0;
  return unsavedEpoch(state) === undefined;
}

/** Whether slots that are left here keep nothing any more. */
export function slotsAreLeftOver(state: RegionState): boolean {
  const { reading, log, data } = state;
  if (!reading || !data || data.slots.length === 0 || !log || log.isPrimary) return false;
  const { own, peer, theirs } = reading;
  // Demoted, and the other region hasn't opened: it may yet do so without what this one has.
  if (own < peer && theirs.opened < peer) return false;
  return unsavedEpoch(state) === undefined;
}

/** What PostgreSQL says of slots and databases, on the leader of an active region. Positions in bytes. */
export interface SlotFacts {
  /** Of the other region's slot: what it has confirmed; undefined where the slot is missing or given up. */
  readonly confirmed?: number;
  readonly slots: readonly {
    readonly name: string;
    readonly confirmed?: number;
    readonly isLost: boolean;
  }[];
  readonly databases: readonly { readonly oid: number; readonly name: string }[];
  /** How many slots could still be made. */
  readonly room: number;
}

export type SlotStep =
  | { readonly kind: "create"; readonly slot: string; readonly database: string }
  | { readonly kind: "advance"; readonly slot: string; readonly database: string; readonly to: number }
  | { readonly kind: "drop"; readonly slot: string };

/** Slots that are left for replicas, the other region and base backups. */
export const SPARE_SLOTS = 8;

/** What makes the slots keep exactly what the other region has not confirmed, one for each database. */
export function slotSteps(
  { confirmed, slots, databases, room }: SlotFacts,
  term: { readonly epoch: number; readonly timeline: number },
): { readonly steps: readonly SlotStep[]; readonly uncovered: readonly string[] } {
  const wanted = databases.map(({ oid, name }) => ({ name, slot: slotName({ ...term, database: oid }) }));
  const isWanted = (name: string) => wanted.some(({ slot }) => slot === name);
  const stale = slots.filter(({ name, isLost }) => isLost || !isWanted(name));
  const steps: SlotStep[] = stale.map(({ name }) => ({ kind: "drop", slot: name }));
  const uncovered: string[] = [];
  let left = room + stale.length - SPARE_SLOTS;
  for (const { name: database, slot } of wanted) {
    const found = slots.find(({ name, isLost }) => name === slot && !isLost);
    if (found?.confirmed !== undefined) {
      if (confirmed !== undefined && confirmed > found.confirmed)
        steps.push({ kind: "advance", slot, database, to: confirmed });
    } else if (confirmed === undefined || left <= 0) {
      // Nothing moves it on while the other region has no slot here: it would only hold back log.
      uncovered.push(database);
    } else {
      left--;
      steps.push({ kind: "create", slot, database });
    }
  }
  return { steps, uncovered };
}

/** Whether the region's other guards have given a node that must save first the time to stop its Patroni. */
export const SAVE_FIRST_MILLIS = 10_000;

/** The newest record, for people: what was saved here, or why not. */
export const latestRecord = (data: OwnData | undefined): SaveRecord | undefined =>
  data?.records.reduce<SaveRecord | undefined>(
    (newest, record) => (newest && newest.epoch > record.epoch ? newest : record),
    undefined,
  );
