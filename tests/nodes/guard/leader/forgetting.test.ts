import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import { initialState, type State, type View } from "../../../../nodes/guard/leader/leader-facts.js";
import { keysOf, viewOf } from "../../../../nodes/guard/leader/leader-keys.js";
import { patroniRuns } from "../../../../nodes/guard/shared/processes.js";
import { config, key as keyOf, view } from "./situation.js";

const b = config({ node: "b" });
const key = (value: string, create = "5", mod = create) => keyOf(value, { create, mod });
const seen = (at: number, changes: Partial<View> = {}): View =>
  view({
    startedAt: at - 2,
    endedAt: at,
    leader: key("a"),
    heartbeat: undefined,
    sync: key("{}", "3", "6"),
    forgetMillis: 9500,
    ...changes,
  });
/** The kinds of what is done after views at those times. */
function seeing(views: readonly View[], state: State = initialState(0)): { kinds: string[]; state: State } {
  let kinds: string[] = [];
  let now = state;
  for (const one of views) {
    const step = decide(b, now, { kind: "view", view: one }, one.endedAt);
    now = step.state;
    kinds = step.actions.map(({ kind }) => kind);
  }
  return { kinds, state: now };
}

describe("Patroni is shut out of etcd", () => {
  test.each<[string, Partial<View>]>([
    ["another leads", { leader: key("c", "9") }],
    ["the same leads, in another term", { leader: key("a", "9") }],
    ["no node leads", { leader: undefined }],
    ["other standbys count", { sync: key("{}", "3", "8") }],
  ])("when, after a time without views, %s", (_, changes) => {
    const { kinds, state } = seeing([seen(1000), seen(4000, changes)]);
    expect(kinds).toContain("shut-out");
    expect(kinds).not.toContain("admit");
    expect(seeing([seen(13_400, changes)], state).kinds).not.toContain("admit");
    expect(seeing([seen(13_400, changes), seen(13_600, changes)], state).kinds).toContain("admit");
  });

  test("when a takeover from here is seen", () => {
    const beat = { node: "b", state: "taken", term: "4", timeline: 1, system: "1", session: "7" } as const;
    const { kinds } = seeing([seen(1000), seen(1100, { leader: undefined, heartbeat: { beat, mod: "9" } })]);
    expect(kinds).toContain("shut-out");
  });

  test("when it ran before this guard did", () => {
    expect(seeing([seen(1000)], initialState(0, true)).kinds).toContain("shut-out");
    expect(seeing([seen(1000)], initialState(0, false)).kinds).toContain("admit");
  });

  test("for longer where the kernel can't end its connections", () => {
    const { state } = seeing([seen(1000), seen(4000, { leader: undefined })]);
    const failed = decide(b, state, { kind: "shut-out-failed" }, 4010);
    expect(failed.actions).toEqual([]);
    expect(failed.state.forgetUntil).toBe(state.forgetUntil + 20_000);
  });
});

test("without the leader lease Patroni is neither shut out nor admitted: nothing keeps it from etcd", () => {
  const off = config({ node: "b", enabled: false });
  const first = decide(off, initialState(0, true), { kind: "view", view: seen(1000) }, 1000);
  const second = decide(off, first.state, { kind: "view", view: seen(9000, { leader: undefined }) }, 9000);
  for (const { kind } of [...first.actions, ...second.actions]) expect(kind).not.toMatch(/shut-out|admit/);
});

test.each<[string, View[]]>([
  ["nothing has changed meanwhile", [seen(1000), seen(9000)]],
  [
    "changes were seen as they came",
    [seen(1000), seen(1100, { leader: undefined }), seen(1200, { leader: key("c", "9") })],
  ],
  [
    "this node still leads",
    [seen(1000, { leader: key("b") }), seen(9000, { leader: key("b"), sync: key("{}", "3", "8") })],
  ],
])("Patroni is not shut out when %s", (_, views) => {
  expect(seeing(views).kinds).not.toContain("shut-out");
});

test("how long it takes to forget follows Patroni's configuration, and is long when that can't be read", () => {
  const keys = keysOf({ namespace: "/s/", scope: "x" });
  const millis = (value: string) => {
    const kv = { key: keys.config, value, create_revision: "1", mod_revision: "1", lease: "0" };
    return viewOf(keys, [[kv], []], { startedAt: 0, endedAt: 1 }).forgetMillis;
  };
  expect(millis('{"retry_timeout": 4}')).toBe(9500);
  expect(millis('{"retry_timeout": "6"}')).toBe(11_500);
  for (const value of ["", "{", "null", "{}", '{"retry_timeout": null}'])
    expect(millis(value), value).toBe(15_500);
});

test("a Patroni is found among the processes, by its script", () => {
  const proc = mkdtempSync(join(tmpdir(), "proc-"));
  const runs = (pid: string, ...words: string[]) => {
    mkdirSync(join(proc, pid));
    writeFileSync(join(proc, pid, "cmdline"), `${words.join("\0")}\0`);
  };
  runs("10", "/usr/bin/vim", "notes", "/opt/patroni/bin/patroni");
  mkdirSync(join(proc, "11"));
  mkdirSync(join(proc, "sys"));
  expect(patroniRuns(proc)).toBe(false);
  runs("12", "/opt/patroni/bin/python3", "/opt/patroni/bin/patroni", "/etc/dr/patroni.yml");
  expect(patroniRuns(proc)).toBe(true);
});
