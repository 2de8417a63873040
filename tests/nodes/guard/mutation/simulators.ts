/** What a bundle with a changed guard exports: both halves' classes, and both simulators that drive them. */
export { Guard } from "../../../../nodes/guard/leader/guard.js";
export { Region } from "../../../../nodes/guard/region/region.js";
export { Cluster } from "../leader/sim/cluster.js";
export { Regions } from "../region/sim/regions.js";
