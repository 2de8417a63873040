/** One drill on one twin: baseline, load, the steps, the end of the load, the count, the verdict. */
import { cpus, release, totalmem } from "node:os";
import { DATABASE_FRONTS } from "../nodes/haproxy.js";
import type { Progress } from "../sandbox/progress.js";
import { HEALTH_PATH, PORTS } from "../stacks/contract.js";
import type { RegionTwin } from "../twin/open.js";
import type { Machine } from "../twin/types.js";
import type { Drill, WorkloadChoice } from "./drill.js";
import { Ledger } from "./ledger.js";
import type { DrillResult } from "./report.js";
import { Scene } from "./scene.js";
import { Tables } from "./tables.js";
import { judge, type Verdict } from "./verdict.js";
import { now } from "./workload/clock.js";
import type { WorkloadConfig } from "./workload/events.js";
import { Workload } from "./workload/workload.js";

/** Load before the first step and after the last: something to compare with, and time for late trouble to show. */
const SETTLE_SECONDS = 2;

export interface Rehearsal {
  readonly running: RegionTwin;
  /** File of the workload's program. */
  readonly workload: string;
  readonly progress: Progress;
  readonly repetition: number;
}

/** Never throws for what the drill does: a step that fails, a cluster that isn't whole, a workload that dies are verdicts. */
export async function rehearse(drill: Drill, rehearsal: Rehearsal): Promise<DrillResult> {
  const { running, progress, repetition } = rehearsal;
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const ledger = new Ledger();
  const scene = new Scene(running, "home", ledger, progress);
  let verdict: Verdict;
  try {
    verdict = await perform(drill, scene, ledger, rehearsal);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    verdict = { outcome: "failed", reasons: [oneLine(reason)], measures: [] };
  }
  const zero = scene.faults[0]?.from ?? scene.done[0]?.from ?? 0;
  return {
    name: drill.name,
    title: drill.title,
    runbook: drill.runbook,
    hypothesis: drill.hypothesis,
    startedAt,
    seconds: (performance.now() - start) / 1000,
    repetition,
    ...verdict,
    steps: scene.done.map(({ from, to, ...step }) => ({
      ...step,
      from: (from - zero) / 1000,
      to: (to - zero) / 1000,
    })),
    proofs: scene.proofs,
    environment: environment(running),
  };
}

async function perform(drill: Drill, scene: Scene, ledger: Ledger, rehearsal: Rehearsal): Promise<Verdict> {
  const { running, progress } = rehearsal;
  const { application } = await credentials(scene);
  const tables = new Tables(scene.database, application.name);
  const http = drill.workload?.http ?? true;
  await progress.during("baseline: one leader, every member in sync, nobody behind", async () => {
    await scene.whole(60, 0);
    await tables.prepare(await scene.leader(), application.user);
  });
  const workload = await Workload.start(
    scene.tomcat,
    rehearsal.workload,
    config(running, scene, application, drill.workload),
    ledger,
  );
  let stepError: string | undefined;
  let judgedFrom: number | undefined;
  try {
    await progress.during("load", async () => {
      await scene.writesFlow(20);
      if (http) await scene.eventually("an answer of the application", () => answered(ledger), 60);
      // First sessions and a cold server take their time; that is no outage.
      judgedFrom = now();
      await scene.settle(SETTLE_SECONDS);
    });
    try {
      await drill.run(scene);
    } catch (error) {
      stepError = oneLine(error instanceof Error ? error.message : String(error));
    }
    await scene.settle(SETTLE_SECONDS);
  } catch (error) {
    workload.kill();
    throw error;
  }
  await progress.during("end of the load", () => workload.stop());
  const wound = await aftermath(scene, progress);
  const leader = await scene.leader(30);
  return judge(
    {
      ledger,
      judgedFrom,
      rows: await tables.rows(leader),
      items: http ? await tables.items(leader) : undefined,
      faults: scene.faults,
      proofs: scene.proofs,
      rejoinSeconds: scene.rejoinSeconds,
      extra: scene.extra,
      stepError: stepError ?? wound,
    },
    drill.expect,
  );
}

/** Whether the application has answered a request; throws with its own words when it has only refused. */
function answered({ requests }: Ledger): boolean {
  if (requests.some(({ status }) => status >= 200 && status < 300)) return true;
  const last = requests.at(-1);
  if (last) throw new Error(`${last.method} gave ${last.status || "no answer"}: ${last.error}`);
  return false;
}

/** A drill must leave a whole cluster. @returns what is wrong with it, if anything. */
async function aftermath(scene: Scene, progress: Progress): Promise<string | undefined> {
  try {
    await progress.during("afterwards: the cluster is whole", () => scene.whole(60, 0));
    return undefined;
  } catch (error) {
    return oneLine(`the drill left a wounded cluster: ${(error as Error).message}`);
  }
}

/** The application's login and the authority, as a Tomcat server gets them. */
async function credentials(scene: Scene): Promise<{ application: WorkloadConfig["database"] }> {
  const { tomcat } = scene;
  const { running } = scene;
  const secret = await scene.must(tomcat, ["dr-get-secret", running.contract.secrets.application]);
  const { username, password } = JSON.parse(secret) as { username: string; password: string };
  const authority = await scene.must(tomcat, ["cat", "/run/dr/tls/authority.crt"]);
  const name = running.settings.databases[0]?.name as string;
  return { application: { user: username, password, name, authority } };
}

function config(
  { twin }: RegionTwin,
  scene: Scene,
  database: WorkloadConfig["database"],
  { connections = 4, intervalMillis = 10, http = true }: WorkloadChoice = {},
): WorkloadConfig {
  // An answer later than this is none: no outage that is meant to be short takes so long.
  const timeoutMillis = 5000;
  const own = ({ spec }: Machine) => spec.region === scene.id;
  const tomcats = twin.machines.filter((machine) => machine.spec.role === "tomcat" && own(machine));
  const nodes = twin.machines.filter((machine) => machine.spec.role === "database");
  return {
    database,
    writer: { host: "127.0.0.1", port: DATABASE_FRONTS.write, connections, intervalMillis, timeoutMillis },
    reader: {
      host: "127.0.0.1",
      port: DATABASE_FRONTS.read,
      connections: 2,
      intervalMillis: 20,
      timeoutMillis,
    },
    ...(http && {
      http: {
        targets: tomcats.map(({ address }) => `${address}:${PORTS.fleetHttp}`),
        connections: 2,
        intervalMillis: 50,
        timeoutMillis,
        healthPath: HEALTH_PATH,
        healthIntervalMillis: 1000,
      },
    }),
    prober: {
      nodes: nodes.map(({ address }) => ({ address, port: PORTS.postgres })),
      intervalMillis: 100,
      timeoutMillis: 1000,
    },
  };
}

function environment({ settings }: RegionTwin): Record<string, string> {
  const { failover } = settings;
  const gib = (totalmem() / 1024 ** 3).toFixed(0);
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${gib} GiB, Linux ${release()}`,
    nodes: `${settings.database.voters} voters, ${settings.database.readReplicas} read replicas, network namespaces on one machine`,
    failover: failover.leaderLease
      ? `leader lease ${failover.leaderLeaseSeconds} s; Patroni ttl ${failover.ttlSeconds} s, loop wait ${failover.loopWaitSeconds} s`
      : `no leader lease; Patroni ttl ${failover.ttlSeconds} s, loop wait ${failover.loopWaitSeconds} s`,
    haproxy: `checks every ${failover.checkIntervalMillis} ms, ${failover.fastCheckIntervalMillis} ms on change, fall ${failover.checkFall}`,
  };
}

export const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ").trim();
