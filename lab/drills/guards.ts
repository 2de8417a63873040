/** Guards of the region under test, as the runbooks ask them. */

import type { GuardStatus } from "../../nodes/guard/status.js";
import { GUARD_PROGRAM } from "../../nodes/layout.js";
import type { Machine } from "../twin/types.js";
import type { Scene } from "./scene.js";

/** `guard status` on the node. @throws Error when no guard answers there. */
export async function guardStatus(scene: Scene, node: Machine): Promise<GuardStatus> {
  return JSON.parse(await scene.must(node, ["/usr/bin/node", GUARD_PROGRAM, "status"], 5000)) as GuardStatus;
}
