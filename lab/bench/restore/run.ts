/** The benchmark of backups and restores: one machine, one data directory, all methods in turn. */
import { cpus, loadavg, release, totalmem } from "node:os";
import { REPO } from "../../../common/paths.js";
import type { Progress } from "../../../common/progress.js";
import { inTurn } from "../../../common/settle.js";
import { interruptible } from "../../drills/interrupt.js";
import { ensureImage, imageManifest } from "../../twin/image.js";
import { openTwin, type RegionTwin } from "../../twin/open.js";
import { host } from "../../twin/process.js";
import { twinSettings } from "../../twin/settings.js";
import { duration } from "../failover/report.js";
import { fill, measureMethod, openRepositories, repositoryBytes, writeLog } from "./acts.js";
import {
  ordered,
  type ReplayRow,
  type ReplaySample,
  type Row,
  replayRows,
  rows,
  type Sample,
  type Spread,
  spread,
} from "./figures.js";
import { Ground, PATHS } from "./ground.js";
import { METHODS, REPLAYED, REPOSITORIES } from "./plan.js";

export interface RestoreBenchOptions {
  readonly scale: number;
  readonly repetitions: number;
  readonly progress: Progress;
  /** Told after each round what is known so far, so that a long run that is cut short leaves something. */
  readonly onRound: (bench: RestoreBench) => Promise<void>;
  /** Of the twin. Default: `twinDir()`. */
  readonly dir?: string;
}

export interface RestoreBench {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly scale: number;
  readonly repetitions: number;
  /** Of the data directory, without its log. */
  readonly dataBytes: number;
  /** Of one full backup. */
  readonly repositoryBytes: number;
  /** Log of the run of pgbench that was replayed. */
  readonly walBytes: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly replay: readonly ReplayRow[];
  readonly samples: readonly Sample[];
  readonly replaySamples: readonly ReplaySample[];
}

/** About what a run takes on two cores, seconds. */
const estimateSeconds = ({ scale, repetitions }: Pick<RestoreBenchOptions, "scale" | "repetitions">) =>
  60 + scale * (1.5 + 1.1 * repetitions) + repetitions * METHODS.length * 2;

/** @throws UserError when this host can't run a twin; Error when anything fails: half a comparison is none. */
export async function benchRestore(options: RestoreBenchOptions): Promise<RestoreBench> {
  const { scale, progress, dir } = options;
  let running: RegionTwin | undefined;
  let result: RestoreBench | undefined;
  const close = async () => {
    const opened = running;
    running = undefined;
    await opened?.close();
  };
  const work = async () => {
    progress.line(`about ${duration(estimateSeconds(options))}`);
    // The copies, two repositories and the log, several times over.
    const settings = await twinSettings({ database: { volumeGib: 20 + Math.ceil(scale / 10) } });
    running = await openTwin({ progress, settings, cold: ["home"], tomcats: 0, ...(dir && { dir }) });
    result = await onTwin(running, options);
  };
  await inTurn(() => interruptible(progress, close, work), close);
  return result as RestoreBench;
}

async function onTwin(running: RegionTwin, options: RestoreBenchOptions): Promise<RestoreBench> {
  const { scale, repetitions, progress, onRound } = options;
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const environment = await describe(progress);
  const machine = await progress.during("call a restore machine", () =>
    running.callRestoreMachine("home", { test: false }),
  );
  const ground = await Ground.on(running, machine, scale);
  await progress.during(`fill a database with pgbench, scale ${scale}`, () => fill(ground, scale));
  const dataBytes = await ground.dataBytes();
  await progress.during("open the repositories", () => openRepositories(ground));

  const samples: Sample[] = [];
  const replaySamples: ReplaySample[] = [];
  let [stored, walBytes] = [Number.NaN, Number.NaN];
  const known = (): RestoreBench => ({
    ...{ startedAt, seconds: (performance.now() - start) / 1000, scale, repetitions },
    ...{ dataBytes, repositoryBytes: stored, walBytes },
    environment: { ...environment, load: describeLoad([...samples, ...replaySamples]) },
    rows: rows(samples, METHODS, dataBytes),
    replay: replayRows(replaySamples, REPLAYED),
    samples,
    replaySamples,
  });
  for (let round = 0; round < repetitions; round++) {
    progress.heading(`round ${round + 1} of ${repetitions}`);
    for (const method of ordered(METHODS, round, repetitions)) {
      const load = currentLoad();
      const seconds = await progress.during(`${method.kind}: ${method.title}`, () =>
        measureMethod(ground, method),
      );
      progress.note(`${(dataBytes / seconds / 1e6).toFixed(0)} MB/s`);
      samples.push({ method: method.name, round: round + 1, seconds, load });
    }
    stored = await repositoryBytes(ground, REPOSITORIES.local.number);
    await onRound(known());
  }

  progress.heading("replay of the log");
  walBytes = await progress.during("write log with pgbench, and archive it", () => writeLog(ground, scale));
  for (let round = 0; round < repetitions; round++) {
    for (const { name, title } of ordered(REPLAYED, round, repetitions)) {
      const load = currentLoad();
      const report = await progress.during(`dr-restore: ${title}`, async () => {
        if (name !== "s3") await ground.forget(PATHS.repositories[name]);
        return ground.drRestore(name);
      });
      const { restore, replay } = report.seconds;
      if (restore === undefined || replay === undefined) throw new Error("dr-restore told no times");
      progress.note(`${(walBytes / replay / 1e6).toFixed(0)} MB/s of log`);
      replaySamples.push({
        ...{
          repository: name,
          round: round + 1,
          restoreSeconds: restore,
          replaySeconds: replay,
          walBytes,
          load,
        },
      });
    }
  }
  return known();
}

const currentLoad = (): number => loadavg()[0] as number;

async function describe(progress: Progress): Promise<Record<string, string>> {
  const manifest = await imageManifest(await ensureImage(progress));
  const postgres = manifest.match(/^postgresql-15\t(\S+)$/m)?.[1];
  const commit = await host(["git", "-C", REPO, "rev-parse", "--short", "HEAD"]).catch(() => "unknown");
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Linux ${release()}`,
    versions: `PostgreSQL ${postgres ?? "unknown"}, commit ${commit.trim()}`,
  };
}

function describeLoad(samples: readonly { readonly load: number }[]): string {
  const { median, min, max } = spread(samples.map(({ load }) => load)) as Spread;
  const text = (value: number) => value.toFixed(1);
  return `average of the minute before each measurement, its predecessor included: median ${text(median)} (${text(min)}–${text(max)}) on ${cpus().length} processors`;
}
