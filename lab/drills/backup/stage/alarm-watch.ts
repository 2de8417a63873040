/**
 * What the alarms on the backups would do: the machines' gauges, judged by the very specifications that the stacks deploy.
 * What it does not show is CloudWatch itself: its periods, its topics, the pager.
 */
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { backupAlarmSpecs } from "../../../../components/alarms/backup-alarms.js";
import type { AlarmName } from "../../../../components/alarms/runbooks.js";
import type { AlarmSpec } from "../../../../components/alarms/spec.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { Machine, RunningCommand } from "../../../twin/types.js";
import { now } from "../../../workload/clock.js";
import type { Scene } from "../../scene.js";

/** How long a good value may take to come back. */
const QUIET_SECONDS = 60;

const TAP = fileURLToPath(new URL("statsd-tap.py", import.meta.url));

interface Gauge {
  readonly value: number;
  readonly at: number;
}

export class AlarmWatch {
  private readonly gauges = new Map<string, Gauge>();
  private readonly told: { readonly metric: string; readonly at: number }[] = [];
  private readonly taps: RunningCommand[] = [];

  private constructor(
    private readonly scene: Scene,
    private readonly specs: readonly AlarmSpec[],
  ) {}

  /** Listens on every voter of a region. One watch at a time: there is one port. */
  static async open(scene: Scene, region: RegionId): Promise<AlarmWatch> {
    const { settings, contract } = scene.running;
    const self = new AlarmWatch(
      scene,
      backupAlarmSpecs({ ...settings, site: "hot" }, contract, contract[region]),
    );
    for (const { name } of contract[region].databaseNodes) await self.listen(scene.twin.machine(name));
    return self;
  }

  /** Hears a further machine, e.g. the one that tests a restore. */
  async listen(machine: Machine): Promise<void> {
    const tap = await machine.start(["python3", "-u", TAP]);
    createInterface({ input: tap.stdout }).on("line", (line) =>
      this.take(JSON.parse(line) as string, machine.name),
    );
    this.taps.push(tap);
  }

  /**
   * The newest value of a gauge after a moment; undefined when no node reported one.
   * @param teller counts what this machine tells; all of them when left out
   */
  value(metric: string, since = 0, teller?: string): number | undefined {
    const gauge = this.gauges.get(teller ? `${teller}/${metric}` : metric);
    return gauge && gauge.at >= since ? gauge.value : undefined;
  }

  /** Whether the newest value breaches the alarm's threshold. */
  breaches(alarm: AlarmName, since: number): boolean {
    const { metric, breachesWhen, threshold } = this.spec(alarm);
    const value = this.value(metric.metricName, since);
    if (value === undefined) return false;
    if (breachesWhen === "LessThanThreshold") return value < threshold;
    return breachesWhen === "GreaterThanThreshold" ? value > threshold : value >= threshold;
  }

  /**
   * Waits until what the alarm reads breaches it, and measures how long that took.
   * @param from when the harm was done, CLOCK_MONOTONIC
   * @param withinSeconds a bound that is judged
   */
  async rings(alarm: AlarmName, from: number, withinSeconds: number): Promise<void> {
    const { metric, severity, periods, periodSeconds } = this.spec(alarm);
    const at = await this.scene.eventually(
      `${metric.metricName} breaches ${alarm}`,
      () => this.breaches(alarm, from) && this.gauges.get(metric.metricName)?.at,
      3 * withinSeconds,
    );
    this.scene.prove(
      `${metric.metricName} is ${this.value(metric.metricName)}: ${alarm} would ${severity} after ${periods} × ${periodSeconds} s of it`,
      true,
    );
    this.scene.measure({
      name: `from the harm until ${alarm} has what it rings for`,
      value: (at - from) / 1000,
      unit: "s",
      atMost: withinSeconds,
    });
  }

  /** Waits until a node reports the alarm's metric again with a good value. */
  async isQuiet(alarm: AlarmName, from: number): Promise<void> {
    const { metric } = this.spec(alarm);
    await this.scene.eventually(
      `${metric.metricName} no longer breaches ${alarm}`,
      () => this.value(metric.metricName, from) !== undefined && !this.breaches(alarm, from),
      QUIET_SECONDS,
    );
  }

  /** Longest time, in seconds, without a report of a gauge. After a minute CloudWatch's agent has no value to send. */
  longestSilence(metric: string, from: number, to: number): number {
    const times = this.told
      .filter((each) => each.metric === metric && each.at > from && each.at < to)
      .map(({ at }) => at);
    return Math.max(...[...times, to].map((at, i) => at - (times[i - 1] ?? from))) / 1000;
  }

  async close(): Promise<void> {
    for (const tap of this.taps) {
      tap.stdin.end();
      tap.kill();
      await tap.ended;
    }
  }

  private spec(alarm: AlarmName): AlarmSpec {
    const spec = this.specs.find((each) => each.alarm === alarm);
    if (!spec) throw new Error(`no alarm ${alarm} on the backups`);
    return spec;
  }

  private take(datagram: string, teller: string): void {
    for (const line of datagram.split("\n")) {
      const [, name, value] = /^(\w+):([\d.]+)\|g$/.exec(line) ?? [];
      if (name === undefined) continue;
      const gauge = { value: Number(value), at: now() };
      this.gauges.set(name, gauge).set(`${teller}/${name}`, gauge);
      this.told.push({ metric: name, at: gauge.at });
    }
  }
}
