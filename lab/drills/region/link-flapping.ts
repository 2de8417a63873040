import type { RegionDrill } from "../drill.js";
import { seeFollowing, seeNothingMoved, wireOf } from "./stage/steps.js";

const REGIONS = ["home", "recovery"] as const;
const TIMES = 8;
const DOWN_SECONDS = 4;
const UP_SECONDS = 3;
/** While it is up it is a bad link. */
const LOSS = 0.05;

export const linkFlapping: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "link-flapping",
  title: "The link between the regions comes and goes, and so does the way to the claim table",
  runbook: "replication-lag.md",
  hypothesis:
    "No commit waits for the other region, and no lease hangs on a link that is away for seconds: clients of the active region notice nothing. The standby falls behind and catches up, over and over, by itself.",
  expect: { lostRows: "none", writeGapSeconds: 2, nameGapSeconds: 4, rejoinSeconds: 400 },
  async run(scene) {
    const wire = wireOf(scene);
    const before = await scene.eventually("a leader", () => scene.view());
    await scene.fault(`cut the link ${TIMES} times for ${DOWN_SECONDS} s`, async () => {
      await wire.set({ loss: LOSS });
      for (let i = 0; i < TIMES; i++) {
        // Not always together: one may be there while the other is not.
        const links = [...REGIONS]
          .filter((_, side) => (i >> side) % 2 === 0)
          .map((id) => scene.claims.proxy(id));
        await wire.cut();
        await Promise.all(links.map((link) => link.set({ cut: true })));
        await scene.settle(DOWN_SECONDS);
        await wire.heal();
        await Promise.all(links.map((link) => link.set({})));
        await scene.settle(UP_SECONDS);
      }
    });
    scene.prove(
      `probes across the link failed meanwhile`,
      scene.ledger.probes.some(
        ({ source, result, sent }) =>
          source === scene.standby() &&
          result !== "acknowledged" &&
          sent > (scene.faults[0]?.from ?? Number.NaN),
      ),
    );
    await scene.step("Recover: a good link", () => wire.set({ loss: 0 }));
    await seeNothingMoved(scene, before);
    await seeFollowing(scene);
  },
};
