/** The benchmark: rounds in which each system in turn, alone on the machine, is given every fault. */
import { cpus, release, totalmem } from "node:os";
import { UserError } from "../../../common/errors.js";
import type { Progress } from "../../../common/progress.js";
import { inTurn } from "../../../common/settle.js";
import { forever, interruptible } from "../../drills/interrupt.js";
import { setAside } from "../../twin/folder.js";
import { ensureImage, imageManifest } from "../../twin/image.js";
import { twinDir } from "../../twin/record.js";
import { twinSettings } from "../../twin/settings.js";
import { bundleWorkload } from "../../workload/bundle.js";
import type { Fault } from "./faults.js";
import { measure } from "./measure.js";
import { duration, seconds } from "./report.js";
import type { FailoverBench } from "./result.js";
import { estimateSeconds, type Failure, type Repetition, rotated, summarize } from "./statistics.js";
import type { Subject } from "./subject.js";
import type { System } from "./systems.js";

export interface BenchOptions {
  readonly systems: readonly System[];
  readonly faults: readonly Fault[];
  readonly repeat: number;
  readonly progress: Progress;
  /** Told after each round what is known so far, so that a long run that is cut short leaves something. */
  readonly onRound: (bench: FailoverBench) => Promise<void>;
  /** Leave the folder of a twin in which a repetition failed, as `<folder>-failed-<system>-<fault>-<repetition>`. */
  readonly keep?: boolean;
}

/** @throws UserError when this host can't run a twin. `failures` lists the repetitions that failed. */
export async function benchFailover(options: BenchOptions): Promise<FailoverBench> {
  const { systems, faults, repeat, progress, onRound, keep = false } = options;
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const environment = await describe(progress);
  progress.line(
    `${repeat} × ${faults.length} faults × ${systems.length} systems: about ${duration(estimateSeconds(systems, faults, repeat))}`,
  );
  const repetitions: Repetition[] = [];
  const failures: Failure[] = [];
  const known = (): FailoverBench => ({
    startedAt,
    seconds: (performance.now() - start) / 1000,
    repeat,
    environment,
    systems: systems.map(({ name, title, setup }) => ({ name, title, setup })),
    faults: faults.map(({ name, title, aimSeconds, aimRatio }) => ({ name, title, aimSeconds, aimRatio })),
    cells: summarize(repetitions, faults, systems),
    repetitions,
    failures,
  });
  const workload = await bundleWorkload();
  const stage = new Stage(progress);
  const runAll = async () => {
    for (let round = 0; round < repeat; round++) {
      for (const system of rotated(systems, round)) {
        for (const fault of faults.filter(({ name }) => system.without[name] === undefined)) {
          const what = { system: system.name, fault: fault.name, repetition: round + 1 };
          try {
            const subject = await stage.play(system, round + 1, repeat);
            const measured = await progress.during(`${system.title}: ${fault.title}`, () =>
              measure(subject, fault, workload),
            );
            repetitions.push({ ...what, ...measured });
            const { gapSeconds, back, lost, healedSeconds } = measured;
            progress.note(
              `${back ? "" : "more than "}${seconds(gapSeconds)} without a write, ${lost} rows lost, repaired after ${seconds(healedSeconds)}`,
            );
          } catch (error) {
            // Something about this host, which the next repetition would meet again.
            if (error instanceof UserError) throw error;
            const text = (error as Error).message.replaceAll(/\s*\n\s*/g, " ");
            failures.push({ ...what, error: text });
            progress.note(`not measured: ${text}`);
            // What is left of it is no fair start for the next.
            await stage.close(keep);
            const folder = keep && (await setAside(twinDir(), asideName(what)));
            if (folder) progress.note(`its folder: ${folder}`);
          }
        }
        await stage.close(false);
      }
      await onRound(known());
    }
  };
  await inTurn(
    () => interruptible(progress, () => stage.end(), runAll),
    () => stage.close(false),
  );
  return known();
}

const asideName = ({ system, fault, repetition }: Omit<Failure, "error">): string =>
  `failed-${system}-${fault}-${repetition}`;

/** The system that runs now: one at a time, so that none pays for another. */
class Stage {
  private subject: Subject | undefined;
  private over = false;

  constructor(private readonly progress: Progress) {}

  async play(system: System, round: number, rounds: number): Promise<Subject> {
    if (this.over) await forever();
    if (!this.subject) {
      this.progress.heading(`${system.title}, ${round} of ${rounds}`);
      this.subject = await system.open(this.progress);
    }
    return this.subject;
  }

  async close(keep: boolean): Promise<void> {
    if (this.over) await forever();
    await this.stop(keep);
  }

  /** Closes it for good. A later call for a twin waits until the process ends. */
  end(): Promise<void> {
    this.over = true;
    return this.stop(false);
  }

  private async stop(keep: boolean): Promise<void> {
    const { subject } = this;
    this.subject = undefined;
    await subject?.close({ keep });
  }
}

async function describe(progress: Progress): Promise<Record<string, string>> {
  const manifest = await imageManifest(await ensureImage(progress));
  const version = (name: string) =>
    manifest.match(new RegExp(`^${name}(?:\\t|==)(\\S+)$`, "m"))?.[1] ?? "unknown";
  const { failover } = await twinSettings();
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Linux ${release()}`,
    versions: `PostgreSQL ${version("postgresql-15")}, Patroni ${version("patroni")}, repmgr ${version("postgresql-15-repmgr")}, etcd ${version("etcd-server")}, HAProxy ${version("haproxy")}`,
    nodes:
      "three, as network namespaces of one machine; one synchronous standby; the same PostgreSQL parameters",
    haproxy: `the same file for all: checks every ${failover.checkIntervalMillis} ms, ${failover.fastCheckIntervalMillis} ms on change, fall ${failover.checkFall}`,
    writer: "4 sessions through HAProxy, one row each every 10 ms; a new session as soon as one breaks",
  };
}
