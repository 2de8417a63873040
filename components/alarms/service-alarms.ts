/** The alarms on what one region serves: its leader, how far it is behind, its servers, claims and disks. No Pulumi here. */
import type * as pulumi from "@pulumi/pulumi";
import type { Contract, RegionContract } from "../../settings/contract.js";
import type { RegionSettings } from "../../settings/schema.js";
import type { AlarmSeverity } from "../alarm-topics.js";
import { METRICS, type MetricDefinition, nodeDimensions } from "./metrics.js";
import type { AlarmSpec, Metric } from "./spec.js";

/** A volume grows online in minutes, but WAL of a stuck archive can fill the last tenth within the hour. */
const DISK_PERCENT = { notify: 80, page: 90 } as const;

type Promotion = Pick<RegionSettings, "promotion">;

const own = (
  { metricNamespace: namespace }: Pick<Contract, "metricNamespace">,
  { name: metricName }: MetricDefinition,
  node?: string,
): Metric => ({ namespace, metricName, ...(node !== undefined && { dimensions: nodeDimensions(node) }) });

export const clusterAlarmSpecs = (settings: Promotion, contract: Contract): AlarmSpec[] => [
  noLeader(contract),
  ...lag(settings, contract),
];

/** Three minutes: an election takes seconds, so this is one that didn't succeed. */
function noLeader(contract: Contract): AlarmSpec {
  return {
    alarm: "no-leader",
    severity: "page",
    summary: "No guard of this region has seen a leader for three minutes, or no guard runs.",
    metric: own(contract, METRICS.leaderSeen),
    // One guard that sees a leader is enough.
    statistic: "Maximum",
    breachesWhen: "LessThanThreshold",
    threshold: 1,
    periodSeconds: 60,
    periods: 3,
    signOfLifeOf: "database",
  };
}

function lag({ promotion }: Promotion, contract: Contract): AlarmSpec[] {
  const { lagBudgetSeconds } = promotion;
  const common = {
    statistic: "Maximum",
    breachesWhen: "GreaterThanThreshold",
    threshold: lagBudgetSeconds,
    periodSeconds: 60,
    periods: 5,
  } as const;
  return [
    {
      ...common,
      alarm: "replication-lag",
      severity: "notify",
      summary: `A replica of this region is more than ${lagBudgetSeconds} s behind its leader.`,
      metric: own(contract, METRICS.replicationLagSeconds),
    },
    {
      ...common,
      alarm: "cross-region-lag",
      // An unplanned promotion would be refused with this much lag: the recovery region is no use now.
      severity: "page",
      summary: `This region is more than ${lagBudgetSeconds} s behind the active one; an unplanned promotion would be refused.`,
      metric: own(contract, METRICS.crossRegionLagSeconds),
    },
  ];
}

/** @param dimensions the load balancer and its target group, as CloudWatch has them */
export function targetAlarmSpecs(
  dimensions: Readonly<Record<"LoadBalancer" | "TargetGroup", pulumi.Input<string>>>,
): AlarmSpec[] {
  const metric = (metricName: string): Metric => ({
    namespace: "AWS/ApplicationELB",
    metricName,
    dimensions,
  });
  return [
    {
      alarm: "unhealthy-targets",
      // The autoscaling group replaces a sick server by itself; five minutes later it should have.
      severity: "notify",
      summary: "A Tomcat server has been unhealthy for five minutes.",
      metric: metric("UnHealthyHostCount"),
      statistic: "Maximum",
      breachesWhen: "GreaterThanThreshold",
      threshold: 0,
      periodSeconds: 60,
      periods: 5,
    },
    {
      alarm: "no-healthy-targets",
      severity: "page",
      summary: "No Tomcat server of this region is healthy.",
      // Not reported at all while the target group is empty.
      metric: metric("HealthyHostCount"),
      statistic: "Maximum",
      breachesWhen: "LessThanThreshold",
      threshold: 1,
      periodSeconds: 60,
      periods: 3,
      signOfLifeOf: "fleet",
    },
  ];
}

/** Half the lease gone on the guard that read last: none of them reaches the claims any more. */
export const claimAlarmSpecs = (settings: Promotion, contract: Contract): AlarmSpec[] => [
  claimsUnread(settings, contract),
  unexpectedClaim(contract),
];

/** Ignored by every guard, so nothing is down; but its author can claim a valid number as well. */
function unexpectedClaim(contract: Contract): AlarmSpec {
  return {
    alarm: "unexpected-claim",
    severity: "page",
    summary: "The claim table has a claim that no stack can have made: somebody else can write claims.",
    metric: own(contract, METRICS.unexpectedClaims),
    statistic: "Maximum",
    breachesWhen: "GreaterThanThreshold",
    threshold: 0,
    periodSeconds: 60,
    periods: 2,
  };
}

function claimsUnread({ promotion }: Promotion, contract: Contract): AlarmSpec {
  const { leaseSeconds } = promotion;
  return {
    alarm: "claim-lease-lapsing",
    severity: "page",
    summary: `No guard has read the claims for ${leaseSeconds / 2} s; after ${leaseSeconds} s an active region fences itself.`,
    metric: own(contract, METRICS.claimReadAgeSeconds),
    statistic: "Minimum",
    breachesWhen: "GreaterThanThreshold",
    threshold: leaseSeconds / 2,
    periodSeconds: 60,
    periods: 2,
  };
}

export function diskAlarmSpecs(
  contract: Contract,
  { databaseNodes, readReplicas }: RegionContract,
): AlarmSpec[] {
  const spec = (node: string, severity: AlarmSeverity, suffix: string): AlarmSpec => ({
    alarm: severity === "page" ? "disk-nearly-full" : "disk-filling",
    severity,
    summary: `The data volume of ${node} is ${DISK_PERCENT[severity]} % full or more.`,
    metric: own(contract, METRICS.dataVolumeUsedPercent, node),
    statistic: "Maximum",
    breachesWhen: "GreaterThanOrEqualToThreshold",
    threshold: DISK_PERCENT[severity],
    periodSeconds: 300,
    periods: severity === "page" ? 1 : 3,
    suffix,
  });
  return [
    ...databaseNodes.map(({ name }, i) => ({ name, suffix: `${i + 1}` })),
    ...readReplicas.map(({ name }, i) => ({ name, suffix: `read-${i + 1}` })),
  ].flatMap(({ name, suffix }) => [spec(name, "notify", suffix), spec(name, "page", suffix)]);
}
