/** Drills that move the business run steps of the runbook that they name, under its names for them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { REGION_DRILLS } from "../../../lab/drills/catalogue.js";
import type { RegionDrill } from "../../../lab/drills/drill.js";
import type { RegionScene } from "../../../lab/drills/region/stage/region-scene.js";

/** A drill goes from the loss of a region to its return, whichever of the two it is about. */
const LOST_AND_BACK = ["unplanned-region-failover.md", "region-returns.md"];
/** The drill's own: it lets the fault last, and no operator acts. */
const STAGED = "Confine";

/** Every call and every property returns the same object; it iterates over nothing. */
const anything: unknown = new Proxy(() => {}, {
  get: (_, key) =>
    key === "then" ? undefined : key === Symbol.toPrimitive ? () => "something" : (anything as object),
  apply: () => anything,
});

/** Titles of a drill's steps and faults, none of which is carried out. */
async function titlesOf(drill: RegionDrill): Promise<string[]> {
  const titles: string[] = [];
  const record = async (title: string) => {
    titles.push(title);
    return anything;
  };
  const own: Readonly<Record<string | symbol, unknown>> = { step: record, fault: record };
  const scene = new Proxy({}, { get: (_, key) => own[key] ?? anything });
  await drill.run(scene as RegionScene);
  return titles;
}

const wordOf = (title: string): string | undefined => /^([A-Z][a-z ]*): /.exec(title)?.[1];

/** Its numbered steps by their bold names, and its sections. */
function stepsOf(runbook: string): string[] {
  const text = readFileSync(`runbooks/${runbook}`, "utf8");
  return [...text.matchAll(/^(?:\d+\. \*\*([^*]+?)[.:,]?\*\*|## (\w+))/gm)].map(
    ([, step, section]) => (step ?? section) as string,
  );
}

const scripts = await Promise.all(
  REGION_DRILLS.map(async (drill) => {
    const words = (await titlesOf(drill)).flatMap((title) => wordOf(title) ?? []);
    return { name: drill.name, runbook: drill.runbook, words };
  }),
);
const moves = scripts.filter(({ words }) => words.includes("Promote"));

describe.each(moves)("$name", ({ runbook, words }) => {
  test(`its steps are those of ${runbook}`, () => {
    const runbooks = LOST_AND_BACK.includes(runbook) ? LOST_AND_BACK : [runbook];
    const steps = new Set([...runbooks.flatMap(stepsOf), STAGED]);
    expect(words.filter((word) => !steps.has(word))).toEqual([]);
  });
});

test("the other drills have no step of a promotion: they only end the fault", () => {
  expect(moves.length).toBeGreaterThan(0);
  for (const { name, words } of scripts.filter((script) => !moves.includes(script)))
    expect(["Verify", "Rejoin", "Recover", STAGED], name).toEqual(expect.arrayContaining(words));
});

test.each(["planned-region-switchover.md", ...LOST_AND_BACK])("%s is rehearsed", (runbook) => {
  expect(moves.map((move) => move.runbook)).toContain(runbook);
});
