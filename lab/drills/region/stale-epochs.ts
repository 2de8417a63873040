import { now } from "../../workload/clock.js";
import type { RegionDrill } from "../drill.js";
import { acknowledgedIn, seeNothingMoved } from "./stage/steps.js";

/** Each guard has read the claims several times by then. */
const READINGS = 4;
/** The active region skips this many epochs, so that lower, unused ones exist. */
const LEFT_OUT = 2;

/**
 * What reaches the table when a stale stack is deployed. Most doesn't get so far: settings refuse an epoch of the
 * wrong parity, and the pipeline one that is lower (tests/settings, tests/lab/sandbox/engine).
 */
export const staleEpochs: RegionDrill = {
  kind: "region",
  name: "stale-epochs",
  title: "Old epochs are claimed: a used one again, and lower ones by either region",
  runbook: "promotion-without-pulumi.md",
  hypothesis:
    "A used epoch can't be claimed again: the write is conditional. A lower one that was never used can, and is of no effect, for the greatest counts: no guard moves, no client notices.",
  // Raising its own epoch shuts the region for a moment.
  expect: { lostRows: "none", writeGapSeconds: 10, nameGapSeconds: 15 },
  async run(scene) {
    const [region, standby] = [scene.active(), scene.standby()];
    const before = await scene.eventually("a leader", () => scene.view());
    const first = await scene.epoch(region);
    const used = first + 2 * LEFT_OUT;
    await scene.step(`raise the epoch of ${region}, which is active, from ${first} to ${used}`, async () => {
      await scene.claims.claim(region, used);
      await scene.eventually(`epoch ${used} is open`, () => scene.hasOpened(region, used), 30, 500);
    });
    const refused = await scene.fault(`claim epoch ${used} of ${region} again`, async () => {
      return !(await scene.claims.claim(region, used));
    });
    scene.prove(`the table refused epoch ${used} a second time`, refused);
    const lower = await scene.fault(
      `claim epochs ${used - 1} of ${standby} and ${used - 2} of ${region}`,
      async () => {
        const claimed = [
          await scene.claims.claim(standby, used - 1),
          await scene.claims.claim(region, used - 2),
        ];
        return claimed.every(Boolean);
      },
    );
    scene.prove("the table took the lower epochs: they were unused", lower);
    const since = now();
    const seconds = READINGS * scene.settings.promotion.readIntervalSeconds;
    await scene.step(`Verify: nothing moves for ${seconds} s, ${READINGS} readings`, () =>
      scene.settle(seconds),
    );
    scene.measure({
      name: `acknowledgements of ${standby}`,
      value: acknowledgedIn(scene, standby, since).length,
      unit: "",
      atMost: 0,
    });
    await seeNothingMoved(scene, before);
  },
};
