/** Runs drills one after another on as few twins as their settings allow, judges each and writes its report. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isUserError } from "../../common/errors.js";
import type { Progress } from "../../common/progress.js";
import { inTurn } from "../../common/settle.js";
import { openTwin, type RegionTwin } from "../twin/open.js";
import { twinSettings } from "../twin/settings.js";
import { bundleWorkload } from "../workload/bundle.js";
import { COPY_BUCKET } from "./backup/stage/new-account.js";
import type { AnyDrill } from "./drill.js";
import { forever, interruptible } from "./interrupt.js";
import { oneLine, rehearse } from "./rehearse.js";
import { type DrillResult, fileName, renderIndex, renderReport } from "./report.js";

export interface RunOptions {
  /** Folder for reports; made when missing. */
  readonly report: string;
  /** How the runbooks are linked from there. */
  readonly runbooks: string;
  readonly progress: Progress;
  /** Leave the last twin's folder, to look at. */
  readonly keep?: boolean;
  readonly repeat?: number;
}

/**
 * @returns one result per drill and repetition, also of those that failed. A summary of them is written in any case.
 * @throws UserError when this host can't run a twin.
 */
export async function runDrills(drills: readonly AnyDrill[], options: RunOptions): Promise<DrillResult[]> {
  const { report, progress, keep = false, repeat = 1 } = options;
  await mkdir(report, { recursive: true });
  const results: DrillResult[] = [];
  const workload = await bundleWorkload();
  const stage = new Stage(progress, drills);
  const play = async (drill: AnyDrill, repetition: number, replayed?: string) => {
    const startedAt = new Date();
    const running = await stage.twinFor(drill).catch((error: unknown) => {
      // Something about this host, which the next drill would meet again.
      if (isUserError(error)) throw error;
      return error as Error;
    });
    const result =
      running instanceof Error
        ? withoutTwin(drill, repetition, startedAt, running)
        : await rehearse(drill, { running, workload, progress, repetition });
    const stored = await store(
      { ...result, replayed },
      running instanceof Error ? undefined : running,
      options,
    );
    // What a drill has left is what the next one begins with: only a whole twin will do.
    if (result.outcome !== "passed" || leavesOneRegion(drill) || isCold(drill)) await stage.close(keep);
    return stored;
  };
  const runAll = async () => {
    for (const drill of grouped(drills)) {
      for (let repetition = 1; repetition <= repeat; repetition++) {
        progress.heading(`${drill.name}${repeat > 1 ? ` #${repetition}` : ""}: ${drill.title}`);
        let result = await play(drill, repetition);
        // Only where the kernel counted stolen time, and once: anything else that happens seldom is a fault to find.
        if (result.outcome === "unmeasured") {
          const replayed = result.reasons.join("; ");
          progress.heading(`${drill.name}, played again: ${drill.title}`);
          result = await play(drill, repetition, replayed);
        }
        results.push(result);
      }
    }
  };
  await inTurn(
    () => interruptible(progress, () => stage.end(keep), runAll),
    () => stage.close(keep),
    () => writeFile(join(report, "README.md"), renderIndex(results)),
    () => writeFile(join(report, "summary.json"), `${JSON.stringify(results, undefined, 2)}\n`),
  );
  return results;
}

/** Of a drill whose twin did not come up. */
const withoutTwin = (
  { name, title, runbook, hypothesis }: AnyDrill,
  repetition: number,
  startedAt: Date,
  error: Error,
): DrillResult => ({
  ...{ name, title, runbook, hypothesis, repetition },
  startedAt: startedAt.toISOString(),
  seconds: (Date.now() - startedAt.getTime()) / 1000,
  outcome: "failed",
  reasons: [oneLine(`its twin did not come up: ${error.message}`)],
  ...{ measures: [], steps: [], proofs: [], environment: {} },
});

/** What a drill needs of its twin; drills that need the same share one. */
const needs = (drill: AnyDrill): string => {
  const { kind = "node", settings = {} } = drill;
  return JSON.stringify({ kind, settings, cold: isCold(drill), thirdCopy: hasThirdCopy(drill) });
};

const isCold = (drill: AnyDrill): boolean => drill.kind === "region" && (drill.cold ?? false);

const hasThirdCopy = (drill: AnyDrill): boolean => drill.kind === "region" && (drill.thirdCopy ?? false);

const leavesOneRegion = (drill: AnyDrill): boolean =>
  drill.kind === "region" && (drill.leavesOneRegion ?? false);

/** In their order, but those that can share a twin next to each other, and last those after which none can use it. */
function grouped(drills: readonly AnyDrill[]): AnyDrill[] {
  const kinds = [...new Set(drills.map(needs))];
  return drills.toSorted(
    (a, b) =>
      kinds.indexOf(needs(a)) - kinds.indexOf(needs(b)) ||
      Number(leavesOneRegion(a)) - Number(leavesOneRegion(b)),
  );
}

/** The twin that runs now. */
class Stage {
  private current: { readonly running: RegionTwin; readonly needs: string } | undefined;
  private over = false;

  constructor(
    private readonly progress: Progress,
    private readonly drills: readonly AnyDrill[],
  ) {}

  async twinFor(drill: AnyDrill): Promise<RegionTwin> {
    if (this.over) await forever();
    if (this.current?.needs === needs(drill)) return this.current.running;
    await this.close(false);
    const alike = this.drills.filter((other) => needs(other) === needs(drill));
    const running = await openTwin({
      progress: this.progress,
      settings: await twinSettings(drill.settings),
      regions: drill.kind === "region" ? ["home", "recovery"] : ["home"],
      cold: isCold(drill) ? ["recovery"] : [],
      copyBucket: hasThirdCopy(drill) ? COPY_BUCKET : undefined,
      tomcats: Math.max(...alike.map(({ tomcats = 1 }) => tomcats)),
    });
    this.current = { running, needs: needs(drill) };
    return running;
  }

  async close(keep: boolean): Promise<void> {
    if (this.over) await forever();
    await this.stop(keep);
  }

  /** Closes it for good. A later call for a twin waits until the process ends. */
  end(keep: boolean): Promise<void> {
    this.over = true;
    return this.stop(keep);
  }

  private async stop(keep: boolean): Promise<void> {
    const running = this.current?.running;
    this.current = undefined;
    await running?.close({ keep });
  }
}

/** Writes the reports of one drill and, when it did not pass, the machines' logs beside them. */
async function store(
  result: DrillResult,
  running: RegionTwin | undefined,
  { report, runbooks, progress }: RunOptions,
): Promise<DrillResult> {
  const name = fileName(result);
  let stored = result;
  if (result.outcome !== "passed" && running) {
    const { twin } = running;
    const logs = `${name}-logs`;
    for (const machine of twin.machines) {
      await cp(join(twin.dir, "machines", machine.name, "shared/logs"), join(report, logs, machine.name), {
        recursive: true,
      }).catch((error: Error) => progress.note(`no logs of ${machine.name}: ${error.message}`));
    }
    stored = { ...result, logs };
  }
  await writeFile(join(report, `${name}.json`), `${JSON.stringify(stored, undefined, 2)}\n`);
  await writeFile(join(report, `${name}.md`), renderReport(stored, runbooks));
  progress.line(stored.outcome);
  for (const reason of stored.reasons) progress.note(reason);
  return stored;
}
