/** Guards of the region under test, as the runbooks ask them. */
import type { Machine } from "../twin/types.js";
import type { Scene } from "./scene.js";

/** What a guard's `status` tells, as far as drills ask. */
export interface GuardStatus {
  /** This node leads and serves writes. */
  readonly active: boolean;
  readonly region?: {
    readonly role: "primary" | "standby" | null;
    /** What a region that is to become active waits for. */
    readonly waitsFor?: string;
    /** By how much this log may be behind what the other region acknowledged. */
    readonly lagMillis?: number;
  };
}

/** `guard status` on the node. @throws Error when no guard answers there. */
export async function guardStatus(scene: Scene, node: Machine): Promise<GuardStatus> {
  return JSON.parse(
    await scene.must(node, ["/usr/bin/node", "/usr/local/lib/dr/guard.cjs", "status"], 5000),
  ) as GuardStatus;
}
