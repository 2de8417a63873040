/** The claim table: one true copy, reached through a slow network that loses answers. */
import type { Status } from "../../../../../nodes/guard/region/region-facts.js";
import { NO_STATUS } from "../../../../../nodes/guard/region/region-facts.js";

export type Side = 0 | 1;
export const other = (side: Side): Side => (side === 0 ? 1 : 0);

export class SimTable {
  readonly claims: [number, number] = [0, 0];
  readonly status: [Status, Status] = [NO_STATUS, NO_STATUS];
  readonly fenced: [number, number] = [0, 0];
  readonly acceptDataLoss: [number, number] = [0, 0];

  /** Since when the region's status says that its leader has been demoted in the epoch that it opened last. */
  readonly demotedSince: [number | undefined, number | undefined] = [undefined, undefined];

  /** Called when a region opens an epoch. */
  onOpened: (side: Side) => void = () => {};

  /** A region opens an epoch that it has given away, or takes back that it has opened one. */
  onViolation: (what: string) => void = () => {};

  constructor(private readonly now: () => number) {}

  claim(side: Side, epoch: number): void {
    this.claims[side] = Math.max(this.claims[side], epoch);
  }

  /** Written only if no other guard has written since. */
  write(side: Side, status: Status, unconditional = false): boolean {
    if (!unconditional && status.sequence !== this.status[side].sequence + 1) return false;
    const before = this.status[side];
    const isOpened = status.opened > before.opened;
    if (isOpened && (before.released?.epoch ?? 0) > status.opened)
      this.onViolation(
        `epoch ${status.opened} is opened after a release for epoch ${before.released?.epoch}`,
      );
    if (status.opened < before.opened)
      this.onViolation(`the status says epoch ${status.opened} after epoch ${before.opened}`);
    this.status[side] = status;
    if (isOpened) this.onOpened(side);
    const isDemoted = status.demoted?.of === status.opened;
    this.demotedSince[side] = isDemoted ? (this.demotedSince[side] ?? this.now()) : undefined;
    return true;
  }
}
