import { describe, expect, test } from "vitest";
import { SettingsError } from "../../common/errors.js";
import {
  parseRegionSettings,
  parseSettings,
  parseSharedSettings,
  type RawSettings,
} from "../../settings/parse.js";
import type { StackName } from "../../settings/stacks.js";
import { BASE_SETTINGS } from "../support/recorder.js";

function problemsOf(raw: RawSettings, stack: StackName = "prod") {
  try {
    parseSettings(stack, raw);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems;
  }
}

const with_ = (changes: RawSettings): RawSettings => ({ ...BASE_SETTINGS, ...changes });

describe("a valid stack", () => {
  test("gets every default", () => {
    const settings = parseRegionSettings("prod", BASE_SETTINGS);
    expect(settings).toMatchObject({
      name: "drs",
      epoch: 0,
      site: "warm",
      database: { voters: 3 },
      promotion: { leaseSeconds: 15, marginSeconds: 5 },
      backup: { lockDays: 30, retentionDays: 35 },
    });
  });

  test("may have a volume at the limits of gp3", () => {
    const database = { volumeGib: 160, volumeIops: 80_000, volumeThroughputMibps: 2000 };
    expect(problemsOf(with_({ database }))).toEqual([]);
  });

  test("is frozen to the bottom", () => {
    const settings = parseSharedSettings("global", BASE_SETTINGS);
    expect(() => {
      (settings.database as { voters: number }).voters = 5;
    }).toThrow(TypeError);
  });
});

describe("one bad setting", () => {
  test.each<[string, RawSettings, string, RegExp, RegExp]>([
    ["an unknown key", { epochs: 1 }, "epochs", /not a setting/, /did you mean epoch\?/],
    [
      "an unknown nested key",
      { database: { votes: 3 } },
      "database.votes",
      /not a setting/,
      /did you mean voters\?/,
    ],
    ["a number out of bounds", { backup: { lockDays: 0 } }, "backup.lockDays", /below 1/, /at least 1/],
    [
      "a word for a number",
      { database: { volumeGib: "big" } },
      "database.volumeGib",
      /must be of type/,
      /number|int/,
    ],
    [
      "a region that has no strongly consistent tables",
      { regions: { home: "sa-east-1", recovery: "eu-central-1", witness: "eu-west-3" } },
      "regions.home",
      /not one of the values/,
      /eu-west-1/,
    ],
    ["a missing domain", { domain: undefined }, "domain", /required/, /set it/],
    ["an even number of voters", { database: { voters: 4 } }, "database.voters", /even number/, /3 .* or 5/],
    ["one voter", { database: { voters: 1 } }, "database.voters", /3 or 5/, /3 .* or 5/],
    [
      "more IOPS than the volume's size gives",
      { database: { volumeGib: 20, volumeIops: 12_000 } },
      "database.volumeIops",
      /500 IOPS per GiB/,
      /at most 10000, or volumeGib to at least 24/,
    ],
    [
      "more throughput than the volume's IOPS give",
      { database: { volumeThroughputMibps: 1000 } },
      "database.volumeThroughputMibps",
      /0\.25 MiB\/s per IOPS/,
      /at most 750, or volumeIops to at least 4000/,
    ],
    [
      "a prefix that AWS keeps for itself",
      { name: "awsdr" },
      "name",
      /not begin with aws/,
      /docs\/settings\.md/,
    ],
    [
      "a tag that the program's policies rely on",
      { tags: { project: "mine" } },
      "tags.project",
      /program sets itself/,
      /another name/,
    ],
    [
      "more tags than an object in S3 takes",
      { tags: Object.fromEntries([..."abcdefghi"].map((name) => [name, "x"])) },
      "tags",
      /more than 8/,
      /keep 8/,
    ],
    ["a tag's value that AWS refuses", { tags: { team: "a&b" } }, "tags.team", /\S/, /docs\/settings\.md/],
    [
      "overlapping networks",
      { network: { recoveryCidr: "10.10.0.0/16" } },
      "network.recoveryCidr",
      /overlaps/,
      /its own \/16/,
    ],
    [
      "retention below the lock",
      { backup: { lockDays: 40 } },
      "backup.retentionDays",
      /below backup\.lockDays \(40\)/,
      /at least 40/,
    ],
    [
      "audit retention below its lock",
      { audit: { retentionDays: 10 } },
      "audit.retentionDays",
      /below audit\.lockDays/,
      /365/,
    ],
    [
      "restore tests that overlap",
      { restoreTest: { everyHours: 2 } },
      "restoreTest.maxSeconds",
      /not below restoreTest\.everyHours \(2 h\)/,
      /less than 7200/,
    ],
    [
      "an RPO below the archive timeout",
      { backup: { archiveTimeoutSeconds: 600 } },
      "objectives.rpoSeconds",
      /archiveTimeoutSeconds \(600\)/,
      /600/,
    ],
    [
      "a margin too small",
      { promotion: { marginSeconds: 3 } },
      "promotion.marginSeconds",
      /two regions could be writable/,
      /at least 4/,
    ],
    [
      "a margin that a replica's port outlives",
      { failover: { leaderLeaseSeconds: 4 }, objectives: { nodeRtoSeconds: 60 } },
      "promotion.marginSeconds",
      /failover\.leaderLeaseSeconds \(4\).* two regions could be writable/,
      /at least 6/,
    ],
    [
      "a lease of three reads, with none to spare",
      { promotion: { leaseSeconds: 6, readIntervalSeconds: 2 } },
      "promotion.leaseSeconds",
      /three reads/,
      /at least 7/,
    ],
    [
      "a witness in another region set",
      { regions: { home: "eu-west-1", recovery: "eu-central-1", witness: "us-east-2" } },
      "regions.witness",
      /outside the set/,
      /eu-west-3/,
    ],
    [
      "the same region twice",
      { regions: { home: "eu-west-1", recovery: "eu-west-1", witness: "eu-west-3" } },
      "regions.recovery",
      /also regions\.home/,
      /three different/,
    ],
    ["a full size below the minimum", { fleet: { minSize: 8 } }, "fleet.fullSize", /shrink/, /at least 8/],
    [
      "no contact to page",
      { contacts: [{ severity: "notify", protocol: "email", endpoint: "a@example.com" }] },
      "contacts",
      /page no operator/,
      /severity: page/,
    ],
    [
      "an endpoint of another protocol",
      { contacts: [{ severity: "page", protocol: "https", endpoint: "a@example.com" }] },
      "contacts.0.endpoint",
      /not an address for protocol https/,
      /https:/,
    ],
    [
      "images to build without a way to the mirrors",
      { images: { build: true }, network: { egress: "endpoints" } },
      "images.build",
      /Debian's packages and PyPI/,
      /nat/,
    ],
    ["an even epoch at home", { epoch: 2 }, "epoch", /odd/, /use 3/],
    [
      "a yield to its own epoch",
      { yieldedTo: 3 },
      "yieldedTo",
      /other region's epochs are even/,
      /other region/,
    ],
    ["an assertion for an epoch to come", { epoch: 1, fenced: 3 }, "fenced", /above .* \(1\)/, /epoch to 3/],
    [
      "a loss accepted before anything is claimed",
      { acceptDataLoss: 1 },
      "acceptDataLoss",
      /above .* \(0\)/,
      /pulumi config rm acceptDataLoss --stack prod/,
    ],
    [
      "an assertion for the other region's epoch",
      { epoch: 3, fenced: 2 },
      "fenced",
      /other region/,
      /epoch is 3/,
    ],
  ])("%s", (_, changes, key, reason, remedy) => {
    const problems = problemsOf(with_(changes));
    expect(problems.map((p) => p.key)).toEqual([key]);
    expect(problems[0]?.reason).toMatch(reason);
    expect(problems[0]?.remedy).toMatch(remedy);
  });

  test("the recovery region's epochs are even", () => {
    expect(problemsOf(with_({ epoch: 1 }), "dr").map((p) => p.key)).toEqual(["epoch"]);
    expect(problemsOf(with_({ epoch: 2 }), "dr")).toEqual([]);
  });

  test.each(["fenced", "acceptDataLoss"])(
    "%s names the epoch that it is for, and may be left over",
    (key) => {
      expect(problemsOf(with_({ epoch: 4, [key]: 4 }), "dr")).toEqual([]);
      expect(problemsOf(with_({ epoch: 4, [key]: 2 }), "dr")).toEqual([]);
      expect(problemsOf(with_({ epoch: 4, [key]: 6 }), "dr").map((p) => p.key)).toEqual([key]);
      expect(parseRegionSettings("dr", BASE_SETTINGS)).toHaveProperty(key, 0);
    },
  );

  test("global takes no key of a region", () => {
    expect(problemsOf(with_({ epoch: 1, fenced: 1 }), "global").map((p) => p.key)).toEqual([
      "epoch",
      "fenced",
    ]);
  });
});

test("many bad settings are reported at once, cross-checks included", () => {
  const problems = problemsOf(
    with_({
      database: { voters: 4, volumeGib: 1 },
      promotion: { marginSeconds: 3 },
      epoch: 2,
      colour: "red",
    }),
  );
  expect(problems.map((p) => p.key).toSorted()).toEqual([
    "colour",
    "database.volumeGib",
    "database.voters",
    "epoch",
    "promotion.marginSeconds",
  ]);
});

test("a required key that is missing hides nothing else", () => {
  const { domain: _, ...rest } = BASE_SETTINGS;
  const problems = problemsOf({ ...rest, regions: { home: "nowhere" }, database: { voters: 4 } });
  expect(problems.map((p) => p.key).toSorted()).toEqual([
    "database.voters",
    "domain",
    "regions.home",
    "regions.recovery",
    "regions.witness",
  ]);
});

test("the message has thing, value, reason and remedy of each, and no stack", () => {
  let message = "";
  try {
    parseRegionSettings("prod", with_({ database: { voters: 4 }, epoch: 2 }));
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatchInlineSnapshot(`
    "stack 'prod' has 2 bad settings:
      database.voters = 4
        an even number tolerates no more failures than one node less, and can split in half
        → set 3 (one zone may fail) or 5 (two nodes may fail)
      epoch = 2
        epochs of stack prod are odd, so that two regions never claim the same one
        → use 3"
  `);
});
