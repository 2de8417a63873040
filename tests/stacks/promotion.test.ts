import { describe, expect, test } from "vitest";
import { BASE_SETTINGS, type Recorded, type Recording, recordStack } from "../support/recorder.js";

const key = (r: Recorded) => `${r.type} ${r.name}`;

/** What differs between two recordings: new and gone resources, and changed inputs as `name.property`. */
function differences(before: Recording, after: Recording) {
  const old = new Map(before.resources.map((r) => [key(r), r]));
  const now = new Map(after.resources.map((r) => [key(r), r]));
  const same = [...now].flatMap(([k, r]) => {
    const was = old.get(k);
    return was ? [[was, r] as const] : [];
  });
  return {
    added: [...now.keys()].filter((k) => !old.has(k)),
    removed: [...old.keys()].filter((k) => !now.has(k)),
    changed: same.flatMap(([was, is]) =>
      [...new Set([...Object.keys(was.inputs), ...Object.keys(is.inputs)])]
        .filter((p) => JSON.stringify(was.inputs[p]) !== JSON.stringify(is.inputs[p]))
        .map((p) => `${is.name}.${p}: ${JSON.stringify(was.inputs[p])} → ${JSON.stringify(is.inputs[p])}`),
    ),
    options: same
      .filter(
        ([was, is]) => was.protect !== is.protect || was.provider !== is.provider || was.parent !== is.parent,
      )
      .map(([, is]) => is.name),
  };
}

const at = (stack: "prod" | "dr", site: string, epoch: number) =>
  recordStack(stack, { ...BASE_SETTINGS, site, epoch });

const CLAIM = "aws:dynamodb/tableItem:TableItem claim-2";
const FLEET_FROM = (min: number, max: number) => [
  ...(min === 6 ? [] : [`fleet-group.minSize: ${min} → 6`]),
  ...(max === 12 ? [] : [`fleet-group.maxSize: ${max} → 12`]),
];

describe("raising dr's epoch from 0 to 2 adds the claim and changes sizes, nothing else", () => {
  test.each([
    [
      "cold",
      [
        ...[1, 2, 3].flatMap((i) =>
          ["minSize", "maxSize", "desiredCapacity"].map((p) => `database-${i}-group.${p}: 0 → 1`),
        ),
        ...FLEET_FROM(0, 0),
      ],
    ],
    ["warm", FLEET_FROM(2, 12)],
    ["hot", []],
  ])("%s site", async (site, expected) => {
    const [before, after] = [await at("dr", site, 0), await at("dr", site, 2)];
    const { added, removed, changed, options } = differences(before, after);
    expect(added).toEqual([CLAIM]);
    expect(removed).toEqual([]);
    expect(changed.sort()).toEqual(expected.sort());
    expect(options).toEqual([]);
  });
});

test("an override for that epoch is one item more, also after the claim", async () => {
  const asked = { ...BASE_SETTINGS, site: "hot", epoch: 2, fenced: 2, acceptDataLoss: 2 };
  const [standby, claimed, forced] = [
    await at("dr", "hot", 0),
    await at("dr", "hot", 2),
    await recordStack("dr", asked),
  ];
  const overrides = ["fenced-2", "accept-data-loss-2"].map(
    (name) => `aws:dynamodb/tableItem:TableItem ${name}`,
  );
  const only = (added: readonly string[]) => ({ added, removed: [], changed: [], options: [] });
  expect(differences(standby, forced)).toEqual(only([CLAIM, ...overrides]));
  expect(differences(claimed, forced)).toEqual(only(overrides));
});

test("an override that is left over goes with the old claim, and stays in the table", async () => {
  const before = await recordStack("dr", { ...BASE_SETTINGS, epoch: 2, fenced: 2 });
  const after = await recordStack("dr", { ...BASE_SETTINGS, epoch: 4, fenced: 2 });
  const { added, removed } = differences(before, after);
  expect(added).toEqual(["aws:dynamodb/tableItem:TableItem claim-4"]);
  expect(removed.map((one) => one.split(" ")[1])).toEqual(["claim-2", "fenced-2"]);
  expect(before.one("fenced-2").retainOnDelete).toBe(true);
});

test("prod is promoted the same way, back from dr", async () => {
  const yielded = { ...BASE_SETTINGS, site: "warm", epoch: 1, yieldedTo: 2 };
  const [before, after] = [
    await recordStack("prod", yielded),
    await recordStack("prod", { ...yielded, epoch: 3 }),
  ];
  const { added, removed, changed } = differences(before, after);
  expect(added).toEqual(["aws:dynamodb/tableItem:TableItem claim-3"]);
  // The old claim leaves the program but, kept on delete, not the table.
  expect(removed).toEqual(["aws:dynamodb/tableItem:TableItem claim-1"]);
  expect(before.one("claim-1").retainOnDelete).toBe(true);
  expect(changed).toEqual(["fleet-group.minSize: 2 → 6"]);
});

describe.each([
  ["prod", 1],
  ["dr", 2],
] as const)("a promotion of %s stays within its region", (stack, epoch) => {
  const region = stack === "prod" ? "eu-west-1" : "eu-central-1";

  test("every resource and every call goes through the provider of that region", async () => {
    const recording = await at(stack, "warm", epoch);
    for (const r of recording.resources.filter((r) => r.custom && r.type.startsWith("aws:")))
      expect(r.region, key(r)).toBe(region);
    for (const call of recording.calls) expect(call.provider, call.token).toBe(`aws-${region}`);
  });

  test("it makes no IAM resource and exactly one record, its own name", async () => {
    const recording = await at(stack, "warm", epoch);
    expect(recording.resources.filter((r) => r.type.startsWith("aws:iam/"))).toEqual([]);
    expect(recording.resources.filter((r) => r.type.startsWith("aws:route53/")).map((r) => r.name)).toEqual([
      "fleet-name",
    ]);
  });
});

test("outputs say who a region is", async () => {
  const { outputs } = await at("dr", "cold", 0);
  expect(outputs).toEqual({
    hostname: "eu-central-1.app.example.com",
    loadBalancerDnsName: "fleet-alb.elb.amazonaws.com",
    vpcId: "network-vpc-id",
    databaseAddresses: ["10.20.200.10", "10.20.201.10", "10.20.202.10"],
    readReplicaAddresses: [],
    application: expect.stringMatching(/^s3:\/\/drs-artifacts-123456789012-eu-central-1\/.+\.war$/),
    role: "standby",
    site: "cold",
    epoch: 0,
  });
  expect((await at("dr", "cold", 2)).outputs).toMatchObject({ role: "active", epoch: 2 });
});
