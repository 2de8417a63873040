/** A cluster that was restored on a region's restore machine: how it came about, and what is in it. */
import type { RestoreReport } from "../../../../nodes/bin/reports.js";
import { BY_HAND } from "../../../../nodes/operator-documents.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { Machine } from "../../../twin/types.js";
import { now } from "../../../workload/clock.js";
import { TABLES } from "../../../workload/config.js";
import type { WriteEvent } from "../../../workload/events.js";
import { CLOCK_MILLIS, type RowId } from "../../lost-rows.js";
import type { Scene } from "../../scene.js";
import { script, tryScript } from "./node-script.js";

const { data: DATA, sockets: SOCKETS, port: PORT, report: REPORT } = BY_HAND;
const PLAN = "/var/lib/dr/plan.json";
const RESTORE_SECONDS = 300;

/** A moment on both clocks: PostgreSQL's, and the one that a ledger has. */
export interface Moment {
  readonly time: string;
  readonly at: number;
}

/** The moment at which the leader answers. On a busy host it asks until both clocks were read close enough together. */
export async function momentOf(scene: Scene, leader: Machine): Promise<Moment> {
  return scene.eventually(`PostgreSQL tells its time within ${CLOCK_MILLIS} ms`, async () => {
    const asked = now();
    const [row] = await scene.database.sql(
      leader,
      "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"');",
    );
    const at = now();
    return at - asked < CLOCK_MILLIS && { time: row?.[0] as string, at };
  });
}

export class Restored {
  private constructor(
    private readonly scene: Scene,
    readonly machine: Machine,
    readonly report: RestoreReport,
  ) {}

  /** One that the guided restore has made. */
  static async at(scene: Scene, machine: Machine): Promise<Restored> {
    return new Restored(scene, machine, JSON.parse(await script(machine, `cat ${REPORT}`)) as RestoreReport);
  }

  /** Calls the machine of a region and restores there. @param options of `dr-restore`. @throws Error with its words when it fails. */
  static async on(scene: Scene, region: RegionId, options: readonly string[]): Promise<Restored> {
    return Restored.with(scene, await scene.running.callRestoreMachine(region, { test: false }), options);
  }

  /** Restores on a restore machine that is there. */
  static async with(scene: Scene, machine: Machine, options: readonly string[]): Promise<Restored> {
    const report = await restore(machine, options);
    if (report.code !== 0) throw new Error(`dr-restore ended with ${report.code}: ${report.error}`);
    const { backup, stanza, seconds, walSegments = 0 } = report;
    scene.prove(`backup ${backup} of ${stanza} was restored, and ${walSegments} segments replayed`, true);
    scene.measure({
      name: "restored and open for questions",
      value: Object.values(seconds).reduce((sum, each) => sum + each, 0),
      unit: "s",
    });
    return new Restored(scene, machine, report);
  }

  async sql(statement: string): Promise<string[][]> {
    const database = this.scene.settings.databases[0]?.name ?? "postgres";
    const { exitCode, stdout, stderr } = await this.machine.run(
      ["psql", "-XAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", SOCKETS, "-p", `${PORT}`, "-d", database],
      { user: "postgres", input: statement, timeoutMillis: 60_000 },
    );
    if (exitCode !== 0) throw new Error(`the restored cluster: ${stderr.trim()}`);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t"));
  }

  /** Every write that was acknowledged before the moment is there, and none that was sent after it. */
  async holdsWritesUntil({ at }: Pick<Moment, "at">): Promise<void> {
    judgeWrites(this.scene, await this.sql(WRITES), { before: at - CLOCK_MILLIS, after: at });
  }

  /** Ends the machine; nothing is left of it. */
  close(): Promise<void> {
    return this.scene.running.endRestoreMachine(this.machine.spec.region);
  }
}

/** What `judgeWrites` is given. */
export const WRITES = `SELECT worker, sequence FROM ${TABLES.writes};`;

/**
 * Every write that was acknowledged before a moment is there, and none that was sent after another. What was under way
 * between them may be on either side.
 */
export function judgeWrites(
  scene: Scene,
  rows: readonly (readonly string[])[],
  { before, after }: { readonly before: number; readonly after: number },
): void {
  const there = new Set(
    rows.map(([worker, sequence]) => key({ worker: Number(worker), sequence: Number(sequence) })),
  );
  const { writes } = scene.ledger;
  const acknowledged = writes.filter(
    ({ result, done }: WriteEvent) => result === "acknowledged" && done < before,
  );
  const later = writes.filter(({ sent }: WriteEvent) => sent > after);
  scene.prove(
    `${acknowledged.length} writes were acknowledged before the target, ${later.length} sent after it`,
    acknowledged.length > 0,
  );
  scene.measure({
    name: "writes acknowledged before the target that are missing",
    value: acknowledged.filter((write) => !there.has(key(write))).length,
    unit: "",
    atMost: 0,
  });
  scene.measure({
    name: "writes sent after the target that are there",
    value: later.filter((write) => there.has(key(write))).length,
    unit: "",
    atMost: 0,
  });
}

const key = ({ worker, sequence }: RowId): string => `${worker}/${sequence}`;

/** What `dr-restore` would restore now, and from what. */
export async function choose(machine: Machine, options: readonly string[]): Promise<RestoreReport> {
  const asked = options.map((option) => `'${option}'`).join(" ");
  await tryScript(machine, `dr-restore --plan --report ${PLAN} ${asked}`, RESTORE_SECONDS);
  return JSON.parse(await script(machine, `cat ${PLAN}`)) as RestoreReport;
}

/** Runs `dr-restore` on that machine, whatever comes of it. */
export async function restore(machine: Machine, options: readonly string[]): Promise<RestoreReport> {
  const asked = options.map((option) => `'${option}'`).join(" ");
  await tryScript(
    machine,
    `dr-restore --into ${DATA} --keep-running --port ${PORT} --report ${REPORT} ${asked}`,
    RESTORE_SECONDS,
  );
  return JSON.parse(await script(machine, `cat ${REPORT}`)) as RestoreReport;
}
