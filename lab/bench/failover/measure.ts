/** One repetition: a healthy cluster, load, one fault, writes back, the end of the load, repair, the count. */

import { setTimeout as sleep } from "node:timers/promises";
import { TLS_FILES } from "../../../nodes/layout.js";
import { DATABASE_FRONTS } from "../../../nodes/render/haproxy.js";
import {
  acknowledgedAt,
  inFlight,
  longestGap,
  lostRows,
  type Span,
  watched,
} from "../../drills/lost-rows.js";
import { until } from "../../drills/until.js";
import { Tables } from "../../drills/workload-tables.js";
import { now } from "../../workload/clock.js";
import type { WorkloadConfig } from "../../workload/config.js";
import { Ledger } from "../../workload/ledger.js";
import { Workload } from "../../workload/workload.js";
import type { Fault } from "./faults.js";
import type { Repetition } from "./statistics.js";
import { primaries, type Subject, soleLeader } from "./subject.js";

const BASELINE_SECONDS = 120;
/** Load before the fault, and after writes are back: time for a second gap to show. */
const SETTLE_SECONDS = 2;
/** A fault that need not stop writes is watched for this long: the slowest system's reaction to it. */
const WATCH_SECONDS = 15;
/** Longest outage that is waited for. */
const LIMIT_SECONDS = 180;
const HEALED_SECONDS = 180;

type Measured = Omit<Repetition, "system" | "fault" | "repetition">;

/** @throws Error when the repetition could not be carried out, which says nothing of the system's failover. */
export async function measure(subject: Subject, fault: Fault, workloadFile: string): Promise<Measured> {
  const start = now();
  await whole(subject, "a healthy cluster to start with", BASELINE_SECONDS);
  const leader = await soleLeader(subject);
  const config = await writerConfig(subject);
  const tables = new Tables(subject.database, subject.application.database);
  await tables.prepare(leader, config.database.user);

  const ledger = new Ledger();
  const workload = await Workload.start(subject.tomcat, workloadFile, config, ledger);
  try {
    await until("an acknowledged write", 30, () => acknowledgedAt(ledger.writes).length > 0);
    await sleep(SETTLE_SECONDS * 1000);
    const from = now();
    const { wound, proof } = await fault.inject(subject, leader);
    const struck = { from, to: now() };
    const back = await returned(fault, ledger, struck, leader.address);
    await sleep(SETTLE_SECONDS * 1000);
    await workload.stop();
    const [leaderAfter = leader] = await primaries(reachable(subject, wound.machine.name));
    const proven = proof(ledger, leaderAfter);
    const healing = now();
    await subject.heal(wound);
    await whole(subject, "a healthy cluster afterwards", HEALED_SECONDS);
    const healedSeconds = (now() - healing) / 1000;

    if (inFlight(ledger.writes, struck).length === 0)
      throw new Error("no write was in flight when the fault came");
    if (back && !proven) throw new Error("nothing shows that the fault took effect");
    const gap = longestGap(acknowledgedAt(ledger.writes), watched(ledger), from);
    const rows = await tables.rows(await soleLeader(subject));
    return {
      gapSeconds: (gap.to - gap.from) / 1000,
      back,
      lost: lostRows(ledger.writes, rows).length,
      acknowledged: acknowledgedAt(ledger.writes).length,
      proof: proven,
      healedSeconds,
      seconds: (now() - start) / 1000,
    };
  } catch (error) {
    workload.kill();
    throw error;
  }
}

/** Waits until writes are back. @returns false when they were not within the limit. */
async function returned(fault: Fault, ledger: Ledger, struck: Span, old: string): Promise<boolean> {
  const acknowledged = (since: number, elsewhere: boolean) =>
    ledger.writes.some(
      ({ result, sent, node }) => result === "acknowledged" && sent >= since && !(elsewhere && node === old),
    );
  try {
    await until(`writes after ${fault.name}`, LIMIT_SECONDS, () => {
      switch (fault.back) {
        case "elsewhere":
          return acknowledged(struck.from, true);
        case "reconnected": {
          const session = ledger.sessions.find(({ ok, sent }) => ok && sent >= struck.to);
          return session !== undefined && acknowledged(session.done, false);
        }
        case "in time":
          return acknowledged(struck.from + WATCH_SECONDS * 1000, false);
        default:
          return fault.back satisfies never;
      }
    });
    return true;
  } catch {
    return false;
  }
}

/** Without the node that was struck: a frozen one doesn't answer, and a cut-off one may still call itself primary. */
const reachable = ({ nodes, tomcat }: Subject, struck: string) => ({
  tomcat,
  nodes: nodes.filter(({ name }) => name !== struck),
});

async function whole(subject: Subject, what: string, timeoutSeconds: number): Promise<void> {
  await until(what, timeoutSeconds, async () => {
    const flaws = await subject.flaws();
    if (flaws.length > 0) throw new Error(flaws.join("; "));
    return true;
  });
}

/** The drills' writer alone. It connects as the application does: through the HAProxy on its machine. */
async function writerConfig({ tomcat, application }: Subject): Promise<WorkloadConfig> {
  const [secret, authority] = await Promise.all([
    tomcat.run(["dr-get-secret", application.secret]),
    tomcat.run(["cat", TLS_FILES.authority]),
  ]);
  const { username, password } = JSON.parse(secret.stdout) as { username: string; password: string };
  return {
    database: { user: username, password, name: application.database, authority: authority.stdout },
    writer: {
      host: "127.0.0.1",
      port: DATABASE_FRONTS.write,
      connections: 4,
      intervalMillis: 10,
      timeoutMillis: 5000,
    },
  };
}
