/**
 * The load of a drill about two regions: beside a Tomcat server of each region a workload that writes and reads
 * through that server's HAProxy and probes every node; and outside of both, users who ask by the service's name.
 */

import type { Contract } from "../../../../settings/contract.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { Machine } from "../../../twin/types.js";
import type { Login, WorkloadConfig } from "../../../workload/config.js";
import type { Ledger } from "../../../workload/ledger.js";
import { Workload } from "../../../workload/workload.js";
import { databaseLoad, HTTP_PACE, type Load, type Pace } from "../../load.js";
import type { RegionOf } from "../../reigns.js";
import { nameConfig } from "./name-config.js";
import type { TwoRegions } from "./two-regions.js";

/** `source` of the users' events. */
const USERS = "users";
/** Two of them, on a host that runs both regions: what it takes for the load is not there for what is measured. */
const EACH_REGION: Pace = { writers: 3, writeMillis: 40, readers: 1, readMillis: 80, probeMillis: 200 };
const USERS_MILLIS = 100;
/** Between the first workers of two workloads. */
const WORKERS = 1000;

export interface LoadsOptions {
  readonly regions: TwoRegions;
  readonly database: WorkloadConfig["database"];
  /** File of the workload's program. */
  readonly file: string;
  readonly ledger: Ledger;
  /** Whether users ask the application by its name. */
  readonly http: boolean;
}

export class RegionLoads implements Load {
  private readonly workloads = new Map<string, Workload>();
  /** Of workloads that went down with their region; they end while the drill goes on. */
  private readonly lost: Promise<Error | undefined>[] = [];
  private started = 0;
  private database: LoadsOptions["database"];

  private constructor(private readonly options: LoadsOptions) {
    this.database = options.database;
  }

  static async start(options: LoadsOptions): Promise<RegionLoads> {
    const self = new RegionLoads(options);
    try {
      for (const region of ["home", "recovery"] as const) {
        if (!options.regions.running.isCold(region)) await self.startIn(region);
      }
      if (options.http) await self.startUsers();
      return self;
    } catch (error) {
      self.kill();
      throw error;
    }
  }

  /** The workload of a region; of one that was lost and is back, a new one whose rows are its own. */
  async startIn(region: RegionId): Promise<void> {
    const { running } = this.options.regions;
    const tomcat = running.twin.machines.find(
      ({ alive, spec }) => alive && spec.role === "tomcat" && spec.region === region,
    );
    if (!tomcat) throw new Error(`no Tomcat server of region ${region} runs`);
    const load = databaseLoad(running, EACH_REGION);
    const firstWorker = WORKERS * this.started++;
    await this.begin(region, tomcat, { ...load, writer: { ...(load.writer as Writer), firstWorker } });
  }

  /** What starts from now on has these credentials: the clients of a new deployment. */
  useDatabase(database: LoadsOptions["database"]): void {
    this.database = database;
  }

  /** The region's machines are about to be killed on purpose. */
  willBeLost(region: RegionId): void {
    this.workloads.get(region)?.willBeLost();
  }

  /** They have been. */
  isLost(region: RegionId): void {
    const workload = this.workloads.get(region);
    if (!workload) return;
    this.workloads.delete(region);
    this.lost.push(
      workload.lost().then(
        () => undefined,
        (error: Error) => error,
      ),
    );
  }

  /** Clients beside the region's Tomcat servers get another login. */
  use(region: RegionId, login: Login): void {
    this.workloads.get(region)?.use(login);
  }

  async stop(): Promise<void> {
    const ended = await Promise.allSettled([...this.workloads.values()].map((workload) => workload.stop()));
    this.workloads.clear();
    for (const one of ended) if (one.status === "rejected") throw one.reason;
    for (const error of await Promise.all(this.lost)) if (error) throw error;
  }

  kill(): void {
    for (const workload of this.workloads.values()) workload.kill();
  }

  private async startUsers(): Promise<void> {
    const { running, outside } = this.options.regions;
    const name = nameConfig(running.twin, running.contract);
    const { hostname, port, nameServer } = name;
    await this.begin(USERS, await outside(), {
      name,
      http: { ...HTTP_PACE, intervalMillis: USERS_MILLIS, hostname, port, nameServer },
    });
  }

  private async begin(
    source: string,
    where: Pick<Machine, "start">,
    parts: Omit<WorkloadConfig, "database">,
  ) {
    const { file, ledger } = this.options;
    const { database } = this;
    this.workloads.set(source, await Workload.start(where, file, { source, database, ...parts }, ledger));
  }
}

type Writer = NonNullable<WorkloadConfig["writer"]>;

/** Of nodes by their address, and of workloads by their source; users are of neither region. */
export function regionsOf({ home, recovery }: Pick<Contract, "home" | "recovery">): RegionOf {
  const regions = new Map<string, string>();
  for (const { id, databaseNodes, readReplicas } of [home, recovery]) {
    regions.set(id, id);
    for (const { address } of [...databaseNodes, ...readReplicas]) regions.set(address, id);
  }
  return (nodeOrSource) => regions.get(nodeOrSource);
}
