import { beforeAll, expect, test } from "vitest";
import { BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const DATA = [
  "aws:s3/bucket:Bucket",
  "aws:dynamodb/table:Table",
  "aws:kms/key:Key",
  "aws:kms/replicaKey:ReplicaKey",
  "aws:secretsmanager/secret:Secret",
  "aws:route53/zone:Zone",
];

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global", {
    ...BASE_SETTINGS,
    pipeline: { repository: "acme/dr", repositoryId: 456789 },
  });
});

test("every resource has an explicit provider", () => {
  const lost = global.resources.filter(
    ({ custom, provider, type }) => custom && !type.startsWith("pulumi:providers:") && provider === "",
  );
  expect(lost.map(({ name }) => name)).toEqual([]);
});

test("one provider per region", () => {
  expect(global.ofType("pulumi:providers:aws").map(({ inputs }) => inputs.region)).toEqual([
    "eu-west-1",
    "eu-central-1",
    "us-east-1",
  ]);
});

test("everything that holds data is protected", () => {
  const unprotected = global.resources.filter(({ type, protect }) => DATA.includes(type) && !protect);
  expect(unprotected.map(({ name }) => name)).toEqual([]);
});

test("each region gets its own handoff, stored in that region, with its own keys and certificate", () => {
  for (const [id, region, suffix] of [
    ["home", "eu-west-1", ""],
    ["recovery", "eu-central-1", "-replica"],
  ]) {
    const parameter = global.one(`handoff-${id}`, "aws:ssm/parameter:Parameter");
    expect(parameter).toMatchObject({ region, inputs: { name: "/drs/handoff", type: "String" } });
    // The provider marks every parameter's value as secret, whatever it is.
    const handoff = JSON.parse(parameter.inputs.value.value);
    expect(handoff.hostedZoneId).toBe("Z0123456789");
    for (const purpose of ["data", "backups", "notifications"]) {
      expect(handoff[`${purpose}KeyArn`]).toMatch(new RegExp(`:keys-${purpose}${suffix}$`));
    }
    expect(handoff.certificateArn).toContain(`dns-certificate-${id}`);
  }
});

test("a handoff holds identifiers, no secret", () => {
  // The provider marks every parameter's value as secret, whatever it is.
  const { value } = global.one("handoff-home").inputs.value;
  expect(value).not.toContain("value of");
});

test("what a person needs next is in the outputs", () => {
  expect(global.outputs).toMatchObject({
    serviceHostname: "app.example.com",
    nameServers: ["ns-1.example.net", "ns-2.example.net"],
    claimTable: "drs-claims",
    vaults: { home: "drs-vault-123456789012-eu-west-1", recovery: "drs-vault-123456789012-eu-central-1" },
    auditBucket: "drs-audit-123456789012-eu-west-1",
    deployRoles: { dr: expect.any(String) },
  });
});
