/** What a region's link to the claim table can suffer. */
import { UserError } from "../../../common/errors.js";

/** Nothing set: no faults. */
export interface ClaimFaults {
  /** Silence: packets are dropped, connections hang, none is reset. Default false. */
  readonly cut?: boolean;
  /** Nothing listens, and open connections are reset. Default false. */
  readonly refused?: boolean;
  /** Milliseconds that each request waits before it is carried out. Default 0. */
  readonly delayMillis?: number;
  /** Of requests that fail with HTTP 500 InternalServerError, 0 to 1. Half of them have been carried out. Default 0. */
  readonly failShare?: number;
  /** Of requests that are refused as too many, 0 to 1. None of them has been carried out. Default 0. */
  readonly throttleShare?: number;
}

/** @throws UserError for a share that is none, or a delay below 0. */
export function requireFaults({ delayMillis = 0, failShare = 0, throttleShare = 0 }: ClaimFaults): void {
  for (const [name, share] of Object.entries({ failShare, throttleShare })) {
    if (share >= 0 && share <= 1) continue;
    throw new UserError(`${name} = ${share}`, "It is a share of all requests.", "use a number from 0 to 1");
  }
  if (delayMillis >= 0 && Number.isFinite(delayMillis)) return;
  throw new UserError(`delayMillis = ${delayMillis}`, "It is a time in milliseconds.", "use 0 or more");
}
