/**
 * Whether this host itself stalled while a drill ran. A virtual machine counts the time that its hypervisor gave to
 * others ("steal" in /proc/stat). Where that takes most of some seconds, a measured time says nothing about the cluster.
 */
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const SAMPLE_MILLIS = 1_000;
/** What a busy neighbour takes comes in shorter pieces; the shortest limits of the drills are a few seconds. */
const STALL_SECONDS = 3;
/** Linux counts in these, whatever its own tick (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Processor time since boot, in seconds, of all processors together. */
export interface CpuTime {
  readonly total: number;
  readonly stolen: number;
}

/** @throws Error when the text is not that of /proc/stat. */
export function cpuTime(stat: string): CpuTime {
  // user nice system idle iowait irq softirq steal; the guests' time after that is part of the user's.
  const fields = /^cpu +((?:\d+ ?){8,})/m.exec(stat)?.[1]?.trim().split(" ").slice(0, 8).map(Number);
  if (!fields) throw new Error(`/proc/stat has no line of all processors: ${stat.slice(0, 80)}`);
  const seconds = (ticks: number) => ticks / TICKS_PER_SECOND;
  return { total: seconds(fields.reduce((sum, one) => sum + one, 0)), stolen: seconds(fields[7] ?? 0) };
}

/**
 * Seconds that stalls took: runs of samples in each of which more than half of the processor time was stolen, and in
 * which every processor lost at least three seconds.
 */
export function stalledSeconds(samples: readonly CpuTime[], processors: number): number {
  const runs = [0];
  for (const [i, after] of samples.entries()) {
    const before = samples[i - 1] ?? after;
    const stolen = after.stolen - before.stolen;
    if (stolen > (after.total - before.total) / 2) runs.push((runs.pop() ?? 0) + stolen / processors);
    else runs.push(0);
  }
  return runs.filter((seconds) => seconds >= STALL_SECONDS).reduce((sum, seconds) => sum + seconds, 0);
}

/** Samples this host's processor time. To be stopped. */
export class HostWatch {
  private readonly samples: CpuTime[] = [];
  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;

  constructor(private readonly read: () => Promise<string> = () => readFile("/proc/stat", "utf8")) {
    // Figures that can't be read are reported by `stop`, which reads them too.
    this.done = this.sample().catch(() => {});
  }

  /** May be called twice. @returns seconds that stalls took since the start. @throws Error when /proc/stat couldn't be read. */
  async stop(): Promise<number> {
    this.stopping.abort();
    await this.done;
    this.samples.push(cpuTime(await this.read()));
    return stalledSeconds(this.samples, cpus().length);
  }

  private async sample(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.samples.push(cpuTime(await this.read()));
      await sleep(SAMPLE_MILLIS, undefined, { signal: this.stopping.signal, ref: false }).catch(() => {});
    }
  }
}
