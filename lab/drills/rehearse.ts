/** One drill on one twin: baseline, load, the steps, the end of the load, the count, the verdict. */
import { cpus, release, totalmem } from "node:os";
import type { Progress } from "../../common/progress.js";
import { FAILOVER_DNS } from "../../settings/failover-dns-timing.js";
import type { RegionTwin } from "../twin/open.js";
import { now } from "../workload/clock.js";
import { Ledger } from "../workload/ledger.js";
import { ROUTE53 } from "../workload/service-name/config.js";
import type { AnyDrill } from "./drill.js";
import { HostWatch } from "./host-stall.js";
import { credentials } from "./load.js";
import { patience } from "./patience.js";
import { type Play, playOf, type Rehearsal } from "./play.js";
import { type DrillResult, moveRecord } from "./report.js";
import type { Scene } from "./scene.js";
import { brokenOff, judge, type Observations, type Verdict } from "./verdict.js";
import { Tables } from "./workload-tables.js";

/** Load before the first step and after the last: something to compare with, and time for late trouble to show. */
const SETTLE_SECONDS = 2;

/** Never throws for what the drill does: a step that fails, a cluster that isn't whole, a workload that dies are verdicts. */
export async function rehearse(drill: AnyDrill, rehearsal: Rehearsal): Promise<DrillResult> {
  const { running, repetition } = rehearsal;
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const ledger = new Ledger();
  const play = playOf(drill, rehearsal, ledger);
  const { scene } = play;
  const host = new HostWatch();
  let verdict: Verdict;
  try {
    verdict = judge(
      { ...(await perform(drill, play, ledger, rehearsal)), stalledSeconds: await host.stop() },
      drill.expect,
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    verdict = brokenOff(oneLine(reason), await host.stop());
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
    moves: play.observations?.().moves.map((move) => moveRecord(move, zero)),
    proofs: scene.proofs,
    environment: environment(running),
  };
}

async function perform(
  drill: AnyDrill,
  play: Play,
  ledger: Ledger,
  { progress }: Rehearsal,
): Promise<Observations> {
  const { scene } = play;
  await scene.enter();
  const database = await credentials(scene);
  const tables = new Tables(scene.database, database.name);
  const http = drill.http ?? true;
  await progress.during("baseline: one leader, every member in sync, no lag", async () => {
    await scene.whole(60, 0);
    // The login that clients use now may be the owner's second one.
    await tables.prepare(await scene.leader(), scene.settings.databases[0]?.owner as string);
  });
  const load = await play.start(database);
  let stepError: string | undefined;
  let judgedFrom: number | undefined;
  try {
    await progress.during("load", async () => {
      await scene.writesFlow(20);
      if (http) await scene.eventually("an answer of the application", () => answered(ledger), 60);
      await scene.loadRunsWell();
      // First sessions and a cold server take their time; that is no outage.
      judgedFrom = now();
      await scene.settle(SETTLE_SECONDS);
    });
    try {
      await play.run();
    } catch (error) {
      stepError = oneLine(error instanceof Error ? error.message : String(error));
    }
    await scene.settle(SETTLE_SECONDS);
  } catch (error) {
    load.kill();
    throw error;
  }
  await progress.during("end of the load", () => load.stop());
  const wound = await aftermath(scene, progress);
  const leader = await scene.leader(30);
  // Of whichever region is active by now.
  const after = new Tables(scene.database, database.name);
  return {
    ledger,
    judgedFrom,
    rows: await after.rows(leader),
    items: http ? await after.items(leader) : undefined,
    faults: scene.faults,
    proofs: scene.proofs,
    rejoinSeconds: scene.rejoinSeconds,
    setBack: scene.setBack,
    extra: scene.extra,
    stepError: stepError ?? wound,
    region: play.observations?.(),
  };
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

function environment({ settings, regions }: RegionTwin): Record<string, string> {
  const { failover, promotion } = settings;
  const gib = (totalmem() / 1024 ** 3).toFixed(0);
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${gib} GiB, Linux ${release()}`,
    nodes: `${settings.database.voters} voters, ${settings.database.readReplicas} read replicas${regions.length > 1 ? ` in each of ${regions.length} regions` : ""}, network namespaces on one machine`,
    failover: failover.leaderLease
      ? `leader lease ${failover.leaderLeaseSeconds} s; Patroni ttl ${failover.ttlSeconds} s, loop wait ${failover.loopWaitSeconds} s`
      : `no leader lease; Patroni ttl ${failover.ttlSeconds} s, loop wait ${failover.loopWaitSeconds} s`,
    ...(regions.length > 1 && {
      promotion: `region lease ${promotion.leaseSeconds} s, margin ${promotion.marginSeconds} s, claims read every ${promotion.readIntervalSeconds} s, lag budget ${promotion.lagBudgetSeconds} s`,
      name: `health checks every ${FAILOVER_DNS.probeIntervalSeconds} s × ${FAILOVER_DNS.probeFailures} by ${ROUTE53.probers} probers, ${ROUTE53.propagationMillis / 1000} s until they are known, TTL ${FAILOVER_DNS.recordTtlSeconds} s`,
    }),
    ...(patience() !== 1 && { patience: `times may be ${patience()} × as long: a host that others use too` }),
    haproxy: `checks every ${failover.checkIntervalMillis} ms, ${failover.fastCheckIntervalMillis} ms on change, fall ${failover.checkFall}`,
  };
}

export const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ").trim();
