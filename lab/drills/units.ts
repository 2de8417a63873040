/** Units on the nodes, as systemd tells of them. */
import type { Machine } from "../twin/types.js";

/** Number of a unit's main process; undefined while it has none. */
export async function mainPid(node: Machine, unit: string): Promise<number | undefined> {
  const shown = await node.systemctl("show", unit);
  return Number(/^MainPID=(\d+)$/m.exec(shown)?.[1] ?? 0) || undefined;
}
