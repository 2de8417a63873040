import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { matches } from "../support/event-pattern.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, type Recording, recordStack } from "../support/recorder.js";
import {
  type Call,
  type Caller,
  type Ids,
  neverCalls,
  neverCallsAtTheWatch,
  neverCallsGlobally,
  quietCalls,
  recorded,
  settingsOfGlobal,
  settingsOfTheWatch,
} from "../support/watched-events.js";

const PIPELINE = { pipeline: { repository: "acme/dr", repositoryId: 456789 } };
const RULE = "aws:cloudwatch/eventRule:EventRule";
const TARGET = "aws:cloudwatch/eventTarget:EventTarget";

interface Rule {
  readonly name: string;
  readonly pattern: unknown;
}

const PLACES = ["prod", "dr", "global"] as const;
type Place = (typeof PLACES)[number];
const recordings = {} as Record<Place, Recording>;
const rules = {} as Record<Place, Rule[]>;
const ids = {} as Record<Place, Ids>;

const rulesOf = (recording: Recording): Rule[] =>
  recording
    .ofType(RULE)
    .filter(({ parent }) => parent === "watch")
    .map(({ inputs }) => ({ name: inputs.name, pattern: JSON.parse(inputs.eventPattern) }));

/** The topics as the rules' targets name them. */
const topic = (recording: Recording, id: string): string =>
  recording.ofType(TARGET).find(({ inputs }) => inputs.targetId === id)?.inputs.arn;

beforeAll(async () => {
  for (const place of PLACES) {
    recordings[place] = await recordStack(place, { ...BASE_SETTINGS, ...PIPELINE });
    rules[place] = rulesOf(recordings[place]);
    const region = { prod: "eu-west-1", dr: "eu-central-1", global: "us-east-1" }[place];
    const name = place === "global" ? "drs" : `drs-${region}`;
    ids[place] = {
      vault: `drs-vault-${ACCOUNT_ID}-${region}`,
      audit: place === "prod" ? `drs-audit-${ACCOUNT_ID}-${region}` : `drs-vault-${ACCOUNT_ID}-${region}`,
      key:
        place === "global"
          ? `arn:aws:kms:here:${ACCOUNT_ID}:keys-health-notifications`
          : HANDOFF.backupsKeyArn,
      pageTopic: topic(recordings[place], "page"),
      region,
      rule: `${name}-watch-buckets`,
      alarm: `${name}-no-leader`,
    };
  }
}, 300_000);

/** Who hears of a call: the severities of the rules that match. */
const hear = (place: Place, call: Call, caller: Caller, more?: Record<string, unknown>): string[] => [
  ...new Set(
    rules[place]
      .filter(
        ({ name, pattern }) => !name.endsWith("-canary") && matches(pattern, recorded(call, caller, more)),
      )
      .map(({ name }) => (/-watch-/.test(name) ? "page" : "notify")),
  ),
];
const what = ({ service, eventName, requestParameters }: Call) =>
  `${service} ${eventName} ${JSON.stringify(requestParameters)}`;

describe.each(PLACES)("in the region of stack %s", (place) => {
  const deployer = place === "dr" ? "administrator" : place;

  test("what no deployment does pages, tried or done, for every caller: the pipeline's roles too", () => {
    const calls = [
      ...(place === "global" ? neverCallsGlobally(ids[place]) : neverCalls(ids[place])),
      ...neverCallsAtTheWatch(ids[place]),
    ].filter(({ service }) => place !== "dr" || service !== "cloudtrail");
    expect(calls.length).toBeGreaterThan(30);
    for (const call of calls)
      for (const caller of ["administrator", "root", "node", "global", "prod"] as const) {
        expect(hear(place, call, caller), `${what(call)} by ${caller}`).toContain("page");
        expect(hear(place, call, caller, { errorCode: "AccessDenied" }), what(call)).toContain("page");
      }
  });

  test("a change of the watch's settings pages, and notifies where its own deployment makes it", () => {
    for (const call of settingsOfTheWatch(ids[place])) {
      expect(hear(place, call, "node"), what(call)).toEqual(["page"]);
      expect(hear(place, call, "root"), what(call)).toEqual(["page"]);
      if (deployer !== "administrator") expect(hear(place, call, deployer), what(call)).toEqual(["notify"]);
      if (place !== "global") expect(hear(place, call, "global"), what(call)).toEqual(["page"]);
    }
  });

  test("daily work and others' things are quiet", () => {
    for (const [call, caller] of quietCalls(ids[place]))
      expect(hear(place, call, caller), what(call)).toEqual([]);
  });
});

test.each(["prod", "dr"] as const)(
  "what a deployment of global changes in %s notifies, and pages for others",
  (place) => {
    for (const call of settingsOfGlobal(ids[place])) {
      expect(hear(place, call, "global"), what(call)).toEqual(["notify"]);
      expect(hear(place, call, "prod"), what(call)).toEqual(["page"]);
      expect(hear(place, call, "root"), what(call)).toEqual(["page"]);
    }
  },
);

test("deletes in a batch page, but by the nodes whose pgBackRest expires there", () => {
  for (const [place, node, other] of [
    ["prod", "eu-west-1", "eu-central-1"],
    ["dr", "eu-central-1", "eu-west-1"],
  ] as const) {
    const call = {
      service: "s3",
      eventName: "DeleteObjects",
      requestParameters: { bucketName: ids[place].vault, delete: "" },
    };
    for (const caller of ["vault-operator", "administrator", "root", "global"] as const)
      expect(hear(place, call, caller), caller).toEqual(["page"]);
    const by = (region: string) =>
      hear(place, call, "node", {
        userIdentity: {
          sessionContext: {
            sessionIssuer: { arn: `arn:aws:iam::${ACCOUNT_ID}:role/drs-${region}-database` },
          },
        },
      });
    expect(by(node)).toEqual([]);
    expect(by(other)).toEqual(["page"]);
  }
});

test("what a deployment of global changes at roles notifies, and pages for others", () => {
  for (const eventName of ["PutRolePolicy", "DeleteRolePolicy"]) {
    const call = { service: "iam", eventName, requestParameters: { roleName: "drs-eu-west-1-database" } };
    expect(hear("global", call, "global")).toEqual(["notify"]);
    expect(hear("global", call, "administrator")).toEqual(["page"]);
  }
});

test("without a pipeline people deploy, and each change pages", async () => {
  const names = rulesOf(await recordStack("prod")).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !name.startsWith("drs-eu-west-1-watch-"))).toEqual([]);
}, 300_000);

test("an event that a program sends can't pass for a record of CloudTrail", () => {
  const call: Call = {
    service: "s3",
    eventName: "DeleteBucket",
    requestParameters: { bucketName: ids.prod.vault },
  };
  const forged = { ...recorded(call, "root"), source: "s3.by-hand" };
  expect(rules.prod.filter(({ pattern }) => matches(pattern, forged))).toEqual([]);
});

test("EventBridge takes each pattern: at most 2,048 characters", () => {
  for (const place of PLACES)
    for (const { name, pattern } of rules[place])
      expect(JSON.stringify(pattern).length, name).toBeLessThanOrEqual(2048);
});

test("the matcher of these tests answers as AWS's own did", () => {
  const { cases } = JSON.parse(readFileSync("tests/fixtures/event-ruler.json", "utf8"));
  expect(cases.length).toBeGreaterThan(40);
  for (const { pattern, events } of cases)
    for (const { event, matched } of events)
      expect(matches(pattern, event), JSON.stringify({ pattern, event })).toBe(matched);
});

describe("each rule", () => {
  test("pages both topics, in words that name the caller and the runbook; a deployment's goes to notify alone", () => {
    for (const place of PLACES) {
      const targets = recordings[place].ofType(TARGET).filter(({ parent }) => parent === "watch");
      for (const { name } of rules[place].filter(({ name }) => !name.endsWith("-canary"))) {
        const own = targets.filter(({ inputs }) => inputs.rule === name);
        expect(
          own.map(({ inputs }) => inputs.targetId),
          name,
        ).toEqual(name.includes("-watch-") ? ["page", "notify"] : ["notify"]);
        for (const { inputs } of own) {
          expect(inputs.arn).toContain(`topics-${inputs.targetId}`);
          const text = JSON.parse(inputs.inputTransformer.inputTemplate);
          expect(text).toMatch(/<call> .* by <who> from <from>\. Runbook: runbooks\/[a-z-]+\.md$/);
          for (const [, variable] of text.matchAll(/<(\w+)>/g))
            expect(inputs.inputTransformer.inputPaths).toHaveProperty(variable);
        }
      }
    }
  });

  test("may publish to its topics", () => {
    for (const place of PLACES) {
      const policies = recordings[place].ofType("aws:sns/topicPolicy:TopicPolicy");
      const allowed = (topicId: string): string[] =>
        policies
          .filter(({ name }) => name.endsWith(`topics-${topicId}`))
          .flatMap(({ inputs }) => JSON.parse(inputs.policy).Statement)
          .filter(({ Principal }) => Principal.Service === "events.amazonaws.com")
          .flatMap(({ Condition }) => Condition.ArnLike["aws:SourceArn"]);
      for (const { name } of rules[place]) {
        const arn = `arn:aws:events:${ids[place].region}:${ACCOUNT_ID}:rule/${name}`;
        const admits = (each: string) => arn.startsWith(each.replace(/\*$/, ""));
        expect(allowed("notify").some(admits), name).toBe(true);
        expect(allowed("page").some(admits), name).toBe(name.includes("-watch-"));
      }
    }
  });

  test("that pages tells the other account too, where there is one", async () => {
    const copied = { accountId: ACCOUNT_ID, backup: { copyTo: { accountId: "210987654321" } } };
    for (const place of ["dr", "global"] as const) {
      const recording = await recordStack(place, { ...BASE_SETTINGS, ...PIPELINE, ...copied });
      // The decoy's rule, too.
      const pages = recording
        .ofType(RULE)
        .map(({ inputs }) => inputs)
        .filter(({ name }) => name.includes("-watch-"));
      const told = recording.ofType(TARGET).filter(({ inputs }) => inputs.targetId === "copy");
      expect(told.map(({ inputs }) => inputs.rule).sort()).toEqual(pages.map(({ name }) => name).sort());
      for (const { inputs } of told)
        expect(inputs).toMatchObject({
          arn: "arn:aws:events:eu-west-3:210987654321:event-bus/drs-watch",
          roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/drs-watch-bus`,
        });
    }
  }, 300_000);
});

describe("the canary", () => {
  test.each(PLACES)("of %s tags its own rule each hour, and an alarm misses it", (place) => {
    const recording = recordings[place];
    const schedule = recording.one("watch-canary", "aws:scheduler/schedule:Schedule").inputs;
    const rule = recording.one("watch-canary", RULE).inputs;
    const input = JSON.parse(schedule.target.input);
    expect(input.ResourceARN).toBe(`arn:aws:events:${ids[place].region}:${ACCOUNT_ID}:rule/${rule.name}`);
    expect(input.Tags).toEqual([{ Key: "project", Value: "drs" }]);
    const alarm = recording.one("watch-silent").inputs;
    expect(alarm).toMatchObject({
      metricName: "MatchedEvents",
      dimensions: { RuleName: rule.name },
      treatMissingData: "breaching",
    });
    expect(alarm.alarmActions).toHaveLength(2);
  });

  test("is seen as a recorded call by its role, and no other call or event stands for it", () => {
    const pattern = rules.prod.find(({ name }) => name.endsWith("-watch-canary"))?.pattern;
    const call: Call = {
      service: "events",
      eventName: "TagResource",
      requestParameters: { resourceARN: "a" },
    };
    const by = (arn: string) => {
      const event = recorded(call, "administrator");
      return {
        ...event,
        detail: { ...event.detail, userIdentity: { sessionContext: { sessionIssuer: { arn } } } },
      };
    };
    const canary = by(`arn:aws:iam::${ACCOUNT_ID}:role/drs-watch-canary`);
    expect(matches(pattern, canary)).toBe(true);
    expect(matches(pattern, by(`arn:aws:iam::${ACCOUNT_ID}:role/Administrator`))).toBe(false);
    expect(matches(pattern, { ...canary, source: "by.hand" })).toBe(false);
  });
});
