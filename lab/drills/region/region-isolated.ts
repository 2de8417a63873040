import type { RegionDrill } from "../drill.js";
import {
  acknowledgedIn,
  isolate,
  measureFencing,
  promote,
  seeFollowing,
  seeUsersFollow,
  UNPLANNED,
} from "./stage/steps.js";

/** Time for an old region that doesn't know better to try something, after the other has opened. */
const ALONE_SECONDS = 10;

export const regionIsolated: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-isolated",
  title: "The active region is cut off, lives, and has clients",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "It reaches neither the other region nor the claim table; its own clients reach it and go on writing. Its kernels shut its ports when the region lease runs out, before the other region may open. What it acknowledged alone is lost, and not more than was reported. Reconnected, it yields and follows.",
  expect: UNPLANNED,
  async run(scene) {
    const old = scene.active();
    await isolate(scene, old);
    await promote(scene);
    const { moves } = scene.observations();
    const openAt = moves.at(-1)?.promotedAt ?? Number.NaN;
    await scene.step(`Confine: ${old} stays alone with its clients for ${ALONE_SECONDS} s`, () =>
      scene.settle(ALONE_SECONDS),
    );
    scene.prove(
      `${old} acknowledged writes while it was alone`,
      acknowledgedIn(scene, old, scene.faults[0]?.to ?? Number.NaN).length > 0,
    );
    scene.prove(
      `clients in ${old} tried to write after the other region had opened`,
      [...scene.ledger.writes, ...scene.ledger.probes, ...scene.ledger.sessions].some(
        ({ source, sent }) => source === old && sent > openAt,
      ),
    );
    // Read within the lease: it may have been renewed just before.
    measureFencing(scene, old, scene.settings.promotion.leaseSeconds);
    await seeUsersFollow(scene);
    await scene.step(`Recover: reconnect ${old}`, () => scene.machines(old).heal());
    await seeFollowing(scene, 240);
  },
};
