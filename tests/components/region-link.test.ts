import { beforeAll, describe, expect, test } from "vitest";
import { BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

describe("stack link", () => {
  let link: Recording;
  beforeAll(async () => {
    link = await recordStack("link");
  });

  test("the home region asks, the recovery region accepts", () => {
    expect(link.one("link-request")).toMatchObject({
      region: "eu-west-1",
      inputs: {
        vpcId: "drs-eu-west-1-vpc-id",
        peerVpcId: "drs-eu-central-1-vpc-id",
        peerRegion: "eu-central-1",
        autoAccept: false,
      },
    });
    expect(link.one("link-accept")).toMatchObject({
      region: "eu-central-1",
      inputs: { vpcPeeringConnectionId: "link-request-id", autoAccept: true },
    });
  });

  test.each([
    ["eu-west-1", "10.20.0.0/16"],
    ["eu-central-1", "10.10.0.0/16"],
  ])("in %s the private and data tables of all three zones lead to %s", (region, cidr) => {
    const routes = link.ofType("aws:ec2/route:Route").filter((r) => r.region === region);
    const zones = ["a", "b", "c"].map((letter) => `${region}${letter}`);
    expect(routes.map((r) => r.inputs.routeTableId).sort()).toEqual(
      [
        ...zones.map((zone) => `drs-data-${zone}-id`),
        ...zones.map((zone) => `drs-private-${zone}-id`),
      ].sort(),
    );
    for (const { inputs } of routes) {
      // The accepter's id: a route over a connection that isn't accepted leads nowhere.
      expect(inputs).toMatchObject({ destinationCidrBlock: cidr, vpcPeeringConnectionId: "link-accept-id" });
    }
  });

  test("each end sets its own half of the DNS options", () => {
    const allow = { allowRemoteVpcDnsResolution: true };
    expect(link.one("link-dns-eu-west-1")).toMatchObject({
      region: "eu-west-1",
      inputs: { requester: allow },
    });
    expect(link.one("link-dns-eu-west-1").inputs.accepter).toBeUndefined();
    expect(link.one("link-dns-eu-central-1")).toMatchObject({
      region: "eu-central-1",
      inputs: { accepter: allow },
    });
  });

  test("it looks things up in each region with that region's provider", () => {
    const lookups = link.calls.filter((call) => call.token.startsWith("aws:ec2/"));
    for (const region of ["eu-west-1", "eu-central-1"]) {
      const here = lookups.filter((call) => call.provider === `aws-${region}`);
      expect(here).toHaveLength(7);
      for (const { inputs } of here) expect(inputs.tags.Name).toContain(region);
    }
    expect(link.resources.filter((r) => r.custom && r.type.startsWith("aws:") && r.provider === "")).toEqual(
      [],
    );
  });
});

describe("with a region that isn't deployed", () => {
  const missing = (token: string, name: string, answer: Record<string, unknown>) => ({
    [token]: (inputs: Record<string, any>) => {
      // The engine hands a provider's words over in `details`.
      if (inputs.tags.Name === name) throw Object.assign(new Error(), { details: "no matching result" });
      return answer;
    },
  });

  test("a missing VPC is named, with the region and the remedy", async () => {
    const invokes = missing("aws:ec2/getVpc:getVpc", "drs-eu-central-1", { id: "vpc-1" });
    await expect(recordStack("link", BASE_SETTINGS, invokes)).rejects.toThrow(
      /VPC 'drs-eu-central-1' can't be found in eu-central-1\n.*no matching result\n.*deploy stacks prod and dr first \(missing here: dr\)/,
    );
  });

  test("so is a missing route table", async () => {
    const invokes = missing("aws:ec2/getRouteTable:getRouteTable", "drs-data-eu-west-1b", {
      routeTableId: "rtb-1",
    });
    await expect(recordStack("link", BASE_SETTINGS, invokes)).rejects.toThrow(
      "route table 'drs-data-eu-west-1b' can't be found in eu-west-1",
    );
  });
});
