/** A guided promotion from end to end, with regions and a deployment that are made up. */
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";
import type { Status } from "../../nodes/guard/region/region-facts.js";
import type { Change } from "../../operations/engine/events.js";
import { known } from "../../operations/known.js";
import type { Observation } from "../../operations/observation.js";
import { isSuccess } from "../../operations/promotion/carry-out.js";
import { type Answer, askToConfirm } from "../../operations/promotion/confirm.js";
import type { PromotionSetting } from "../../operations/promotion/deployment.js";
import type { PromotionPorts } from "../../operations/promotion/ports.js";
import type { PromotionRequest } from "../../operations/promotion/request.js";
import { runPromotion } from "../../operations/promotion/run.js";
import { endText } from "../../operations/promotion/texts.js";
import { activeHome, CONTRACT, guard, NOW, observation, SETTINGS, standbyRecovery } from "./observations.js";

const ITEM = "aws:dynamodb/tableItem:TableItem";
const create = (name: string, type = ITEM): Change => ({
  operation: "create",
  type,
  name,
  urn: name,
  properties: [],
});

/** Time that passes only while every task sleeps: it jumps to the first one to wake. */
class VirtualTime {
  now = 0;
  private readonly sleepers: { readonly at: number; wake(): void }[] = [];

  sleep(millis: number): Promise<void> {
    return new Promise((wake) => {
      this.sleepers.push({ at: this.now + millis, wake });
      setImmediate(() => {
        const [next] = this.sleepers.sort((a, b) => a.at - b.at).splice(0, 1);
        if (!next) return;
        this.now = Math.max(this.now, next.at);
        next.wake();
      });
    });
  }
}

/** Two regions whose guards follow a claim by a timetable, and the stack that makes it. */
class World implements PromotionPorts {
  private readonly time = new VirtualTime();
  claimedAt: number | undefined;
  readonly said: string[] = [];
  readonly config: Partial<Record<PromotionSetting, string>> = { epoch: "0" };
  readonly asked: string[] = [];
  answer: Answer = "yes";
  homePublishes = true;
  /** Seconds from the claim; undefined: never. */
  releasedAfter: number | undefined = 3;
  opensAfter: number | undefined = 6;
  otherClaimsAfter: number | undefined;
  changes: Change[] = [create("claim-2")];
  upSeconds = 20;
  upFails: Error | undefined;
  machines = true;
  unreadableUntil = 0;
  stopsLooking = false;

  readonly settings = SETTINGS;
  readonly contract = CONTRACT;
  readonly deployment = {
    name: "pulumi up --stack dr",
    site: "warm" as const,
    settings: async () => ({ ...this.config }),
    set: async (key: PromotionSetting, value: string | undefined) => {
      if (value === undefined) delete this.config[key];
      else this.config[key] = value;
    },
    preview: async () => {
      await this.sleep(10_000);
      return this.changes;
    },
    up: async () => {
      // Claims first, and sizes long after.
      this.claimedAt = this.clock + 2000;
      await this.sleep(this.upSeconds * 1000);
      if (this.upFails) throw this.upFails;
      return this.changes;
    },
  };

  get clock(): number {
    return this.time.now;
  }

  hasMachines = () => this.machines;
  showChanges = () => {};
  say = (text: string) => void this.said.push(text);
  now = () => this.clock;
  interrupted = () => this.stopsLooking;
  confirm = async (question: string) => {
    this.asked.push(question);
    return this.answer;
  };
  sleep = (millis: number) => this.time.sleep(millis);

  observe = async (): Promise<Observation> => {
    if (this.claimedAt !== undefined && this.clock < this.unreadableUntil)
      throw new Error("no replica answers");
    const since = this.claimedAt === undefined ? -1 : (this.clock - this.claimedAt) / 1000;
    const after = (seconds: number | undefined) => seconds !== undefined && since >= seconds;
    const isOpen = after(this.opensAfter);
    const released = {
      epoch: 2,
      opened: 1,
      mark: { epoch: 1, timeline: 3 },
      acknowledged: 1000,
      lsn: 1000,
      address: "10.10.200.10",
    };
    const news: Partial<Status> = {
      sequence: this.homePublishes ? 40 + Math.floor(this.clock / 2000) : 40,
      released: after(this.releasedAfter) ? released : undefined,
    };
    const standby = standbyRecovery();
    const opening = { epoch: 2, reason: "the other region has released for epoch 2" };
    const home = { ...activeHome(1, news), claimed: after(this.otherClaimsAfter) ? 3 : 1 };
    const recovery = {
      ...standby,
      claimed: since >= 0 ? 2 : 0,
      status: isOpen ? { ...standby.status, opened: 2, opening } : standby.status,
    };
    return { ...observation(home, recovery), at: NOW + this.clock };
  };
}

const request = (news: Partial<PromotionRequest> = {}): PromotionRequest => ({
  region: "recovery",
  fenced: false,
  acceptDataLoss: false,
  ...news,
});

let world: World;
beforeEach(() => {
  world = new World();
});

test("a planned one: claimed, released, promoted, open, in a time line", async () => {
  const { outcome, events, plan } = await runPromotion(world, request());
  expect(plan.kind).toBe("planned");
  expect(world.config.epoch).toBe("2");
  expect(world.asked).toEqual(["Promote recovery to epoch 2? (yes/no) "]);
  expect(outcome).toEqual({ result: "active", reason: "recovery is active in epoch 2" });
  expect(isSuccess({ outcome, events })).toBe(true);
  expect(endText(events, outcome)).toMatchInlineSnapshot(`
    "
    time line
         2.0 s  claimed epoch 2
         2.0 s  waiting: home has not closed for epoch 2 yet
         5.0 s  home has released
         8.0 s  PostgreSQL is promoted in recovery
         8.0 s  open: the other region has released for epoch 2

    recovery is active in epoch 2."
  `);
});

test("the promotion is followed while the up still runs", async () => {
  world.upSeconds = 300;
  const { events } = await runPromotion(world, request());
  expect(events.find(({ milestone }) => milestone === "open")?.seconds).toBeLessThan(10);
});

describe("before the up", () => {
  test("a no restores the settings", async () => {
    world.answer = "no";
    const { outcome, events } = await runPromotion(world, request());
    expect(outcome.result).toBe("declined");
    expect(isSuccess({ outcome, events })).toBe(false);
    expect(world.config).toEqual({ epoch: "0" });
    expect(world.claimedAt).toBeUndefined();
  });

  test("refuses every other change in the preview, and restores the settings", async () => {
    world.changes = [create("claim-2"), create("vpc", "aws:ec2/vpc:Vpc")];
    await expect(runPromotion(world, request())).rejects.toThrow(
      /more than a promotion[\s\S]*create aws:ec2\/vpc:Vpc vpc/,
    );
    expect(world.config).toEqual({ epoch: "0" });
    expect(world.claimedAt).toBeUndefined();
  });

  test("an override is set for this very epoch, and taken back with it", async () => {
    world.homePublishes = false;
    world.answer = "no";
    world.changes = [create("claim-2"), create("fenced-2")];
    const seen: unknown[] = [];
    world.confirm = async () => {
      seen.push({ ...world.config });
      return "no" as const;
    };
    const { plan } = await runPromotion(world, request({ fenced: true }));
    expect(plan).toMatchObject({ kind: "fenced", overrides: ["fenced"] });
    expect(seen).toEqual([{ epoch: "2", fenced: "2" }]);
    expect(world.config).toEqual({ epoch: "0" });
  });

  test("a quick preview doesn't make a living region look silent", async () => {
    world.deployment.preview = async () => world.changes;
    expect((await runPromotion(world, request())).plan.kind).toBe("planned");
  });

  test("a switchover from a region that is silent is refused", async () => {
    world.homePublishes = false;
    await expect(runPromotion(world, request({ plannedOnly: true }))).rejects.toThrow(
      "home has stopped publishing",
    );
    expect(world.config).toEqual({ epoch: "0" });
  });
});

describe("not active in the end", () => {
  test("it says what was waited for once the objective's time is over", async () => {
    Object.assign(world, { releasedAfter: undefined, opensAfter: undefined });
    const { outcome, events } = await runPromotion(world, request());
    expect(outcome.result).toBe("timed-out");
    expect(outcome.reason).toMatch(/not active in epoch 2 after 90\d s; it is waiting: home has not closed/);
    expect(isSuccess({ outcome, events })).toBe(false);
  });

  test("an up that fails before the claim", async () => {
    world.upFails = new Error("up of stack 'dr' failed: no credentials");
    world.deployment.up = async () => {
      throw world.upFails;
    };
    const { outcome } = await runPromotion(world, request());
    expect(outcome).toEqual({ result: "up-failed", reason: "up of stack 'dr' failed: no credentials" });
  });

  test("an up that fails after the claim: the region is open, and the rest is missing", async () => {
    world.upFails = new Error("up of stack 'dr' failed: no capacity");
    const { outcome } = await runPromotion(world, request());
    expect(outcome.result).toBe("up-failed");
    expect(outcome.reason).toContain("The region is open nevertheless");
  });

  test("the other region claims above it meanwhile", async () => {
    Object.assign(world, { opensAfter: undefined, otherClaimsAfter: 5 });
    const { outcome } = await runPromotion(world, request());
    expect(outcome).toMatchObject({
      result: "superseded",
      reason: expect.stringContaining("claimed epoch 3"),
    });
  });

  test("Ctrl-C ends the command, not the promotion", async () => {
    Object.assign(world, { opensAfter: undefined, stopsLooking: true });
    const { outcome } = await runPromotion(world, request());
    expect(outcome.result).toBe("interrupted");
  });
});

test("a table that can't be read for a while is said once, and waited for", async () => {
  world.unreadableUntil = 30_000;
  const { outcome } = await runPromotion(world, request());
  expect(outcome.result).toBe("active");
  expect(world.said.filter((line) => line.includes("no replica answers"))).toHaveLength(1);
});

test("without machines it ends with the claim", async () => {
  Object.assign(world, { machines: false, opensAfter: undefined });
  const { outcome, events } = await runPromotion(world, request());
  expect(outcome.result).toBe("claimed");
  expect(isSuccess({ outcome, events })).toBe(true);
});

test("open means that a guard serves writes, if guards are reachable", async () => {
  const { follow, BEGUN } = await import("../../operations/promotion/follow.js");
  const status = { ...standbyRecovery().status, opened: 2 };
  const leader = "drs-eu-central-1-db-1";
  const at = (active: boolean) =>
    follow(
      { region: "recovery", epoch: 2 },
      BEGUN,
      observation(activeHome(), standbyRecovery(2, { claimed: 2, status }), {
        guards: known([guard("recovery", 1, { leader, active })]),
      }),
      1,
      "open",
    );
  expect(at(false).outcome).toBeUndefined();
  expect(at(true).outcome?.result).toBe("active");
});

describe("the question", () => {
  const asking = (answer: string, isTTY: boolean, yes = false) => {
    const input = Object.assign(new PassThrough(), { isTTY });
    const asked = askToConfirm("Promote? ", { input, output: new PassThrough(), yes });
    input.end(answer);
    return asked;
  };

  test.each([
    ["yes\n", "yes"],
    ["y\n", "yes"],
    ["no\n", "no"],
    ["N\n", "no"],
    // Asked again until it is clear.
    ["\nwhat?\ny\n", "yes"],
    ["sure\n", "none"],
    ["", "none"],
  ])("%j is %s", async (answer, expected) => expect(await asking(answer, true)).toBe(expected));

  test("without a terminal it is refused, unless --yes was given", async () => {
    await expect(asking("yes\n", false)).rejects.toThrow(/not a terminal[\s\S]*--yes/);
    expect(await asking("", false, true)).toBe("yes");
  });
});
