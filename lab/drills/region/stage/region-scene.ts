/** What the steps of a drill about two regions work with, beside what those of every drill do. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../../../common/progress.js";
import type { GuardStatus } from "../../../../nodes/guard/status.js";
import { otherRegion } from "../../../../settings/contract.js";
import type { RegionId } from "../../../../settings/stacks.js";
import { now } from "../../../workload/clock.js";
import type { LedgerData } from "../../../workload/ledger.js";
import type { ClusterView } from "../../cluster.js";
import { guardStatus } from "../../guards.js";
import { Scene } from "../../scene.js";
import { type RegionLoads, regionsOf } from "./loads.js";
import { type Move, nextEpoch, type RegionObservations, timesOf } from "./moves.js";
import type { Claims, Raise, RegionMachines, TwoRegions } from "./two-regions.js";

/** The emulated table is one process, and the guards ask it too. */
const CLAIMS_POLL_MILLIS = 500;
/** From the first question of a prober to the last of all, and the spreading of what came of it. */
const NAME_SECONDS = 40;
/** A region that follows has to fetch, and perhaps to rewind. */
const FOLLOW_SECONDS = 180;
const FULL_SECONDS = 120;

export class RegionScene extends Scene {
  private readonly moved: Move[] = [];
  /** The load, once it runs. */
  loads: RegionLoads | undefined;

  constructor(
    readonly regions: TwoRegions,
    ledger: LedgerData,
    progress: Progress,
    private readonly raiseEpoch: Raise,
    /** A region that was lost is not expected back. */
    private readonly oneIsEnough = false,
  ) {
    super(regions.running, "home", ledger, progress);
  }

  /** A drill before may have left either region active. */
  override async enter(): Promise<void> {
    const { epoch } = await this.claims.read();
    this.under = epoch.recovery > epoch.home ? "recovery" : "home";
  }

  /** The region with the greatest epoch; from the moment at which that is raised, whether it serves already or not. */
  active(): RegionId {
    return this.id;
  }

  standby(): RegionId {
    return otherRegion(this.id);
  }

  get claims(): Claims {
    return this.regions.claims;
  }

  /** One region as drills about a single one see it, to ask who leads there. Its record of steps is not ours. */
  at(region: RegionId): Scene {
    return new Scene(this.running, region, this.ledger, this.progress);
  }

  /** Greatest claimed epoch of a region. */
  async epoch(region: RegionId): Promise<number> {
    return (await this.claims.read()).epoch[region];
  }

  /** What the guard of the region's leader reports. @throws Error while no node leads, or no guard answers. */
  async guard(region: RegionId): Promise<GuardStatus> {
    const leader = await this.at(region).leader();
    return guardStatus(this, leader);
  }

  /** All machines of a region, to be broken at once. Kill and boot them through the scene: the load runs beside them. */
  machines(region: RegionId): RegionMachines {
    return this.regions.region(region);
  }

  /** Powers a region off. The workload in it goes down with it, and is not held to be broken. */
  async kill(region: RegionId): Promise<void> {
    this.loads?.willBeLost(region);
    await this.machines(region).kill();
    this.loads?.isLost(region);
  }

  /** Destroys both regions and all that they need; what a new account has before its regions is there then. */
  async loseAccount(accountId: string): Promise<void> {
    const regions = this.running.regions;
    for (const region of regions) this.loads?.willBeLost(region);
    await this.running.loseAccount(accountId);
    for (const region of regions) this.loads?.isLost(region);
    this.under = "home";
  }

  /** Powers it on again; clients come back with it. */
  async boot(region: RegionId): Promise<void> {
    await this.machines(region).boot();
    await this.loads?.startIn(region);
  }

  /** Raises the groups of a cold region: its machines come into being, and clients with them. */
  async start(region: RegionId): Promise<void> {
    await this.running.start(region);
    await this.loads?.startIn(region);
  }

  /** Decides that the region shall be active: raises its epoch above all. @returns the epoch. */
  async raise(region: RegionId = this.standby()): Promise<number> {
    const epoch = nextEpoch((await this.claims.read()).epoch, region);
    this.moved.push({ from: otherRegion(region), to: region, epoch, claimedAt: now() });
    this.under = region;
    const raised = this.raiseEpoch(region, epoch);
    await Promise.all([raised, this.noteClaim(region, epoch, raised)]);
    return epoch;
  }

  /** A preview and an `up` go before a claim: it is counted from the last look that did not show it yet. */
  private async noteClaim(region: RegionId, epoch: number, raised: Promise<unknown>): Promise<void> {
    let isRaised = false;
    const end = () => {
      isRaised = true;
    };
    const done = raised.then(end, end);
    for (;;) {
      const claimedAt = now();
      const { epoch: claims } = await this.claims.read();
      if (claims[region] >= epoch || isRaised) return;
      this.note({ claimedAt });
      await Promise.race([done, sleep(CLAIMS_POLL_MILLIS)]);
    }
  }

  /** What an operator asserts about the last epoch that was raised. */
  async override(what: "fenced" | "acceptDataLoss"): Promise<void> {
    const { to, epoch } = this.lastMove();
    if (!(await this.claims.override(to, what, epoch)))
      throw new Error(`${what} was said of epoch ${epoch} before`);
  }

  /** Waits until the region that was raised last acknowledges writes, and keeps what its guard said about it. */
  async opens(timeoutSeconds: number): Promise<void> {
    const { to, epoch } = this.lastMove();
    await this.eventually(
      `epoch ${epoch} of ${to} is open`,
      () => this.hasOpened(to, epoch),
      timeoutSeconds,
      CLAIMS_POLL_MILLIS,
    );
    const { opening } = (await this.claims.read()).status[to];
    if (opening?.epoch === epoch) {
      const { lagMillis, reason } = opening;
      this.note({ reason, lagSeconds: lagMillis === undefined ? undefined : lagMillis / 1000 });
      this.progress.note(`${to}: ${reason}`);
    }
    await this.writesFlowIn(to);
  }

  /** Whether the guard says so of itself, in the claim table. */
  async hasOpened(region: RegionId, epoch: number): Promise<boolean> {
    return (await this.claims.read()).status[region].opened >= epoch;
  }

  /** Waits until a write that was sent from now on is acknowledged by a node of the region. */
  writesFlowIn(region: RegionId, timeoutSeconds = 60): Promise<string> {
    const from = now();
    const nodes = this.running.contract[region].databaseNodes.map(({ address }) => address);
    return this.eventually(
      `an acknowledged write in ${region}`,
      () =>
        this.ledger.writes.findLast(
          ({ result, sent, node }) =>
            result === "acknowledged" && sent >= from && node !== undefined && nodes.includes(node),
        )?.node,
      timeoutSeconds,
    );
  }

  /** Waits until every voter of the active region is in the quorum: it could lose one now. */
  async full(): Promise<ClusterView> {
    const view = await this.at(this.active()).whole(FULL_SECONDS);
    this.note({ fullAt: now() });
    return view;
  }

  /** Waits until the standby region follows the active one, with all its voters. */
  follows(timeoutSeconds = FOLLOW_SECONDS): Promise<ClusterView> {
    return this.at(this.standby()).whole(timeoutSeconds, undefined, "standby");
  }

  /** Waits until the active region is whole, and the other follows. */
  override async whole(timeoutSeconds = FOLLOW_SECONDS, lagBytes?: number): Promise<ClusterView> {
    if (!this.oneIsEnough && !this.running.isCold(this.standby()))
      await this.at(this.standby()).whole(timeoutSeconds, lagBytes, "standby");
    return super.whole(timeoutSeconds, lagBytes);
  }

  /** Waits until users who ask by name reach the region. */
  nameLeadsTo(region: RegionId, timeoutSeconds = 120): Promise<true> {
    return this.eventually(
      `the service's name leads to ${region}`,
      () => {
        const last = this.ledger.names.at(-1);
        return last?.leadsTo === region && last.settled;
      },
      timeoutSeconds,
    ) as Promise<true>;
  }

  /** A name that has just been made says nothing yet. */
  override async loadRunsWell(): Promise<void> {
    if (this.ledger.requests.some(({ name }) => name) || this.ledger.names.length > 0)
      await this.nameLeadsTo(this.active(), NAME_SECONDS);
  }

  /** How the business moved, as far as it has by now. */
  observations(): RegionObservations {
    const regionOf = regionsOf(this.running.contract);
    return { regionOf, moves: timesOf(this.moved, this.ledger, this.faults, regionOf) };
  }

  private lastMove(): Move {
    const move = this.moved.at(-1);
    if (!move) throw new Error("no epoch was raised yet");
    return move;
  }

  private note(news: Partial<Move>): void {
    if (this.moved.length === 0) return;
    this.moved[this.moved.length - 1] = { ...this.lastMove(), ...news };
  }
}
