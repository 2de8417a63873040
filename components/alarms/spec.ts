/**
 * What one alarm judges, and how silence counts on a cold site. Plain values: service-alarms.ts and backup-alarms.ts
 * list the alarms, and a program that runs the machines outside AWS judges their metrics by the same specs.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { AlarmSeverity } from "../alarm-topics.js";
import type { AlarmName } from "./runbooks.js";

export interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions?: Readonly<Record<string, pulumi.Input<string>>>;
}

export type SignOfLife = "database" | "fleet" | "anything";

export interface AlarmSpec {
  readonly alarm: AlarmName;
  readonly severity: AlarmSeverity;
  /** What is wrong, in one sentence. */
  readonly summary: string;
  readonly metric: Metric;
  readonly statistic: "Maximum" | "Minimum" | "Sum";
  readonly breachesWhen: "GreaterThanThreshold" | "GreaterThanOrEqualToThreshold" | "LessThanThreshold";
  readonly threshold: number;
  readonly periodSeconds: number;
  /** Periods in a row. */
  readonly periods: number;
  /**
   * For signs of life, by which silence counts as the worst value: what must be wanted by Auto Scaling for it to
   * count on a cold site. `anything`: it always counts. Default: silence counts as a good value.
   */
  readonly signOfLifeOf?: SignOfLife;
  /** When there are several of a kind. */
  readonly suffix?: string;
}

/**
 * The metric, judged only while a group wants machines: then silence counts as the worst value, otherwise
 * as a good one.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function signOfLife(spec: AlarmSpec, groups: readonly pulumi.Input<string>[]) {
  const below = spec.breachesWhen === "LessThanThreshold";
  const bad = below ? spec.threshold - 1 : spec.threshold + 1;
  const wanted = groups.map((_, i) => `g${i}`);
  const query = (metric: Metric, stat: string) => ({
    ...metric,
    stat,
    period: spec.periodSeconds,
  });
  return [
    {
      id: "judged",
      label: spec.alarm,
      // A group reports its desired capacity even at 0, but now and then skips a minute.
      expression: `IF(FILL(MAX([${wanted.join(",")}]), REPEAT) > 0, FILL(observed, ${bad}), ${spec.threshold})`,
      returnData: true,
    },
    { id: "observed", metric: query(spec.metric, spec.statistic), returnData: false },
    ...groups.map((AutoScalingGroupName, i) => ({
      id: wanted[i] as string,
      metric: query(
        {
          namespace: "AWS/AutoScaling",
          metricName: "GroupDesiredCapacity",
          dimensions: { AutoScalingGroupName },
        },
        "Maximum",
      ),
      returnData: false,
    })),
  ];
}
