/** The alarms on what ends or ages by itself on every kind of machine: certificates and images. No Pulumi here. */
import { type Contract, MACHINE_KINDS, type MachineKind } from "../../settings/contract.js";
import type { RegionSettings } from "../../settings/schema.js";
import { METRICS } from "./metrics.js";
import type { AlarmSpec } from "./spec.js";

/** Two months to renew them, which takes an hour. */
const CERTIFICATE_DAYS = 60;

const MACHINES: Readonly<Record<MachineKind, string>> = {
  database: "a database node",
  restore: "the restore machine",
  tomcat: "a Tomcat server",
};

/**
 * One machine that publishes a bad value is enough. Silence says nothing: a fleet or a cold site may have no machine, and other
 * alarms watch whether machines run.
 */
export const machineAlarmSpecs = (
  { images, restoreTest }: Pick<RegionSettings, "images" | "restoreTest">,
  { metricNamespaces }: Contract,
): AlarmSpec[] =>
  MACHINE_KINDS.filter((kind) => kind !== "restore" || restoreTest.everyHours > 0).flatMap(
    (kind): AlarmSpec[] => {
      const common = { severity: "notify", periodSeconds: 3600, periods: 1, suffix: kind } as const;
      const metric = ({ name: metricName }: { readonly name: string }) => ({
        namespace: metricNamespaces[kind],
        metricName,
      });
      return [
        {
          ...common,
          alarm: "certificates-expiring",
          summary: `In less than ${CERTIFICATE_DAYS} days ${MACHINES[kind]} can't connect any more: a certificate on it ends.`,
          metric: metric(METRICS.certificateDaysLeft),
          statistic: "Minimum",
          breachesWhen: "LessThanThreshold",
          threshold: CERTIFICATE_DAYS,
        },
        {
          ...common,
          alarm: "image-old",
          summary: `The image of ${MACHINES[kind]} is older than ${images.maxAgeDays} days and lacks the fixes since then.`,
          metric: metric(METRICS.imageAgeDays),
          statistic: "Maximum",
          breachesWhen: "GreaterThanThreshold",
          threshold: images.maxAgeDays,
        },
      ];
    },
  );
