/**
 * Puts the watch's patterns and recorded calls to Event Ruler, AWS's own matcher, and writes its answers to
 * tests/fixtures/event-ruler.json. The tests hold their matcher to them; no test needs Java.
 *
 *     npx tsx tests/support/event-ruler/record.ts <folder with the jars of event-ruler and jackson>
 *
 * Maven has the jars: software.amazon.event.ruler:event-ruler:2.1.0 and what it depends on.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { matches } from "../event-pattern.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, recordStack } from "../recorder.js";
import {
  CALLERS,
  type Caller,
  type Ids,
  neverCalls,
  neverCallsAtTheWatch,
  neverCallsGlobally,
  quietCalls,
  recorded,
  settingsOfGlobal,
  settingsOfTheWatch,
} from "../watched-events.js";

/** Of each pattern so many records that match and that don't: the rest is alike. */
const OF_EACH = 3;

const folder = process.argv[2];
if (!folder) throw new Error("name the folder with the jars");

const cases: { pattern: unknown; events: { event: unknown }[] }[] = [];
for (const stack of ["prod", "global"] as const) {
  const recording = await recordStack(stack, {
    ...BASE_SETTINGS,
    pipeline: { repository: "acme/dr", repositoryId: 456789 },
  });
  const targets = recording.ofType("aws:cloudwatch/eventTarget:EventTarget");
  const ids: Ids = {
    vault: `drs-vault-${ACCOUNT_ID}-eu-west-1`,
    audit: `drs-audit-${ACCOUNT_ID}-eu-west-1`,
    key:
      stack === "prod" ? HANDOFF.backupsKeyArn : `arn:aws:kms:here:${ACCOUNT_ID}:keys-health-notifications`,
    pageTopic: targets.find(({ inputs }) => inputs.targetId === "page")?.inputs.arn,
    region: stack === "prod" ? "eu-west-1" : "us-east-1",
    rule: stack === "prod" ? "drs-eu-west-1-watch-buckets" : "drs-watch-roles",
    alarm: stack === "prod" ? "drs-eu-west-1-no-leader" : "drs-no-region-active",
  };
  const calls = [
    ...(stack === "prod" ? neverCalls(ids) : neverCallsGlobally(ids)),
    ...neverCallsAtTheWatch(ids),
    ...settingsOfTheWatch(ids),
    ...settingsOfGlobal(ids),
    ...quietCalls(ids).map(([call]) => call),
  ];
  const events = calls.flatMap((call) =>
    (Object.keys(CALLERS) as Caller[]).map((caller) => recorded(call, caller)),
  );
  for (const { inputs } of recording.ofType("aws:cloudwatch/eventRule:EventRule")) {
    const pattern = JSON.parse(inputs.eventPattern);
    if (!pattern.detail?.eventSource) continue;
    const near = events.filter(({ detail }) => pattern.detail.eventSource.includes(detail.eventSource));
    const spread = (all: unknown[]) =>
      all.filter((_, i) => i % Math.max(1, Math.floor(all.length / OF_EACH)) === 0).slice(0, OF_EACH);
    const chosen = [
      ...spread(near.filter((event) => matches(pattern, event))),
      ...spread(near.filter((event) => !matches(pattern, event))),
    ];
    cases.push({ pattern, events: chosen.map((event) => ({ event })) });
  }
}
const asked = join(mkdtempSync(join(tmpdir(), "event-ruler-")), "cases.json");
writeFileSync(asked, JSON.stringify({ cases }));
const jars = readdirSync(folder).filter((name) => name.endsWith(".jar"));
const said = execFileSync(
  "java",
  ["-cp", jars.map((jar) => join(folder, jar)).join(":"), `${import.meta.dirname}/Judge.java`, asked],
  {
    maxBuffer: 1 << 26,
  },
);
writeFileSync("tests/fixtures/event-ruler.json", said);
