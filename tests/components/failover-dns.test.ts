import { beforeAll, expect, test } from "vitest";
import { type Recording, recordStack } from "../support/recorder.js";

const RECORD = "aws:route53/record:Record";

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global");
});

test("the hosted zone is protected", () => {
  const zone = global.one("dns-zone", "aws:route53/zone:Zone");
  expect(zone).toMatchObject({ protect: true, inputs: { name: "example.com" } });
});

test.each([
  ["dns-primary", "PRIMARY", "eu-west-1"],
  ["dns-secondary", "SECONDARY", "eu-central-1"],
])("%s leads the service name to its region's own name", (name, type, region) => {
  const { inputs } = global.one(name, RECORD);
  expect(inputs).toMatchObject({
    name: "app.example.com",
    type: "CNAME",
    records: [`${region}.app.example.com`],
    setIdentifier: region,
    failoverRoutingPolicies: [{ type }],
  });
  expect(inputs.ttl).toBeLessThanOrEqual(10);
  // Route 53 refuses an alias to a record that doesn't exist yet, and the regions' own come later.
  expect(inputs).not.toHaveProperty("aliases");
});

test.each([
  ["home", "dns-primary", "eu-west-1.app.example.com"],
  ["recovery", "dns-secondary", "eu-central-1.app.example.com"],
])("the health check of %s asks its own name whether writes are open", (id, record, hostname) => {
  const check = global.one(`dns-${id}`, "aws:route53/healthCheck:HealthCheck");
  expect(check.inputs).toMatchObject({
    type: "HTTPS",
    fqdn: hostname,
    port: 443,
    resourcePath: "/dr/active",
    enableSni: true,
    requestInterval: 10,
    failureThreshold: 3,
  });
  expect(global.one(record, RECORD).inputs.healthCheckId).toBe(`dns-${id}-id`);
});

test("each region has an issued certificate for the service name and the regions' names; one record proves both", () => {
  for (const [id, region] of [
    ["home", "eu-west-1"],
    ["recovery", "eu-central-1"],
  ]) {
    const certificate = global.one(`dns-certificate-${id}`, "aws:acm/certificate:Certificate");
    expect(certificate).toMatchObject({
      region,
      inputs: {
        domainName: "app.example.com",
        subjectAlternativeNames: ["*.app.example.com"],
        validationMethod: "DNS",
      },
    });
    expect(global.one(`dns-certificate-${id}-issued`)).toMatchObject({ region });
  }
  expect(global.one("dns-certificate-proof", RECORD).inputs).toMatchObject({
    type: "CNAME",
    name: "_x.example.com",
    records: ["_y.acm-validations.aws"],
  });
});

test("only Amazon may issue certificates", () => {
  expect(global.one("dns-caa", RECORD).inputs).toMatchObject({
    name: "example.com",
    type: "CAA",
    records: ['0 issue "amazon.com"', '0 issuewild "amazon.com"'],
  });
});

test("the records are the whole set: the regions' own names are not global's", () => {
  const names = global.ofType(RECORD).map(({ name }) => name);
  expect(names.sort()).toEqual(["dns-caa", "dns-certificate-proof", "dns-primary", "dns-secondary"]);
});
