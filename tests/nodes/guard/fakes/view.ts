/** etcd as a guard sees it, with a leader that holds its term. */
import { NO_REGION_KEYS, type View } from "../../../../nodes/guard/leader/leader-facts.js";

export const aView = (at: number, more: Partial<View> = {}): View => ({
  startedAt: at,
  endedAt: at,
  leader: { value: "b", create: "5", mod: "6", lease: "12" },
  heartbeat: { beat: { node: "b", state: "held", term: "5", timeline: 1, system: "1" }, mod: "9" },
  initialize: "1",
  initializeMod: "3",
  forgetMillis: 0,
  members: {},
  region: NO_REGION_KEYS,
  ...more,
});
