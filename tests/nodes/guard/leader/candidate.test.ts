/** Which standby a planned switchover hands over to, and why not to another. */
import { describe, expect, test } from "vitest";
import { chooseCandidate, type Standby } from "../../../../nodes/guard/leader/switchover.js";
import { aView } from "../fakes/view.js";

const member = (value = "{}", lease = "12") => ({ value, create: "1", mod: "1", lease });
const sync = (value: string) => ({ value, create: "2", mod: "2", lease: "0" });
const MEMBERS = { b: member("{}", "12"), c: member("{}", "13") };
const view = (more: Parameters<typeof aView>[1] = {}) =>
  aView(1, { members: MEMBERS, sync: sync('{"leader":"a","sync_standby":"b,c"}'), ...more });
/** What a standby has flushed, against the leader's position. */
const standby = (name: string, flushed = 0, state = "streaming"): Standby => ({ name, state, flushed });
const MOST = 16 * 1024 * 1024;

describe("the candidate", () => {
  test("is the standby that has flushed most, with its Patroni's session", () => {
    expect(chooseCandidate(view(), [standby("b", -200), standby("c", -100)])).toEqual({
      name: "c",
      session: "13",
    });
    expect(chooseCandidate(view(), [standby("b", -100), standby("c", -200)])).toEqual({
      name: "b",
      session: "12",
    });
  });

  test("is the requested one, though another has more", () => {
    expect(chooseCandidate(view(), [standby("b", -200), standby("c", -100)], "b").name).toBe("b");
  });

  test.each<[string, Standby, Parameters<typeof aView>[1], string | undefined]>([
    ["streams", standby("b"), {}, undefined],
    ["catches up", standby("b", 0, "catchup"), {}, "b is in state catchup"],
    ["is no member", standby("d"), {}, "d is not a member of the cluster"],
    [
      "has no session",
      standby("b"),
      { members: { b: member("{}", "0") } },
      "b is not a member of the cluster",
    ],
    [
      "is tagged",
      standby("b"),
      { members: { b: member('{"tags":{"nofailover":true}}') } },
      "b is tagged nofailover",
    ],
    [
      "is tagged with false",
      standby("b"),
      { members: { b: member('{"tags":{"nofailover":false}}') } },
      undefined,
    ],
    ["has other tags", standby("b"), { members: { b: member('{"tags":{}}') } }, undefined],
    [
      "is not synchronous",
      standby("b"),
      { sync: sync('{"leader":"a","sync_standby":"c"}') },
      "b is not synchronous",
    ],
    ["is one of none", standby("b"), { sync: sync('{"leader":"a"}') }, "b is not synchronous"],
    ["is one of a cluster that is not synchronous", standby("b"), { sync: sync('{"leader":""}') }, undefined],
    ["is one of a cluster without a sync key's value", standby("b"), { sync: sync("") }, undefined],
    ["is one of a cluster without a sync key", standby("b"), { sync: undefined }, undefined],
    ["is 16 MiB behind", standby("b", -MOST), {}, undefined],
    ["is farther behind", standby("b", -MOST - 1), {}, `b is ${MOST + 1} bytes behind`],
  ])("may be one that %s: or why not", (_name, one, more, reason) => {
    const choose = () => chooseCandidate(view(more), [one]);
    if (reason === undefined) expect(choose().name).toBe("b");
    else expect(choose).toThrow(`no standby can take over: ${reason}`);
  });

  test.each<[string | undefined, readonly Standby[], string]>([
    [undefined, [], "no standby replicates from this node"],
    ["b", [standby("c")], "b does not replicate from this node"],
    [
      undefined,
      [standby("b", 0, "startup"), standby("d")],
      "b is in state startup; d is not a member of the cluster",
    ],
  ])("is none: request %s among %o", (requested, standbys, reason) => {
    expect(() => chooseCandidate(view(), standbys, requested)).toThrow(`no standby can take over: ${reason}`);
  });
});
