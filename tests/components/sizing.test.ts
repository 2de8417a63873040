import { expect, test } from "vitest";
import { regionSize, reservedPerZone } from "../../components/sizing.js";

const fleet = { minSize: 2, fullSize: 6, maxSize: 12 };

test.each([
  // site, epoch, yieldedTo → role, machines per node, fewest and most servers
  ["cold", 0, 0, "standby", 0, 0, 0],
  ["warm", 0, 0, "standby", 1, 2, 12],
  ["hot", 0, 0, "standby", 1, 6, 12],
  ["cold", 2, 0, "active", 1, 6, 12],
  ["warm", 2, 0, "active", 1, 6, 12],
  ["hot", 2, 0, "active", 1, 6, 12],
  // Yielded: back to the size of the site.
  ["cold", 2, 3, "standby", 0, 0, 0],
  ["warm", 2, 3, "standby", 1, 2, 12],
  ["hot", 2, 3, "standby", 1, 6, 12],
  // Promoted again: the remark about an older epoch no longer counts.
  ["cold", 4, 3, "active", 1, 6, 12],
  ["warm", 4, 3, "active", 1, 6, 12],
  // A region that never had an epoch has nothing to yield.
  ["warm", 0, 1, "standby", 1, 2, 12],
] as const)(
  "%s, epoch %i, yielded to %i: %s, %i, %i to %i",
  (site, epoch, yieldedTo, role, machines, min, max) => {
    expect(regionSize({ site, epoch, yieldedTo, fleet })).toEqual({
      role,
      machinesPerNode: machines,
      fleet: { min, max },
    });
  },
);

test.each([
  [6, 2],
  [7, 3],
  [1, 1],
])("a full size of %i reserves %i in each of three zones", (full, each) => {
  expect(reservedPerZone(full, 3)).toBe(each);
});
