/** The load of two regions on machines that are none: the settings of each workload, and what becomes of one that is lost. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { RegionLoads, regionsOf } from "../../../../../lab/drills/region/stage/loads.js";
import type { TwoRegions } from "../../../../../lab/drills/region/stage/two-regions.js";
import { twinSettings } from "../../../../../lab/twin/settings.js";
import type { RunningCommand } from "../../../../../lab/twin/types.js";
import type { WorkloadConfig } from "../../../../../lab/workload/config.js";
import type { WorkloadEvent } from "../../../../../lab/workload/events.js";
import { Ledger } from "../../../../../lab/workload/ledger.js";
import { contractOf } from "../../../../../settings/contract.js";

const contract = contractOf(await twinSettings(), "000000000000");

class Place {
  alive = true;
  readonly told: WorkloadConfig[] = [];
  readonly killers: (() => void)[] = [];

  constructor(
    readonly spec: { readonly role: string; readonly region: string },
    readonly address: string,
  ) {}

  async start(): Promise<RunningCommand> {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    let end = (_: number) => {};
    const ended = new Promise<number>((resolve) => {
      end = resolve;
    });
    const say = (event: WorkloadEvent) => stdout.write(`${JSON.stringify(event)}\n`);
    stdin.once("data", (line: Buffer) => {
      const config = JSON.parse(line.toString()) as WorkloadConfig;
      this.told.push(config);
      say({ kind: "started", at: this.told.length, source: config.source });
      stdin.once("end", () => {
        say({ kind: "stopped", at: 100, source: config.source });
        stdout.end();
        end(0);
      });
      stdin.resume();
    });
    this.killers.push(() => {
      stdout.end();
      end(137);
    });
    return { pid: 1, stdin, stdout, kill: () => end(137), ended };
  }
}

async function stage(http = true) {
  const home = new Place({ role: "tomcat", region: "home" }, "10.10.16.10");
  const recovery = new Place({ role: "tomcat", region: "recovery" }, "10.20.16.10");
  const node = new Place(
    { role: "database", region: "home" },
    contract.home.databaseNodes[0]?.address as string,
  );
  const users = new Place({ role: "", region: "" }, "");
  const regions = {
    running: { twin: { machines: [home, recovery, node] }, contract, isCold: () => false },
    outside: async () => users,
  } as unknown as TwoRegions;
  const ledger = new Ledger();
  const database = { user: "app", password: "", name: "app", authority: "" };
  const loads = await RegionLoads.start({ regions, database, file: "", ledger, http });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
  await turn();
  return { home, recovery, users, ledger, loads, turn };
}

test("each region has its own workload, whose rows are its own; users ask by name, from outside", async () => {
  const { home, recovery, users, loads, ledger } = await stage();
  expect(home.told[0]).toMatchObject({ source: "home", writer: { firstWorker: 0 } });
  expect(recovery.told[0]).toMatchObject({ source: "recovery", writer: { firstWorker: 1000 } });
  expect(home.told[0]?.http).toBeUndefined();
  expect(users.told[0]).toMatchObject({
    source: "users",
    http: { hostname: contract.serviceHostname, nameServer: "127.0.0.1:53" },
    name: {
      ttlSeconds: 10,
      probeIntervalMillis: 10_000,
      probeFailures: 3,
      activePath: "/dr/active",
      regions: {
        home: { address: "10.10.0.10", fleet: { targets: ["10.10.16.10:8081"] } },
        recovery: { address: "10.20.0.10", fleet: { targets: ["10.20.16.10:8081"] } },
      },
    },
  });
  expect(users.told[0]?.writer).toBeUndefined();
  await loads.stop();
  expect(ledger.stopped).toBe(100);
});

test("a region that is lost takes its workload along, and gets a new one with new rows when it is back", async () => {
  const { home, loads, ledger, turn } = await stage(false);
  loads.willBeLost("home");
  for (const kill of home.killers) kill();
  loads.isLost("home");
  await turn();
  expect(ledger.writes.map(({ worker, result }) => [worker, result])).toEqual([
    [0, "unknown"],
    [1, "unknown"],
    [2, "unknown"],
  ]);
  await loads.startIn("home");
  await turn();
  expect(home.told[1]).toMatchObject({ source: "home", writer: { firstWorker: 2000 } });
  await loads.stop();
});

test("a workload that dies while its region lives breaks the drill", async () => {
  const { recovery, loads } = await stage(false);
  for (const kill of recovery.killers) kill();
  await expect(loads.stop()).rejects.toThrow("ended with 137 before it was stopped");
});

test("nodes and workloads belong to regions, users to none", () => {
  const regionOf = regionsOf(contract);
  const node = contract.recovery.databaseNodes[1]?.address as string;
  expect([node, "home", "users", "10.99.0.1"].map(regionOf)).toEqual([
    "recovery",
    "home",
    undefined,
    undefined,
  ]);
});
