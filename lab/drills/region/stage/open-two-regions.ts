/** A running twin as drills about two regions see it. */
import { Outside } from "../../../twin/network/outside.js";
import type { RegionTwin } from "../../../twin/open.js";
import type { TwoRegions } from "./two-regions.js";

const outsides = new WeakMap<RegionTwin, Promise<Outside>>();

/** @throws Error when one region runs only. */
export function twoRegions(running: RegionTwin): TwoRegions {
  const { claims, regions, twin, contract } = running;
  if (regions.length < 2) throw new Error("this drill is about two regions, and one runs");
  return {
    running,
    claims,
    region: (id) => running.region(id),
    outside: () => {
      const open = async () => {
        const outside = await Outside.open(twin.network, [contract.home, contract.recovery]);
        twin.closing.push(() => outside.close());
        return outside;
      };
      const opened = outsides.get(running) ?? open();
      outsides.set(running, opened);
      return opened;
    },
  };
}
