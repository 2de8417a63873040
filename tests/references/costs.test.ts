import { expect, test } from "vitest";
import {
  ASSUMED,
  type Item,
  readInventories,
  regionQuantities,
  unclassified,
  usdPerMonth,
} from "../../references/costs.js";
import { parseRegionSettings } from "../../settings/parse.js";

const settings = parseRegionSettings("prod", {
  domain: "example.com",
  regions: { home: "eu-west-1", recovery: "eu-central-1", witness: "eu-west-3" },
  contacts: [{ severity: "page", protocol: "email", endpoint: "team@example.com" }],
});

const of = (type: string, number: number): Item[] =>
  Array.from({ length: number }, (_, i) => ({ name: `${type}-${i}`, type, inputs: {} }));

const region = [
  ...of("aws:ebs/volume:Volume", 3),
  ...of("aws:ec2/natGateway:NatGateway", 3),
  ...of("aws:ec2/eip:Eip", 3),
  ...of("aws:lb/loadBalancer:LoadBalancer", 1),
  ...of("aws:cloudwatch/metricAlarm:MetricAlarm", 7),
  ...of("aws:cloudwatch/compositeAlarm:CompositeAlarm", 1),
];

test("docs/costs.md says of every recorded resource type whether AWS bills for it", () => {
  expect(unclassified(readInventories())).toEqual([]);
});

test("a type that the page doesn't know is named", () => {
  const unknown = { name: "new", type: "aws:lambda/function:Function", inputs: {} };
  expect(unclassified({ region: [unknown], global: [], link: [] })).toEqual(["aws:lambda/function:Function"]);
});

test.each([
  { epoch: 0, site: "cold", databaseNodes: 0, tomcatServers: 0, tomcatMost: 0 },
  { epoch: 0, site: "warm", databaseNodes: 3, tomcatServers: 2, tomcatMost: 12 },
  { epoch: 0, site: "hot", databaseNodes: 3, tomcatServers: 6, tomcatMost: 12 },
  { epoch: 1, site: "cold", databaseNodes: 3, tomcatServers: 6, tomcatMost: 12 },
] as const)(
  "a region with epoch $epoch and site $site runs what its size says",
  ({ epoch, site, ...ran }) => {
    expect(regionQuantities(region, settings, { epoch, site })).toEqual({
      ...ran,
      dataVolumes: 3,
      natGateways: 3,
      loadBalancers: 1,
      publicAddresses: 6,
      metricAlarms: 7,
      compositeAlarms: 1,
    });
  },
);

test("the order of magnitude is machines, NAT gateways and addresses by the hour, and volumes by GiB", () => {
  const quantities = regionQuantities(region, settings, { epoch: 1, site: "warm" });
  const hours = ASSUMED.hoursPerMonth;
  expect(usdPerMonth(quantities, 200, 20)).toBeCloseTo(
    9 * 0.1 * hours + 3 * 0.045 * hours + 6 * 0.005 * hours + (3 * 200 + 9 * 20) * 0.1,
  );
});
