/**
 * Diverged writes: a node of a returning region may have acknowledged writes that no other log contains. Decides whether
 * the node must save them before a rewind, and which slots keep them decodable until then. Pure. docs/promotion.md
 * describes the protocol.
 */
import type { OwnData, Reading, RegionState, SaveRecord } from "./region-facts.js";

/** Patroni's configuration (nodes/render/dynamic-config.ts) makes it ignore slots of this kind. */
export const SLOT_PLUGIN = "test_decoding";

/** A leader's slot: it keeps the changes of one database in one epoch, on one timeline. */
export interface KeptSlot {
  readonly name: string;
  readonly epoch: number;
  readonly timeline: number;
  readonly database: number;
}

export const slotName = ({ epoch, timeline, database }: Omit<KeptSlot, "name">): string =>
  `dr_diverged_e${epoch}_t${timeline}_${database}`;

/** @returns undefined for any other slot. */
export function slotOf(name: string): KeptSlot | undefined {
  const [, epoch, timeline, database] = /^dr_diverged_e(\d+)_t(\d+)_(\d+)$/.exec(name) ?? [];
  return database === undefined
    ? undefined
    : { name, epoch: Number(epoch), timeline: Number(timeline), database: Number(database) };
}

/**
 * The newest epoch whose changes this node's slots keep; 0 for none. A node that has followed a later leader of its
 * region has no diverged writes left.
 */
function keptEpoch({ slots, isStandby, timeline = 0 }: OwnData): number {
  const own = slots.filter((slot) => !isStandby || slot.timeline >= timeline);
  return own.reduce((newest, { epoch }) => Math.max(newest, epoch), 0);
}

/** Whether the other region's log contains every write that this region served in that epoch. */
export const isHandedOver = ({ mine, theirs }: Reading, epoch: number): boolean =>
  mine.released?.opened === epoch && theirs.opening?.lagMillis === 0;

/**
 * The epoch whose writes this node must save before a rewind; undefined: it has nothing to save, or that is not known
 * yet.
 *
 * A node without a slot that stopped as a primary counts as well: the saver then keeps its whole data directory.
 */
export function unsavedEpoch({ reading, log, data }: RegionState): number | undefined {
  if (!reading || !data) return undefined;
  const { own, peer, mine, theirs, overrides } = reading;
  // In the active region, or one that is becoming active, the log that counts contains these writes.
  const isLacking = log !== undefined && log.mark.epoch < theirs.opened;
  if (own > peer && (mine.opened === own || overrides.acceptDataLoss === own || !isLacking)) return undefined;
  const wasPrimary = data.isStandby === false && theirs.opened === peer;
  const epoch = keptEpoch(data) || (wasPrimary ? mine.opened : 0);
  if (epoch === 0 || theirs.opened <= epoch || isHandedOver(reading, epoch)) return undefined;
  return isSaved(data, epoch) ? undefined : epoch;
}

/** States in which a node has nothing more to save. */
export const FINAL: readonly SaveRecord["state"][] = ["saved", "kept-copy", "nothing", "given-up"];

export const isSaved = ({ records }: OwnData, epoch: number): boolean =>
  records.some((record) => record.epoch === epoch && FINAL.includes(record.state));

/** Whether Patroni may rewind or replace this node's data. */
export function mayBeRewound(state: RegionState): boolean {
  const { reading, data } = state;
  if (!data) return false;
  // This node may have the only copy of the writes that it once served: only the claims can tell.
  if (!reading) return data.isStandby !== false && keptEpoch(data) === 0;
  return unsavedEpoch(state) === undefined;
}

/** Whether this node's remaining slots no longer keep anything. */
export function slotsAreLeftOver(state: RegionState): boolean {
  const { reading, log, data } = state;
  if (!reading || !data || data.slots.length === 0 || !log || log.isPrimary) return false;
  const { own, peer, theirs } = reading;
  // Demoted, and the other region hasn't opened: it may still open without this region's last writes.
  if (own < peer && theirs.opened < peer) return false;
  return unsavedEpoch(state) === undefined;
}

/** PostgreSQL's slots and databases on the leader of an active region. Positions in bytes. */
export interface SlotFacts {
  /** The position that the other region's slot has confirmed; undefined when the slot is missing or lost. */
  readonly confirmed?: number;
  readonly slots: readonly {
    readonly name: string;
    readonly confirmed?: number;
    readonly isLost: boolean;
  }[];
  readonly databases: readonly { readonly oid: number; readonly name: string }[];
  /** How many more slots PostgreSQL can create. */
  readonly room: number;
}

export type SlotStep =
  | { readonly kind: "create"; readonly slot: string; readonly database: string }
  | { readonly kind: "advance"; readonly slot: string; readonly database: string; readonly to: number }
  | { readonly kind: "drop"; readonly slot: string };

/** Slots reserved for replicas, the other region and base backups. */
export const SPARE_SLOTS = 8;

/** The steps after which one slot per database keeps exactly what the other region has not confirmed. */
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
      // Without the other region's slot nothing would advance this one: it would only retain WAL.
      uncovered.push(database);
    } else {
      left--;
      steps.push({ kind: "create", slot, database });
    }
  }
  return { steps, uncovered };
}

/** How long the region's other guards wait for a node that must save first to stop its Patroni. */
export const SAVE_FIRST_MILLIS = 10_000;

/** The newest record, for people: what this node has saved, or why not. */
export const latestRecord = (data: OwnData | undefined): SaveRecord | undefined =>
  data?.records.reduce<SaveRecord | undefined>(
    (newest, record) => (newest && newest.epoch > record.epoch ? newest : record),
    undefined,
  );
