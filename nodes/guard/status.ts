/** A guard's answer to `GET /status`. Declared only here: its readers import the type. */
import type { Guard } from "./leader/guard.js";
import { leaderStatus } from "./leader/leader-status.js";
import type { Region } from "./region/region.js";
import { regionStatus } from "./region/region-status.js";

export type RegionStatus = ReturnType<typeof regionStatus>;
export type GuardStatus = ReturnType<typeof leaderStatus> & { readonly region: RegionStatus };

export const guardStatus = (guard: Guard, region: Region): GuardStatus => ({
  ...leaderStatus(guard),
  region: regionStatus(region),
});
