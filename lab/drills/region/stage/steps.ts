/** Steps that several drills about two regions share, in the runbooks' words. */
import type { RegionId } from "../../../../settings/stacks.js";
import type { Wire } from "../../../twin/types.js";
import { now } from "../../../workload/clock.js";
import type { WriteEvent } from "../../../workload/events.js";
import type { Expectations } from "../../drill.js";
import { regionsOf } from "./loads.js";
import type { RegionScene } from "./region-scene.js";

/** What a person takes at least to see an alarm and to decide: short, so that the figures are the machinery's. */
export const DECISION_SECONDS = 3;

/** What an unplanned promotion may take and lose, when the old region doesn't answer. */
export const UNPLANNED: Expectations = {
  lostRows: "within-lag",
  // The decision, lease and margin, and the promotion.
  writeGapSeconds: 45,
  // Beyond that: health checks that see the new region, what they say spreading, and what clients keep.
  nameGapSeconds: 90,
  claimToWriteSeconds: 40,
  rejoinSeconds: 400,
};

/** Lease and margin: until then no region may open beside one whose state is unknown. */
export const waitSeconds = ({ settings: { promotion } }: RegionScene): number =>
  promotion.leaseSeconds + promotion.marginSeconds;

/** What a machine that has just woken up can do before it looks at its clock. */
const AWAKE_SECONDS = 10;

/** The decision, after it was thought over, and what must come of it. */
export async function promote(scene: RegionScene): Promise<void> {
  const to = scene.standby();
  await scene.step(`Detect: may I? ${DECISION_SECONDS} s to decide`, () => scene.settle(DECISION_SECONDS));
  await scene.step(`Promote: raise the epoch of ${to}`, () => scene.raise(to));
  await seeOpened(scene);
}

/** A move while both regions are well: the old one hands over what it has. */
export async function moveOnPurpose(scene: RegionScene): Promise<void> {
  const [from, to] = [scene.active(), scene.standby()];
  // What is still to be written when PostgreSQL stops, clients wait for.
  await scene.step(`Promote: a checkpoint in ${from} first`, async () =>
    scene.database.sql(await scene.leader(), "CHECKPOINT;"),
  );
  const epoch = await scene.fault(`Promote: raise the epoch of ${to} above that of ${from}`, () =>
    scene.raise(to),
  );
  await seeOpened(scene);
  const { status } = await scene.claims.read();
  scene.prove(`${from} released for epoch ${epoch}`, status[from].released?.epoch === epoch);
}

/** The region that was raised acknowledges writes, and can lose a node. */
export async function seeOpened(scene: RegionScene, timeoutSeconds = 90): Promise<void> {
  const to = scene.active();
  await scene.step(`Verify: ${to} acknowledges writes`, () => scene.opens(timeoutSeconds));
  await scene.step(`Verify: every voter of ${to} is in the quorum`, () => scene.full());
  scene.prove(`writes are acknowledged in ${to}`, Boolean(await scene.writesFlowIn(to)));
}

/** Users follow by themselves: no operator touches a DNS record. */
export const seeUsersFollow = (scene: RegionScene): Promise<unknown> =>
  scene.step(`Traffic: the service's name leads to ${scene.active()}`, () =>
    scene.nameLeadsTo(scene.active()),
  );

/** The region that was left follows the one that is active, from wherever it was. */
export const seeFollowing = (scene: RegionScene, timeoutSeconds?: number): Promise<unknown> =>
  scene.step(`Rejoin: ${scene.standby()} follows ${scene.active()}`, () => scene.follows(timeoutSeconds));

/** Cuts a region off, alive, from all but its own clients. */
export const isolate = (scene: RegionScene, region: RegionId): Promise<unknown> =>
  scene.fault(`cut ${region} from the other region and from the claim table`, () =>
    scene.machines(region).isolate(),
  );

/** A region that goes on after the other one has opened acknowledges nothing, to any client. */
export async function seeSilent(scene: RegionScene, region: RegionId): Promise<void> {
  const since = now();
  await scene.step(`Verify: ${region} acknowledges nothing for ${AWAKE_SECONDS} s`, () =>
    scene.settle(AWAKE_SECONDS),
  );
  scene.measure({
    name: `acknowledgements of ${region} after it went on`,
    value: acknowledgedIn(scene, region, since).length,
    unit: "",
    atMost: 0,
  });
}

/** What nodes of a region acknowledged, to writers and to probes, and came in after that. */
export function acknowledgedIn(
  { ledger: { writes, probes }, running }: RegionScene,
  region: RegionId,
  since: number,
): Pick<WriteEvent, "arrived">[] {
  const regionOf = regionsOf(running.contract);
  return [...writes, ...probes].filter(
    ({ result, arrived, node }) =>
      result === "acknowledged" && arrived > since && node !== undefined && regionOf(node) === region,
  );
}

/**
 * Until when, after the first fault had been done, an acknowledgement of this region came in; 0 when none did. To be
 * called before the region may be active again.
 */
export function measureFencing(scene: RegionScene, region: RegionId, atMost: number): void {
  const done = scene.faults[0]?.to ?? Number.NaN;
  const last = acknowledgedIn(scene, region, done).reduce(
    (most, { arrived }) => Math.max(most, arrived),
    done,
  );
  scene.measure({
    name: `last acknowledgement of ${region} after the fault`,
    value: (last - done) / 1000,
    unit: "s",
    atMost,
  });
}

/** What makes a fault harmless: the same region is active, the same node leads it, and the name never left it. */
export async function seeNothingMoved(
  scene: RegionScene,
  before: { readonly leader: string; readonly timeline: number },
): Promise<void> {
  const region = scene.active();
  const after = await scene.at(region).leader();
  const { epoch } = await scene.claims.read();
  const greatest = epoch.home > epoch.recovery ? "home" : "recovery";
  scene.measure({
    name: "changes of the active region",
    value: greatest === region ? 0 : 1,
    unit: "",
    atMost: 0,
  });
  scene.measure({
    name: "changes of the leader",
    value: ((await scene.view())?.timeline ?? Number.NaN) - before.timeline,
    unit: "",
    atMost: 0,
  });
  scene.prove(`${before.leader} still leads`, after.name === before.leader);
  const since = scene.faults[0]?.from ?? 0;
  const left = scene.ledger.names.filter(({ at, leadsTo }) => at > since && leadsTo !== region);
  scene.measure({ name: "changes of the name", value: left.length, unit: "", atMost: 0 });
}

/** To the guard of every node of a region. */
export async function signalGuards(
  scene: RegionScene,
  region: RegionId,
  signal: NodeJS.Signals,
): Promise<void> {
  await Promise.all(scene.at(region).voters.map((node) => node.signal("dr-guard", signal)));
}

/** The link between the regions. */
export function wireOf({ twin }: RegionScene): Wire {
  if (!twin.wire) throw new Error("there is no link: one region runs");
  return twin.wire;
}
