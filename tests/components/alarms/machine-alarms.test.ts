import { expect, test } from "vitest";
import { machineAlarmSpecs } from "../../../components/alarms/machine-alarms.js";
import { contractOf } from "../../../settings/contract.js";
import { parseRegionSettings } from "../../../settings/parse.js";
import { ACCOUNT_ID, BASE_SETTINGS } from "../../support/recorder.js";

const specs = (raw: Record<string, unknown> = {}) => {
  const settings = parseRegionSettings("prod", { ...BASE_SETTINGS, ...raw });
  return machineAlarmSpecs(settings, contractOf(settings, ACCOUNT_ID));
};
const of = (alarm: string, raw?: Record<string, unknown>) =>
  specs(raw).filter((spec) => spec.alarm === alarm);

test("each kind of machine has both alarms, on the metrics that only it can publish", () => {
  for (const alarm of ["certificates-expiring", "image-old"])
    expect(of(alarm).map(({ suffix, metric }) => [suffix, metric.namespace])).toEqual([
      ["database", "DisasterRecovery/drs"],
      ["restore", "DisasterRecovery/drs/restore"],
      ["tomcat", "DisasterRecovery/drs/tomcat"],
    ]);
});

test("60 days before the first certificate ends, whichever machine has it", () => {
  for (const spec of of("certificates-expiring"))
    expect(spec).toMatchObject({ statistic: "Minimum", breachesWhen: "LessThanThreshold", threshold: 60 });
});

test("the settings say how old an image may be; the oldest counts", () => {
  for (const spec of of("image-old", { images: { maxAgeDays: 10 } }))
    expect(spec).toMatchObject({ statistic: "Maximum", breachesWhen: "GreaterThanThreshold", threshold: 10 });
  expect(of("image-old")[0]?.threshold).toBe(45);
});

test("a region that tests no restores has no restore machine to watch", () => {
  expect(specs({ restoreTest: { everyHours: 0 } }).map(({ suffix }) => suffix)).not.toContain("restore");
});
