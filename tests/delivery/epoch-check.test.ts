import { describe, expect, test } from "vitest";
import { checkEpoch, type DeployedStack, readDeployed } from "../../delivery/epoch-check.js";
import { parseSettings } from "../../settings/parse.js";
import { rawSettings } from "../../settings/stack-files.js";
import type { StackName } from "../../settings/stacks.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const urn = (type: string, name: string) => `urn:pulumi:dr::disaster-recovery::${type}::${name}`;
const provider = (region: string) => ({
  type: "pulumi:providers:aws",
  urn: urn("pulumi:providers:aws", `aws-${region}`),
  inputs: { region },
});
const claim = (epoch: number) => ({
  type: "aws:dynamodb/tableItem:TableItem",
  urn: urn("dr:activation:RegionClaim$aws:dynamodb/tableItem:TableItem", `claim-${epoch}`),
});
const handoff = (id: string, region: string) => ({
  type: "aws:ssm/parameter:Parameter",
  urn: urn("aws:ssm/parameter:Parameter", `handoff-${id}`),
  provider: `${provider(region).urn}::3f2c`,
});
const exported = (...resources: object[]) => ({ version: 3, deployment: { resources } });

describe("what a state says", () => {
  test("claims and the regions of providers", () => {
    expect(
      readDeployed(exported(provider("eu-central-1"), claim(2), claim(10), provider("eu-central-1"))),
    ).toEqual({ epochs: [2, 10], regions: ["eu-central-1"], placed: {} });
  });

  test("which region is which, by the handoffs of global", () => {
    const state = exported(
      provider("eu-west-1"),
      provider("eu-central-1"),
      handoff("home", "eu-west-1"),
      handoff("recovery", "eu-central-1"),
    );
    expect(readDeployed(state)?.placed).toEqual({ home: "eu-west-1", recovery: "eu-central-1" });
  });

  test("nothing that only looks like a claim is one", () => {
    const alias = { type: "aws:kms/alias:Alias", urn: urn("aws:kms/alias:Alias", "claim-9") };
    const named = { ...claim(4), urn: `${claim(4).urn}-copy` };
    expect(readDeployed(exported(provider("eu-west-1"), alias, named))?.epochs).toEqual([]);
  });

  test.each([
    ["no resources", exported()],
    ["a stack that was only created", { version: 3, deployment: {} }],
  ])("%s: not deployed yet", (_, state) => expect(readDeployed(state)).toBeUndefined());

  test.each([null, {}, [], { deployment: { resources: "many" } }])("%j is refused", (state) =>
    expect(() => readDeployed(state)).toThrow("no deployment with resources"),
  );
});

const DEPLOYED: DeployedStack = { epochs: [2], regions: ["eu-central-1"], placed: {} };

function check(stack: StackName, settings: object, deployed: DeployedStack = DEPLOYED) {
  return checkEpoch(stack, parseSettings(stack, { ...BASE_SETTINGS, ...settings }), deployed);
}

describe("a region's epoch", () => {
  test.each([
    ["equal to the claimed one", 2],
    ["above it", 4],
  ])("%s goes on", (_, epoch) => expect(check("dr", { epoch })).toEqual([]));

  test("below the greatest claimed one is refused, with the number to set", () => {
    expect(check("dr", { epoch: 2 }, { ...DEPLOYED, epochs: [2, 10, 4] })).toEqual([
      {
        key: "epoch",
        value: 2,
        reason: expect.stringContaining("below 10"),
        remedy: expect.stringContaining("pulumi config set epoch 10 --stack dr"),
      },
    ]);
  });

  test("left out is 0, so it is refused as well", () =>
    expect(check("dr", {}).map(({ value }) => value)).toEqual([0]));

  test("any goes on where nothing was claimed", () =>
    expect(check("dr", { epoch: 0 }, { ...DEPLOYED, epochs: [] })).toEqual([]));
});

describe("regions", () => {
  const moved = { regions: { home: "eu-west-1", recovery: "eu-west-2", witness: "eu-west-3" } };
  const swapped = { regions: { home: "eu-central-1", recovery: "eu-west-1", witness: "eu-west-3" } };

  test("another region than the deployed one is refused, beside a lower epoch", () =>
    expect(check("dr", { ...moved, epoch: 0 }).map(({ key }) => key)).toEqual(["epoch", "regions.recovery"]));

  test("prod asks for its own region only", () => {
    const deployed = { epochs: [1], regions: ["eu-west-1"], placed: {} };
    expect(check("prod", { ...moved, epoch: 1 }, deployed)).toEqual([]);
  });

  test.each(["global", "link"] as const)("%s asks for both", (stack) => {
    const deployed = { epochs: [], regions: ["eu-west-1", "eu-central-1", "us-east-1"], placed: {} };
    expect(check(stack, {}, deployed)).toEqual([]);
    expect(check(stack, moved, deployed).map(({ key }) => key)).toEqual(["regions.recovery"]);
  });

  test("global sees home and recovery swapped", () => {
    const deployed = {
      epochs: [],
      regions: ["eu-west-1", "eu-central-1"],
      placed: { home: "eu-west-1", recovery: "eu-central-1" },
    };
    expect(check("global", swapped, deployed).map(({ key }) => key)).toEqual([
      "regions.home",
      "regions.recovery",
    ]);
  });

  test("a state without a provider forbids nothing", () =>
    expect(check("dr", { epoch: 2 }, { ...DEPLOYED, regions: [] })).toEqual([]));
});

test("settings come from the project's defaults, then from the stack's file, without foreign namespaces", () => {
  expect(
    rawSettings(
      {
        name: "disaster-recovery",
        config: {
          "pulumi:disable-default-providers": ["*"],
          domain: { type: "string", default: "example.com" },
          "disaster-recovery:name": { default: "drs" },
          accountId: { type: "string" },
        },
      },
      { "disaster-recovery:epoch": 2, "disaster-recovery:name": "other", "aws:region": "eu-west-1" },
    ),
  ).toEqual({ domain: "example.com", name: "other", epoch: 2 });
});

test("what Pulumi wrote into a stack's file as text is read as what it means", () => {
  const project = { name: "p", config: { domain: { default: "example.com" } } };
  const own = { "p:epoch": "2", "p:site": "warm", "p:accountId": "012345678901", "p:tags": '{"a":"1"}' };
  expect(rawSettings(project, own)).toEqual({
    domain: "example.com",
    epoch: 2,
    site: "warm",
    accountId: "012345678901",
    tags: { a: "1" },
  });
});
