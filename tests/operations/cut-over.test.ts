/** A cut-over of the whole cluster, with nodes that are made up: what each step leaves, and the way back from it. */
import { describe, expect, test } from "vitest";
import type { RestoreReport } from "../../nodes/bin/reports.js";
import type { Answer } from "../../operations/promotion/confirm.js";
import { cutOver, finishCutOver, requireCutOver } from "../../operations/restore/cut-over.js";
import type { Output, Remote, RestoreMachines } from "../../operations/restore/machines.js";
import { type CutOverStep, Interrupted, type RestorePorts } from "../../operations/restore/ports.js";
import { runRestore } from "../../operations/restore/run.js";
import { spoken } from "../support/acts.js";
import { CONTRACT, SETTINGS } from "./observations.js";

const VOTERS = CONTRACT.home.databaseNodes.map(({ name }) => name);
const [LEADER, FIRST, SECOND] = VOTERS as [string, string, string];
const STAMP = "20260301T120000Z";
const VALIDATED: RestoreReport = {
  code: 0,
  error: null,
  backup: "20260301-110000F",
  lastCommit: "2026-03-01T11:58:59Z",
  endLsn: "0/5000100",
  timeline: 4,
  seconds: {},
};
const REQUEST = {
  to: "2026-03-01T11:59:00Z",
  region: "home",
  database: "app",
  tables: [],
  all: true,
} as const;

interface Node {
  patroni: boolean;
  data?: "old" | "restored";
  before?: "old";
  restored?: "restored";
  mark?: { stamp: string; step: string };
  prepared?: { stamp: string; state: string; epoch?: number };
  timeline: number;
  free: number;
}

class World {
  readonly nodes = new Map<string, Node>(
    VOTERS.map((name) => [name, { patroni: true, data: "old", timeline: 3, free: 300 }]),
  );
  readonly scripts: string[] = [];
  readonly said: string[] = [];
  cutOver: string | undefined;
  epoch = 5;
  /** Refusals of etcd's that pass. */
  leaderKeyLasts = 0;
  answers: Answer[] = ["yes"];
  /** Called during the question: what others do meanwhile. */
  meanwhile: () => Promise<unknown> = async () => {};
  restoreIsLost = false;
  prepared: object = { timeline: 4, lastCommit: VALIDATED.lastCommit, endLsn: VALIDATED.endLsn };
  /** `<node> <command>` that fails. */
  readonly fails = new Set<string>();
  readonly gone = new Set<string>();
  dieAt: CutOverStep | undefined;
  memberState = "streaming";

  get ports(): RestorePorts {
    const members = async (region: string) =>
      region === "home" ? VOTERS.filter((name) => !this.gone.has(name)).map((name) => this.remote(name)) : [];
    const machines: RestoreMachines = {
      nodes: members,
      members,
      call: async () => this.remote("restore"),
      end: async () => {},
      close() {},
    };
    return {
      machines,
      settings: {
        restoreTest: {
          ...SETTINGS.restoreTest,
          checks: [{ name: "sum", database: "app", sql: "SELECT 7", expect: "7" }],
        },
      },
      contract: CONTRACT,
      confirm: async () => {
        await this.meanwhile();
        return this.answers.shift() ?? "none";
      },
      say: (text) => void this.said.push(text),
      sleep: async () => {},
      date: () => new Date("2026-03-01T12:00:00Z"),
      at: async (step) => {
        if (step === this.dieAt) throw new Interrupted(step);
      },
    };
  }

  async run() {
    const { ports } = this;
    return cutOver(ports, REQUEST, await requireCutOver(ports, "home"), VALIDATED, "");
  }

  finish = (how: "resume" | "undo") => finishCutOver(this.ports, "home", how);
  /** Those that are closed, or have something of a cut-over's. */
  get signs(): string[] {
    return VOTERS.filter((name) => this.node(name).mark ?? this.node(name).prepared);
  }
  node = (name: string) => this.nodes.get(name) as Node;
  /** Who could serve, and what. */
  get serves(): string[] {
    return VOTERS.filter((name) => this.node(name).patroni).map((name) => `${this.node(name).data}`);
  }
  get steps(): string[] {
    return this.scripts.filter((each) => /prepare|discard|close|aside|forget|back|open/.test(each));
  }

  private remote(name: string): Remote {
    return {
      name,
      run: async (what) => {
        const script = spoken(what);
        const [, command = ""] = /(dr-cut-over \w+|guard\.cjs [\w-]+)/.exec(script) ?? [];
        const short = command.replace(/^\S+ /, "");
        this.scripts.push(`${name} ${short}`);
        if (this.fails.has(`${name} ${short}`)) return { exitCode: 1, stdout: "", stderr: `${short} fails` };
        return this.answer(name, short, script);
      },
    };
  }

  private answer(name: string, command: string, script: string): Output {
    const on = (value: unknown) => ({
      exitCode: 0,
      stdout: typeof value === "string" ? value : JSON.stringify(value),
      stderr: "",
    });
    const no = (stderr: string) => ({ exitCode: 1, stdout: "", stderr });
    if (script.includes("tail -n +")) return on("-- ended --\n");
    if (script.includes("--plan")) return on({ ...VALIDATED, bytes: 1 });
    if (script.includes("cat /var/lib/dr/restored.json")) return on(VALIDATED);
    if (/dr-inspect .* 'tables' /.test(script)) return on([]);
    if (/dr-inspect .* 'check' 'SELECT 7'/.test(script)) return on({ answer: "8" });
    if (!this.nodes.has(name)) return on("");
    const node = this.node(name);
    const stamp = /\d{8}T\d{6}Z/.exec(script)?.[0] ?? "";
    const log = { epoch: this.epoch, role: "primary", cutOver: this.cutOver };
    switch (command) {
      case "status": {
        if (script.includes("guard.cjs")) {
          const restored = VOTERS.find(
            (each) => this.node(each).patroni && this.node(each).data === "restored",
          );
          const leads = restored ? name === restored : node.patroni && node.data === "old" && name === LEADER;
          const region = {
            claims: { own: 5, peer: 4 },
            mine: { opened: 5 },
            log: { timeline: node.timeline },
          };
          return on({ active: leads, region });
        }
        return on({
          patroni: node.patroni ? "active" : "inactive",
          data: node.data !== undefined,
          restored: node.restored !== undefined,
          before: node.before ? [STAMP] : [],
          mark: node.mark ?? null,
          prepared: node.prepared ?? null,
        });
      }
      case "room":
        return on({ dataBytes: 100, freeBytes: node.free });
      case "members": {
        const running = VOTERS.filter((each) => this.node(each).patroni);
        return on(
          running.map((each, i) => ({
            name: each,
            role: i ? "replica" : "leader",
            state: i ? this.memberState : "running",
            timeline: 3,
          })),
        );
      }
      case "prepare":
        node.prepared = { stamp, state: "ready", epoch: 5, ...this.prepared };
        node.restored = "restored";
        return on("");
      case "discard":
        if (node.mark) return no("under way");
        if (node.prepared && node.prepared.stamp !== stamp) return no("another's");
        Object.assign(node, { prepared: undefined, restored: undefined });
        return on("");
      case "close":
        if ((this.cutOver ?? "").slice(-16) >= stamp) return no("was undone, or can't be undone any more");
        node.mark ??= { stamp, step: "close" };
        node.patroni = false;
        return on(`${node.timeline}\n`);
      case "aside":
        if (!node.mark) return no("not closed");
        if (script.includes(" restored") && node.prepared?.stamp !== stamp) return no("not prepared");
        if (node.data === "old") Object.assign(node, { before: "old", data: undefined });
        if (node.restored) Object.assign(node, { data: "restored", restored: undefined });
        if (node.prepared && !node.data) return no("is gone");
        node.mark.step = "aside";
        return on("");
      case "back":
        if (this.cutOver === stamp || (this.cutOver ?? "").slice(-16) > stamp)
          return no("can't be undone any more");
        this.cutOver = `undone ${stamp}`;
        if (!node.mark) {
          node.patroni = true;
          return on("");
        }
        if (node.before) {
          if (node.data === "restored") node.restored = "restored";
          Object.assign(node, { data: "old", before: undefined });
        }
        Object.assign(node, { mark: undefined, patroni: true });
        return on("");
      case "open":
        if (node.mark && this.cutOver !== stamp) return no("not forgotten");
        if (node.mark && node.data === "old") Object.assign(node, { before: "old", data: undefined });
        Object.assign(node, { mark: undefined, prepared: undefined, patroni: true });
        if (!this.restoreIsLost) node.data ??= "restored";
        return on("");
      case "log-state":
        return on({ result: "seen", ...log });
      case "forget-log":
        if (this.leaderKeyLasts-- > 0)
          return on({ result: "refused", reason: "leader", leader: "x", ...log });
        if (this.cutOver === `undone ${stamp}`) return on({ result: "refused", reason: "undone", ...log });
        if (!script.includes(` ${this.epoch}`)) return on({ result: "refused", reason: "epoch", ...log });
        if (VOTERS.some((each) => this.node(each).data === "old")) throw new Error("forgotten too early");
        this.cutOver = stamp;
        return on({ result: "forgotten", ...log });
      default:
        return on("");
    }
  }
}

const asBefore = (world: World) => {
  expect(world.serves).toEqual(["old", "old", "old"]);
  for (const node of world.nodes.values())
    expect([node.mark, node.prepared, node.before, node.restored]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
};

describe("in order", () => {
  test("restored beside, closed with the leader last, all set aside, forgotten, led, joined", async () => {
    const world = new World();
    world.leaderKeyLasts = 2;
    const { result, reason } = await world.run();
    expect(result).toBe("cut-over");
    expect(reason).toContain(`data.before-${STAMP}`);
    expect(world.steps).toEqual([
      `${FIRST} prepare`,
      `${FIRST} close`,
      `${SECOND} close`,
      `${LEADER} close`,
      ...VOTERS.map((name) => `${name} aside`),
      ...Array(3).fill(`${FIRST} forget-log`),
      `${FIRST} open`,
      `${LEADER} open`,
      `${SECOND} open`,
    ]);
    expect(world.serves).toEqual(["restored", "restored", "restored"]);
    for (const node of world.nodes.values()) expect(node.before).toBe("old");
  });

  test("is restored where there is most room", async () => {
    const world = new World();
    world.node(SECOND).free = 900;
    await world.run();
    expect(world.steps[0]).toBe(`${SECOND} prepare`);
  });

  test("says what is lost, where it is set aside and how to go on", async () => {
    const world = new World();
    await world.run();
    const text = world.said.join(" ").replaceAll(/\s+/g, " ");
    for (const words of [
      "has acknowledged since 2026-03-01T11:59:00Z",
      `data.before-${STAMP}`,
      "--resume",
      "--undo",
    ])
      expect(text).toContain(words);
  });
});

describe("is refused before anything is changed", () => {
  test.each<[string, string, (world: World) => void]>([
    ["a voter is off", `${SECOND} of home does not run`, (world) => world.gone.add(SECOND)],
    ["a node does not answer", `${SECOND} does not answer`, (world) => world.fails.add(`${SECOND} status`)],
    [
      "no node leads",
      "takes writes",
      (world) => {
        world.node(LEADER).patroni = false;
      },
    ],
    [
      "a replica is not healthy",
      "not a healthy member",
      (world) => {
        world.memberState = "stopped";
      },
    ],
    [
      "there is no room",
      "MiB free",
      (world) => {
        world.node(SECOND).free = 105;
      },
    ],
    [
      "another one is in progress",
      "remains of a cut-over",
      (world) => {
        world.node(SECOND).mark = { stamp: STAMP, step: "close" };
      },
    ],
  ])("%s", async (_, words, change) => {
    const world = new World();
    change(world);
    await expect(world.run()).rejects.toThrow(words);
    expect(world.steps).toEqual([]);
  });
});

describe("leaves everything as it was", () => {
  test("when the answer is no", async () => {
    const world = new World();
    world.answers = ["no"];
    expect((await world.run()).result).toBe("declined");
    asBefore(world);
  });

  test("when the replica restores a different state than the checked one", async () => {
    const world = new World();
    world.prepared = { ...world.prepared, endLsn: "0/6000000" };
    await expect(world.run()).rejects.toThrow("a different state");
    asBefore(world);
  });

  test.each<[string, (world: World) => void]>([
    ["a node does not stop", (world) => world.fails.add(`${SECOND} close`)],
    ["the leader does not stop", (world) => world.fails.add(`${LEADER} close`)],
    ["a volume refuses the rename", (world) => world.fails.add(`${LEADER} aside`)],
    [
      "there was a promotion since",
      (world) => {
        world.prepared = { ...world.prepared, timeline: 3 };
      },
    ],
    [
      "the leader key does not go",
      (world) => {
        world.leaderKeyLasts = 1000;
      },
    ],
    ["etcd does not answer", (world) => world.fails.add(`${FIRST} forget-log`)],
  ])("when %s", async (_, change) => {
    const world = new World();
    change(world);
    const { result } = await world.run();
    expect(result).toBe("undone");
    asBefore(world);
  });

  test("when the other region was promoted meanwhile", async () => {
    const world = new World();
    const { ports } = world;
    const at = async (step: CutOverStep) => {
      if (step === "forget") world.epoch = 6;
    };
    const ready = await requireCutOver(ports, "home");
    const { result, reason } = await cutOver({ ...ports, at }, REQUEST, ready, VALIDATED, "");
    expect([result, reason]).toEqual(["undone", expect.stringContaining("epoch")]);
    asBefore(world);
  });

  test("when another command undoes it during the question", async () => {
    const world = new World();
    world.meanwhile = () => world.finish("undo");
    await expect(world.run()).rejects.toThrow("another command removed them");
    expect(world.cutOver).toBe(`undone ${STAMP}`);
    expect(world.steps.filter((each) => /close|aside|forget/.test(each))).toEqual([]);
    asBefore(world);
  });

  test.each<[string, CutOverStep]>([
    ["is closed", "aside"],
    ["is set aside", "forget"],
  ])("when what was restored goes once it %s: nothing is forgotten", async (_, at) => {
    const world = new World();
    const { ports } = world;
    const lose = async (step: CutOverStep) => {
      if (step === at) world.node(FIRST).prepared = undefined;
    };
    const ready = await requireCutOver(ports, "home");
    const { result } = await cutOver({ ...ports, at: lose }, REQUEST, ready, VALIDATED, "");
    expect(result).toBe("undone");
    expect(world.steps).not.toContain(`${FIRST} forget-log`);
    expect(world.serves).toEqual(["old", "old", "old"]);
  });

  test("when etcd knows one of a later time: nothing is begun", async () => {
    const world = new World();
    world.cutOver = "20260302T000000Z";
    await expect(world.run()).rejects.toThrow("of a later time");
    expect(world.steps).toEqual([]);
  });

  test("or says so, and --undo does it, when a node can't be put back", async () => {
    const world = new World();
    world.fails.add(`${LEADER} aside`).add(`${SECOND} back`);
    await expect(world.run()).rejects.toThrow(`${SECOND}: `);
    expect(world.node(SECOND).patroni).toBe(false);
    world.fails.clear();
    expect((await world.finish("undo")).result).toBe("undone");
    asBefore(world);
  });
});

describe("the process that runs it dies", () => {
  async function dies(at: CutOverStep): Promise<World> {
    const world = new World();
    world.dieAt = at;
    await expect(world.run()).rejects.toBeInstanceOf(Interrupted);
    world.dieAt = undefined;
    world.answers = ["yes"];
    return world;
  }

  test.each<CutOverStep>(["close", "aside", "forget"])("before %s: it can be undone", async (at) => {
    const world = await dies(at);
    expect((await world.finish("undo")).result).toBe("undone");
    asBefore(world);
  });

  test.each<CutOverStep>(["close", "aside", "forget", "lead", "join"])(
    "before %s: it can be finished",
    async (at) => {
      const world = await dies(at);
      expect((await world.finish("resume")).result).toBe("cut-over");
      expect(world.serves).toEqual(["restored", "restored", "restored"]);
    },
  );

  test.each<CutOverStep>(["aside", "forget", "lead"])("before %s: no node serves meanwhile", async (at) => {
    expect((await dies(at)).serves).toEqual([]);
  });

  test.each<CutOverStep>(["lead", "join"])("before %s: it can no longer be undone", async (at) => {
    const world = await dies(at);
    await expect(world.finish("undo")).rejects.toThrow("can't be undone");
  });

  test("a restore from before a later promotion is refused", async () => {
    const world = await dies("close");
    world.node(LEADER).timeline = 4;
    await expect(world.finish("resume")).rejects.toThrow("too old");
    expect((await world.finish("undo")).result).toBe("undone");
  });

  test("a dead node holds up the exchange, and not what comes after it", async () => {
    const closed = await dies("aside");
    closed.gone.add(SECOND);
    await expect(closed.finish("resume")).rejects.toThrow("does not run");
    const forgotten = await dies("lead");
    forgotten.gone.add(SECOND);
    expect((await forgotten.finish("resume")).result).toBe("cut-over");
    expect(forgotten.node(SECOND).patroni).toBe(false);
    forgotten.gone.clear();
    expect((await forgotten.finish("resume")).result).toBe("cut-over");
    expect(forgotten.serves).toEqual(["restored", "restored", "restored"]);
  });
});

describe("etcd has forgotten the log, and no node here has the restored data", () => {
  async function lost(): Promise<World> {
    const world = new World();
    world.dieAt = "lead";
    await expect(world.run()).rejects.toBeInstanceOf(Interrupted);
    world.dieAt = undefined;
    world.restoreIsLost = true;
    return world;
  }

  test("its node is lost: the others are opened, to copy from the leader", async () => {
    const world = await lost();
    world.gone.add(FIRST);
    const { result, reason } = await world.finish("resume");
    expect(result).toBe("opened");
    for (const words of ["promote the other region", `${FIRST} does not run`])
      expect(reason).toContain(words);
    for (const name of [LEADER, SECOND])
      expect(world.node(name)).toMatchObject({ patroni: true, mark: undefined, data: undefined });
  });

  test("another region was promoted: that node follows it, and so do the others", async () => {
    const world = await lost();
    Object.assign(world.node(FIRST), {
      mark: undefined,
      prepared: undefined,
      data: undefined,
      patroni: true,
    });
    expect((await world.finish("resume")).result).toBe("opened");
    expect(world.signs).toEqual([]);
  });
});

describe("left-overs", () => {
  test("of two cut-overs: neither is finished, and both are named", async () => {
    const world = new World();
    world.node(FIRST).prepared = { stamp: STAMP, state: "restoring" };
    world.node(SECOND).mark = { stamp: "20260228T120000Z", step: "close" };
    await expect(world.finish("undo")).rejects.toThrow(/more than one/);
    expect(world.steps).toEqual([]);
  });

  test.each(["resume", "undo"] as const)("of one before a later one: --%s changes nothing", async (how) => {
    const world = new World();
    world.node(SECOND).mark = { stamp: STAMP, step: "close" };
    world.cutOver = "20260302T120000Z";
    await expect(world.finish(how)).rejects.toThrow("is outdated");
    expect(world.steps).toEqual([]);
  });

  test("without any stamp are removed by --undo", async () => {
    const world = new World();
    world.node(SECOND).restored = "restored";
    await expect(world.finish("resume")).rejects.toThrow("no cut-over of home was started");
    expect((await world.finish("undo")).result).toBe("undone");
    asBefore(world);
  });

  test("are found in the other region too, where none was named", async () => {
    const world = new World();
    world.node(SECOND).restored = "restored";
    await expect(finishCutOver(world.ports, "recovery", "undo")).rejects.toThrow("of recovery");
    expect((await finishCutOver(world.ports, "recovery", "undo", true)).result).toBe("undone");
    asBefore(world);
  });

  test("a read replica that was closed, and not set aside, comes back by --resume", async () => {
    const world = new World();
    world.dieAt = "join";
    await expect(world.run()).rejects.toBeInstanceOf(Interrupted);
    Object.assign(world.node(SECOND), {
      data: "old",
      before: undefined,
      mark: { stamp: STAMP, step: "close" },
    });
    world.dieAt = undefined;
    expect((await world.finish("resume")).result).toBe("cut-over");
    expect(world.node(SECOND)).toMatchObject({ data: "restored", before: "old" });
  });
});

describe("checks that fail in what was restored", () => {
  test("need a person's judgement: without questions the restore ends there", async () => {
    const world = new World();
    await expect(runRestore(world.ports, { ...REQUEST, unasked: true })).rejects.toThrow(
      "1 of the checks in the settings fail in the data restored",
    );
    expect(world.steps).toEqual([]);
    asBefore(world);
  });

  test("are reported, and the restore continues if a person confirms", async () => {
    const world = new World();
    world.answers = ["yes", "yes"];
    expect((await runRestore(world.ports, REQUEST)).outcome.result).toBe("cut-over");
    expect(world.said).toContain("1 of the checks in the settings fail.");
  });

  test("and a no names the command without which it can't be tried again", async () => {
    const world = new World();
    world.answers = ["yes", "no"];
    const { outcome } = await runRestore(world.ports, REQUEST);
    expect(outcome).toMatchObject({
      result: "declined",
      reason: expect.stringContaining("--end --from prod"),
    });
  });
});

test("what comes after it fails without calling it a failure", async () => {
  const world = new World();
  const { ports } = world;
  const machines = {
    ...ports.machines,
    members: (region: "home" | "recovery") =>
      region === "home" ? ports.machines.members(region) : Promise.reject(new Error("no way there")),
  };
  const ready = await requireCutOver(ports, "home");
  const { result, reason } = await cutOver({ ...ports, machines }, REQUEST, ready, VALIDATED, "");
  expect([result, reason]).toEqual(["cut-over", expect.stringContaining("no way there")]);
});

test("a node that does not start once it is forgotten: the command to go on names region and place", async () => {
  const world = new World();
  world.fails.add(`${FIRST} open`);
  const ready = await requireCutOver(world.ports, "home");
  await expect(cutOver({ ...world.ports, twin: true }, REQUEST, ready, VALIDATED, "")).rejects.toMatchObject({
    remedy: expect.stringContaining("--all --resume --from prod --twin"),
  });
});

test("without a started cut-over there is nothing to resume", async () => {
  await expect(new World().finish("resume")).rejects.toThrow("no cut-over of home was started");
});
