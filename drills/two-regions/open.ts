/** A running twin as drills about two regions see it. */
import { Outside } from "../../twin/network/outside.js";
import type { RegionTwin } from "../../twin/open.js";
import type { RegionMachines, TwoRegions } from "./twin.js";

/** Not there yet on this side of a merge: the twin's own way to break a region as a whole. */
type WithRegions = RegionTwin & { region?: (id: "home" | "recovery") => RegionMachines };

const outsides = new WeakMap<RegionTwin, Promise<Outside>>();

/** @throws Error when one region runs only, or when this twin can't break a region as a whole. */
export function twoRegions(running: RegionTwin): TwoRegions {
  const { claims, regions, twin, contract } = running;
  if (regions.length < 2) throw new Error("this drill is about two regions, and one runs");
  return {
    running,
    claims,
    region: (id) => {
      const machines = (running as WithRegions).region?.(id);
      if (!machines) throw new Error("this twin has no way to break a region as a whole");
      return machines;
    },
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
