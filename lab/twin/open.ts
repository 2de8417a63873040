/** From settings to running regions: the image, the platform's answers, the machines, and the wait for a leader. */
import { join } from "node:path";
import { createAuthority } from "../../authority/authority.js";
import { UserError } from "../../common/errors.js";
import type { Progress } from "../../common/progress.js";
import { allEnded } from "../../common/settle.js";
import { machinesOf, restoreMachine } from "../../nodes/machines.js";
import { type Contract, contractOf } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { TwinClaims } from "./claims/claims.js";
import { startClaimStore } from "./claims/emulator.js";
import type { ClaimStore } from "./claims/store.js";
import { DatabaseCluster } from "./database-cluster.js";
import { ensureImage } from "./image.js";
import { LocalTwin } from "./local-twin.js";
import { Platform } from "./platform.js";
import { twinDir } from "./record.js";
import { RegionMachines } from "./region-machines.js";
import { twinSettings } from "./settings.js";
import type { Machine, MachineSpec, Twin } from "./types.js";
import { Vaults } from "./vault/vaults.js";

const GUARD_DROP_IN = "/etc/systemd/system/dr-guard.service.d/twin.conf";

/** The twin has no AWS account; names that carry one need some number. */
const NO_ACCOUNT = "000000000000";

export interface OpenTwinOptions {
  readonly progress: Progress;
  /** Default: the project's own, made small. */
  readonly settings?: SharedSettings;
  /** Default: the home region alone. */
  readonly regions?: readonly RegionId[];
  /** Those of them whose machines don't run until `start`. Default: none. */
  readonly cold?: readonly RegionId[];
  /** Tomcat servers per region. Default 1. */
  readonly tomcats?: number;
  /** Default: `twinDir()`. */
  readonly dir?: string;
  /** A bucket into which both vaults are copied, as `backup.copyTo` does. Default: none. */
  readonly copyBucket?: string;
  /** Of the AWS account that names carry. Default: none of anybody's. */
  readonly accountId?: string;
  /** Where machines and what they fetch come from, instead of the settings: see `from-cloud.ts`. */
  readonly source?: TwinSource;
  /**
   * A claim table that is there already, see `existingClaims`; nothing is claimed in it. Default: one of the twin's
   * own, in which the home region has claimed epoch 1.
   */
  readonly claims?: ClaimStore;
}

export interface TwinSource {
  machines(): Promise<readonly MachineSpec[]>;
  /** Puts what machines fetch at boot into the twin. */
  fill(twin: Twin): Promise<void>;
}

/** A twin whose regions were started from settings, and can be changed by them. */
export class RegionTwin {
  private readonly parts = new Map<RegionId, RegionMachines>();
  private readonly cold = new Map<RegionId, readonly MachineSpec[]>();

  private constructor(
    readonly twin: LocalTwin,
    readonly contract: Contract,
    readonly regions: readonly RegionId[],
    private platform: Platform,
    /** The claim table, and the links to it. */
    readonly claims: TwinClaims,
    readonly vaults: Vaults,
    private current: SharedSettings,
  ) {}

  get settings(): SharedSettings {
    return this.current;
  }

  /**
   * Starts everything but cold regions and waits until every region has a leader and all its members follow.
   * @throws UserError when this host can't run a twin; Error when a region doesn't come up.
   */
  static async open(options: OpenTwinOptions): Promise<RegionTwin> {
    const { progress, regions = ["home"], cold = [], tomcats = 1, dir = twinDir() } = options;
    const { accountId = NO_ACCOUNT } = options;
    const settings = options.settings ?? (await twinSettings());
    const contract = contractOf(settings, accountId);
    const { root, payload } = await ensureImage(progress);
    const twin = await LocalTwin.open({ dir, regions, layers: [payload, root] });
    try {
      const platform = new Platform(twin, contract);
      const claims = await openClaims(twin, contract, options);
      const vaults = await openVaults(twin, settings, contract, { ...options, regions });
      const self = new RegionTwin(twin, contract, regions, platform, claims, vaults, settings);
      if (options.source) await options.source.fill(twin);
      else await platform.provide(settings, regions);
      const all = (await options.source?.machines()) ?? self.specs(settings, tomcats);
      for (const id of cold) {
        self.cold.set(
          id,
          all.filter(({ region }) => region === id),
        );
      }
      const warm = regions.filter((id) => !cold.includes(id));
      const specs = all.filter(({ region }) => warm.includes(region));
      await progress.during(`start ${specs.length} machines`, () => self.addAll(specs));
      await progress.during("wait for a leader and its replicas", () =>
        Promise.all(
          warm.map(async (region) => {
            await self.database(region).settled();
            await self.database(region).requireFirstBootstrap();
          }),
        ),
      );
      return self;
    } catch (error) {
      await twin.close({ keep: true });
      throw error;
    }
  }

  /** One region as a whole: what kills, isolates or freezes it. @throws Error for a region that doesn't run. */
  region(id: RegionId): RegionMachines {
    if (!this.regions.includes(id)) throw new Error(`region ${id} does not run`);
    const part = this.parts.get(id) ?? new RegionMachines(id, this.twin, this.vaults);
    this.parts.set(id, part);
    return part;
  }

  /** Whether no machine of this region has been started yet. */
  isCold(id: RegionId): boolean {
    return this.cold.has(id);
  }

  /**
   * What raising the groups of a cold region does: its machines come into being, with empty volumes. Settles when all
   * have booted; whether they lead or follow is another matter.
   */
  async start(id: RegionId): Promise<void> {
    const specs = this.cold.get(id);
    if (!specs) throw new Error(`region ${id} is not cold`);
    this.cold.delete(id);
    await this.addAll(specs);
  }

  /**
   * What calling a region's restore machine does: it comes into being, with an empty volume. It tests a restore and
   * reports, or waits for an operator to restore by hand.
   */
  async callRestoreMachine(id: RegionId, { test }: { readonly test: boolean }): Promise<Machine> {
    const plan = restoreMachine(this.current, this.contract, id);
    const machine = await this.twin.add({ ...plan, volumeMib: this.current.database.volumeGib * 1024 });
    await machine.booted();
    if (!test) {
      // As somebody would who logs in: the machine must not end with the test that it began with. A stop before its start
      // would be none: this init keeps no queue of jobs.
      const begun = "for i in $(seq 300); do pgrep -x dr-restore-test > /dev/null && break; sleep 0.1; done";
      await machine.run(
        ["sh", "-c", `touch /run/dr/keep; ${begun}; systemctl stop dr-restore-test.service`],
        {
          timeoutMillis: 120_000,
        },
      );
    }
    return machine;
  }

  /** Ends it; its volume goes with it. */
  endRestoreMachine(id: RegionId): Promise<void> {
    return this.twin.remove(this.contract[id].restoreNode);
  }

  /**
   * The account is gone: every machine with its volume, both vaults, all secrets, the claim table. Only the third copy is
   * left. What `pulumi up --stack global` makes in a new account is there then; both regions are cold.
   */
  async loseAccount(accountId: string): Promise<void> {
    const { twin, contract, current: settings, regions } = this;
    await allEnded(twin.machines.map(({ name }) => twin.remove(name)));
    await twin.clearPlatform();
    await this.claims.recreate();
    const before = new Set(this.vaults.hosts);
    await this.vaults.moveTo(() => Object.assign(contract, contractOf(settings, accountId)));
    twin.hosts.splice(
      0,
      twin.hosts.length,
      ...twin.hosts.filter((line) => !before.has(line)),
      ...this.vaults.hosts,
    );
    this.platform = new Platform(twin, contract);
    await this.platform.provide(settings, regions);
    for (const id of regions) {
      await this.region(id).heal();
      this.cold.set(
        id,
        this.specs(settings, 1).filter(({ region }) => region === id),
      );
    }
  }

  /** The database cluster of one region. */
  database(region: RegionId): DatabaseCluster {
    return new DatabaseCluster(this.twin, this.contract[region]);
  }

  /**
   * What `pulumi up` would do with changed settings: the platform's answers change, machines are added or
   * removed. Machines that stay are not replaced.
   */
  async apply(settings: SharedSettings, tomcats: number): Promise<void> {
    const contract = contractOf(settings, this.contract.accountId);
    if (contract.home.cidr !== this.contract.home.cidr) {
      throw new UserError(
        "network.homeCidr changed",
        "A running region's network is fixed.",
        "open another twin",
      );
    }
    Object.assign(this.contract, contract);
    await this.platform.provide(settings, this.regions);
    const wanted = this.specs(settings, tomcats).filter(({ region }) => !this.isCold(region));
    const names = new Set(wanted.map(({ name }) => name));
    for (const { name } of this.twin.machines) if (!names.has(name)) await this.twin.remove(name);
    const there = new Set(this.twin.machines.map(({ name }) => name));
    this.current = settings;
    await this.addAll(wanted.filter(({ name }) => !there.has(name)));
  }

  private specs(settings: SharedSettings, tomcats: number): MachineSpec[] {
    const volumeMib = settings.database.volumeGib * 1024;
    return this.regions.flatMap((region) =>
      machinesOf(settings, this.contract, region, { tomcats }).map((machine) =>
        machine.role === "tomcat" ? machine : { ...machine, volumeMib },
      ),
    );
  }

  private async addAll(specs: readonly MachineSpec[]): Promise<void> {
    // All of them: after one that failed, no other must boot on while the twin is closed.
    const added = await allEnded(specs.map((spec) => this.twin.add(spec)));
    await Promise.all(added.map((machine) => machine.booted()));
  }

  close(options?: { readonly keep?: boolean }): Promise<void> {
    return this.twin.close(options);
  }
}

/** The vaults, and every machine told how to reach them. */
async function openVaults(
  twin: LocalTwin,
  { backup }: SharedSettings,
  contract: Contract,
  { progress, regions = [], copyBucket }: Pick<OpenTwinOptions, "progress" | "regions" | "copyBucket">,
): Promise<Vaults> {
  const vaults = await Vaults.open({
    ...{ progress, contract, regions, copyBucket, network: twin.network },
    dir: join(twin.dir, "vault"),
    lockDays: backup.lockDays,
    authority: await createAuthority("Vaults"),
  });
  twin.closing.unshift(() => vaults.close());
  twin.hosts.push(...vaults.hosts);
  for (const [path, content] of Object.entries(vaults.files)) twin.extras.set(path, content);
  twin.environment = (spec) => vaults.environment(spec);
  return vaults;
}

/** The claim table, and every guard told where it is. */
async function openClaims(
  twin: LocalTwin,
  contract: Contract,
  { progress, regions = ["home"], claims: given }: OpenTwinOptions,
): Promise<TwinClaims> {
  const dir = join(twin.dir, "claims");
  const store = given ?? (await ownStore(twin, contract, dir, progress));
  const claims = await TwinClaims.open({ dir, network: twin.network, contract, regions, store });
  // Closes before the emulator that it uses.
  twin.closing.unshift(() => claims.close());
  const lines = Object.entries(claims.environment).map(([name, value]) => `Environment=${name}=${value}\n`);
  twin.extras.set(GUARD_DROP_IN, `[Service]\n${lines.join("")}`);
  if (!given) await claims.claim("home", 1);
  return claims;
}

async function ownStore(
  { closing }: LocalTwin,
  { claimTable, home }: Contract,
  dir: string,
  progress: Progress,
): Promise<ClaimStore> {
  const store = await startClaimStore(progress, dir, claimTable, home.region);
  closing.push(() => store.close());
  return store;
}

/** @see RegionTwin.open */
export const openTwin = (options: OpenTwinOptions): Promise<RegionTwin> => RegionTwin.open(options);
