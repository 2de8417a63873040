/** Routes of the machine outside; what they do is tried on the twin. */
import { expect, test } from "vitest";
import { outsideRoutes } from "../../../../lab/twin/network/outside.js";
import { twinSettings } from "../../../../lab/twin/settings.js";
import { contractOf } from "../../../../settings/contract.js";

test("the outside has an address in each region, and a way into it that leads through no other", async () => {
  const { home, recovery } = contractOf(await twinSettings(), "000000000000");
  expect(outsideRoutes([home, recovery])).toEqual([
    "link set lo up",
    "addr add 10.10.0.10/32 dev home",
    "link set home up",
    "route add 10.10.0.0/16 dev home scope link src 10.10.0.10",
    "addr add 10.20.0.10/32 dev recovery",
    "link set recovery up",
    "route add 10.20.0.0/16 dev recovery scope link src 10.20.0.10",
  ]);
});
