import { ACMClient, AddTagsToCertificateCommand } from "@aws-sdk/client-acm";
import {
  ChangeResourceRecordSetsCommand,
  Route53Client,
  UpdateHealthCheckCommand,
  UpdateHostedZoneCommentCommand,
} from "@aws-sdk/client-route-53";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const ZONE = "aws:route53/zone:Zone";
const CHECK = "aws:route53/healthCheck:HealthCheck";
const RECORD = "aws:route53/record:Record";
const CERTIFICATE = "aws:acm/certificate:Certificate";
const VALIDATION = "aws:acm/certificateValidation:CertificateValidation";

useEmulator();
let home: AwsPlugin;
let recovery: AwsPlugin;
let route53: Route53Client;
beforeAll(async () => {
  home = await awsPlugin(HOME);
  recovery = await awsPlugin(RECOVERY);
  route53 = sdk(Route53Client);
});

const zoneNamed = (name: string, more: object = {}) =>
  new Resource(home, ZONE, name).create({ name, ...more });
const check = {
  type: "HTTPS",
  fqdn: "eu-west-1.app.example.com",
  port: 443,
  resourcePath: "/dr/active",
  enableSni: true,
  requestInterval: 10,
  failureThreshold: 3,
};
const upsert = (zoneId: string, ResourceRecordSet: any) =>
  route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet }] },
    }),
  );

describe("zone", () => {
  test("lives", () =>
    live(home, {
      type: ZONE,
      inputs: { name: "life.example.com", comment: "Life", tags: { owner: "sre" } },
      change: { comment: "More life", tags: { owner: "dba" } },
      replace: { name: "other.example.com" },
      outputs: {
        zoneId: expect.stringMatching(/^Z[A-Z0-9]+$/),
        nameServers: expect.arrayContaining([expect.stringMatching(/^ns-/)]),
      },
      tamper: ({ id }) => route53.send(new UpdateHostedZoneCommentCommand({ Id: id, Comment: "Mine" })),
      drifted: ["comment"],
    }));

  test("is not deleted while it holds records, unless forced", async () => {
    const zone = await zoneNamed("full.example.com");
    await new Resource(home, RECORD).create({
      zoneId: zone.id,
      name: "www",
      type: "A",
      ttl: 60,
      records: ["192.0.2.1"],
    });
    await expect(zone.delete()).rejects.toThrow(/contains resource record sets/);
    await zone.update({ name: "full.example.com", forceDestroy: true });
    await zone.delete();
    expect(await zone.drift()).toBeUndefined();
  });
});

describe("health check", () => {
  test("lives", () =>
    live(home, {
      type: CHECK,
      inputs: { ...check, tags: { Name: "home" } },
      change: { failureThreshold: 2, resourcePath: "/other", tags: { Name: "other" } },
      replace: { type: "TCP", requestInterval: 30 },
      outputs: { arn: expect.stringMatching(/^arn:aws:route53:::healthcheck\/[0-9a-f-]{36}$/) },
      tamper: ({ id }) =>
        route53.send(new UpdateHealthCheckCommand({ HealthCheckId: id, Inverted: true, EnableSNI: false })),
      drifted: ["enableSni"],
    }));

  test("of others, and one that follows an alarm", async () => {
    const child = await new Resource(home, CHECK).create(check);
    await live(home, {
      type: CHECK,
      inputs: { type: "CALCULATED", childHealthThreshold: 1, childHealthchecks: [child.id] },
      notImported: ["childHealthchecks"],
    });
    await live(home, {
      type: CHECK,
      inputs: {
        type: "CLOUDWATCH_METRIC",
        cloudwatchAlarmName: "no-leader",
        cloudwatchAlarmRegion: HOME,
        insufficientDataHealthStatus: "Unhealthy",
      },
      change: { invertHealthcheck: true },
    });
  });
});

describe("record", () => {
  let zoneId: string;
  beforeAll(async () => {
    zoneId = (await zoneNamed("example.com")).id;
  });

  test("lives", () =>
    live(home, {
      type: RECORD,
      inputs: { zoneId, name: "app", type: "A", ttl: 10, records: ["192.0.2.2", "192.0.2.1"] },
      change: { ttl: 20, records: ["192.0.2.3"] },
      replace: { name: "other", type: "AAAA", zoneId: "Z2", setIdentifier: "one" },
      outputs: { fqdn: "app.example.com" },
      tamper: () =>
        upsert(zoneId, {
          Name: "app.example.com",
          Type: "A",
          TTL: 3600,
          ResourceRecords: [{ Value: "203.0.113.1" }],
        }),
      drifted: ["records", "ttl"],
      importId: () => `${zoneId}_app.example.com_A`,
      notImported: ["name"],
    }));

  test("by failover: two of one name, each with its health check", async () => {
    const { id: healthCheckId } = await new Resource(home, CHECK).create(check);
    const failover = (type: string, region: string) => ({
      zoneId,
      name: "service.example.com",
      type: "CNAME",
      ttl: 10,
      records: [`${region}.service.example.com`],
      setIdentifier: region,
      failoverRoutingPolicies: [{ type }],
      healthCheckId,
    });
    const secondary = await new Resource(home, RECORD).create(failover("SECONDARY", RECOVERY));
    await live(home, {
      type: RECORD,
      inputs: failover("PRIMARY", HOME),
      change: { records: ["elsewhere.example.com"] },
      tamper: () =>
        upsert(zoneId, {
          Name: "service.example.com",
          Type: "CNAME",
          TTL: 10,
          SetIdentifier: HOME,
          Failover: "SECONDARY",
          ResourceRecords: [{ Value: "elsewhere.example.com" }],
        }),
      drifted: ["failoverRoutingPolicies", "healthCheckId"],
      importId: () => `${zoneId}_service.example.com_CNAME_${HOME}`,
    });
    expect(await secondary.drift()).toEqual([]);
  });

  test("as an alias of a load balancer", () =>
    live(recovery, {
      type: RECORD,
      inputs: {
        zoneId,
        name: `${RECOVERY}.app.example.com`,
        type: "A",
        aliases: [
          {
            name: "dr-Fleet-1234.eu-west-2.elb.amazonaws.com",
            zoneId: "ZHURV8PSTC4K8",
            evaluateTargetHealth: true,
          },
        ],
      },
      change: {
        aliases: [
          { name: "dr-2.eu-west-2.elb.amazonaws.com", zoneId: "ZHURV8PSTC4K8", evaluateTargetHealth: false },
        ],
      },
      tamper: () =>
        upsert(zoneId, {
          Name: `${RECOVERY}.app.example.com`,
          Type: "A",
          AliasTarget: {
            DNSName: "mallory.example.net",
            HostedZoneId: "ZHURV8PSTC4K8",
            EvaluateTargetHealth: false,
          },
        }),
      drifted: ["aliases"],
      // Route 53 gives the name back in lower case.
      notImported: ["aliases"],
    }));

  test.each([
    ["of the zone itself", { name: "example.com", type: "CAA", records: ['0 issue "amazon.com"'] }],
    ["of text, with underscores", { name: "_dr._tcp", type: "TXT", records: ["v=1; x"] }],
    ["with a wildcard", { name: "*.app.example.com", type: "CNAME", records: ["app.example.com"] }],
  ])("%s", (_, more) =>
    live(home, {
      type: RECORD,
      inputs: { zoneId, ttl: 60, ...more },
      change: { ttl: 30 },
      notImported: ["name"],
    }),
  );

  test("is not taken over unasked", async () => {
    const inputs = { zoneId, name: "taken", type: "A", ttl: 60, records: ["192.0.2.1"] };
    await new Resource(home, RECORD).create(inputs);
    await expect(new Resource(home, RECORD).create(inputs)).rejects.toThrow(/already exists/);
    await new Resource(home, RECORD).create({ ...inputs, allowOverwrite: true });
  });

  test("has an id of a certain form", () =>
    expect(new Resource(home, RECORD).importDrift("example.com")).rejects.toThrow(/<zone id>_<name>_<type>/));
});

describe("certificate", () => {
  const request = {
    domainName: "app.example.com",
    subjectAlternativeNames: ["*.app.example.com"],
    validationMethod: "DNS",
  };

  test("lives, in its own region", async () => {
    await live(recovery, {
      type: CERTIFICATE,
      inputs: { ...request, tags: { owner: "sre" } },
      change: { tags: { owner: "dba" } },
      replace: { domainName: "other.example.com", subjectAlternativeNames: [] },
      outputs: {
        arn: expect.stringMatching(/^arn:aws:acm:eu-west-2:111122223333:certificate\//),
        domainValidationOptions: [
          {
            domainName: "app.example.com",
            resourceRecordName: expect.any(String),
            resourceRecordType: "CNAME",
            resourceRecordValue: expect.any(String),
          },
          expect.anything(),
        ],
      },
      tamper: ({ id }) =>
        sdk(ACMClient, RECOVERY).send(
          new AddTagsToCertificateCommand({ CertificateArn: id, Tags: [{ Key: "owner", Value: "mallory" }] }),
        ),
      drifted: ["tags"],
    });
  });

  test("one record proves both regions' certificates", async () => {
    const certificates = [
      await new Resource(home, CERTIFICATE).create(request),
      await new Resource(recovery, CERTIFICATE).create(request),
    ] as const;
    const proof = certificates[0].outputs.domainValidationOptions[0];
    const { id: zoneId } = await zoneNamed("example.com");
    const record = await new Resource(home, RECORD).create({
      zoneId,
      name: proof.resourceRecordName,
      type: proof.resourceRecordType,
      records: [proof.resourceRecordValue],
      ttl: 60,
    });
    expect(await record.drift()).toEqual([]);
    const validationRecordFqdns = [record.outputs.fqdn];
    for (const [i, plugin] of [home, recovery].entries()) {
      const certificateArn = certificates[i]?.id;
      const issued = await new Resource(plugin, VALIDATION).create({ certificateArn, validationRecordFqdns });
      expect(await issued.drift()).toEqual([]);
      await certificates[i]?.delete();
      expect(await issued.drift()).toBeUndefined();
    }
  });

  test("is not waited for with the wrong records, nor where it isn't", async () => {
    const { id: certificateArn } = await new Resource(home, CERTIFICATE).create(request);
    await expect(
      new Resource(home, VALIDATION).create({ certificateArn, validationRecordFqdns: ["x.example.com"] }),
    ).rejects.toThrow(/validationRecordFqdns lacks/);
    await expect(new Resource(recovery, VALIDATION).create({ certificateArn })).rejects.toThrow(
      /doesn't exist in eu-west-2/,
    );
  });
});
