import type { RegionDrill } from "../drill.js";
import { seeNothingMoved } from "./stage/steps.js";

/** Several leases: what is renewed by luck once is not renewed by luck three times. */
const STORM_LEASES = 4;
/** A regional outage as guards meet it: slow answers, and errors among them. */
const FAULTS = { delayMillis: 800, failShare: 0.4 } as const;

export const claimsSlow: RegionDrill = {
  kind: "region",
  name: "claims-slow",
  title: "DynamoDB is slow and fails in the active region",
  runbook: "claim-lease-lapsing.md",
  hypothesis:
    "Guards ask the other region's replica when their own fails: a regional outage of DynamoDB does not look like isolation. No lease runs out, nothing moves, no client notices.",
  nightly: true,
  expect: { lostRows: "none", writeGapSeconds: 2, nameGapSeconds: 4 },
  async run(scene) {
    const region = scene.active();
    const before = await scene.eventually("a leader", () => scene.view());
    const link = scene.claims.proxy(region);
    await scene.fault(`slow answers and errors of the claim table in ${region}`, async () =>
      link.set(FAULTS),
    );
    const seconds = STORM_LEASES * scene.settings.promotion.leaseSeconds;
    await scene.step(`Confine: for ${seconds} s, ${STORM_LEASES} leases`, () => scene.settle(seconds));
    await scene.step("Recover: no faults", async () => link.set({}));
    await seeNothingMoved(scene, before);
  },
};
