import { expect, test } from "vitest";
import { ClusterSettings } from "../../components/cluster-settings.js";
import { clusterConfig } from "../../nodes/render/cluster-config.js";
import { contractOf } from "../../settings/contract.js";
import { parseRegionSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, record, recordStack } from "../support/recorder.js";

const PARAMETER = "aws:ssm/parameter:Parameter";
const settings = parseRegionSettings("dr", BASE_SETTINGS);

const publish = (value: string) =>
  record(() => {
    const opts = { provider: awsProvider(settings, "eu-central-1") };
    new ClusterSettings("cluster-settings", { parameter: "/drs/here/cluster", value }, opts);
    return {};
  });

test("a region publishes what its nodes read, in itself", async () => {
  const databases = [
    { name: "app", owner: "app" },
    { name: "orders", owner: "orders" },
  ];
  const raw = { ...BASE_SETTINGS, databases };
  const { inputs, region } = (await recordStack("dr", raw)).one("cluster-settings", PARAMETER);
  expect({ region, name: inputs.name, type: inputs.type }).toEqual({
    region: "eu-central-1",
    name: "/drs/eu-central-1/cluster",
    type: "String",
  });
  const parsed = parseRegionSettings("dr", raw);
  // The provider takes every parameter's value for a secret.
  expect(JSON.parse(inputs.value.value)).toEqual(
    clusterConfig(parsed, contractOf(parsed, ACCOUNT_ID), "recovery"),
  );
  expect(inputs.value.value).toContain("drs/postgres/owner/orders");
});

test.each([
  [4096, "Standard"],
  [4097, "Advanced"],
])("%i characters are an SSM parameter of the tier %s", async (length, tier) => {
  const recording = await publish("x".repeat(length));
  expect(recording.one("cluster-settings", PARAMETER).inputs.tier).toBe(tier);
});

test("more than Systems Manager takes is refused before anything is made", async () => {
  await expect(publish("x".repeat(8193))).rejects.toThrow(/would have 8193 characters/);
});
