import { describe, expect, test } from "vitest";
import { type ClusterView, flaws } from "../../../lab/drills/cluster.js";

const VOTERS = ["n1", "n2", "n3"];
const whole: ClusterView = {
  leader: "n1",
  timeline: 4,
  members: [
    { name: "n1", role: "leader", state: "running", timeline: 4 },
    { name: "n2", role: "quorum_standby", state: "streaming", timeline: 4, lag: 0 },
    { name: "n3", role: "quorum_standby", state: "streaming", timeline: 4, lag: 0 },
  ],
};
const changed = (name: string, change: object): ClusterView => ({
  ...whole,
  members: whole.members.map((member) => (member.name === name ? { ...member, ...change } : member)),
});

test("a whole cluster has no flaws", () => {
  expect(flaws(whole, VOTERS)).toEqual([]);
});

test.each<[string, ClusterView | undefined, string]>([
  ["no leader", undefined, "no node leads"],
  ["a missing member", { ...whole, members: whole.members.slice(0, 2) }, "n3 is no member"],
  ["two leaders", changed("n2", { role: "leader", state: "running" }), "2 members are listed as leader"],
  ["an old timeline", changed("n3", { timeline: 3 }), "n3 is on timeline 3, not 4"],
  ["a replica that starts", changed("n3", { state: "starting" }), "n3 is starting"],
  ["one behind", changed("n2", { lag: 16 }), "n2 is 16 bytes behind"],
  ["one whose lag is unknown", changed("n2", { lag: undefined }), "n2 is unknown bytes behind"],
  ["one outside the quorum", changed("n2", { role: "replica" }), "n2 is a replica, not in the quorum"],
])("%s is reported", (_, view, flaw) => {
  expect(flaws(view, VOTERS)).toEqual([flaw]);
});

test("a read replica must follow, but has no vote", () => {
  const view = {
    ...whole,
    members: [...whole.members, { name: "r1", role: "replica", state: "streaming", timeline: 4, lag: 5 }],
  };
  expect(flaws(view, VOTERS, ["r1"], 10)).toEqual([]);
  expect(flaws(whole, VOTERS, ["r1"])).toEqual(["r1 is no member"]);
});

describe("a standby region", () => {
  const standby: ClusterView = {
    leader: "n1",
    timeline: 4,
    members: [
      { name: "n1", role: "standby_leader", state: "streaming", timeline: 4 },
      { name: "n2", role: "replica", state: "streaming", timeline: 4, lag: 0 },
      { name: "n3", role: "replica", state: "streaming", timeline: 4, lag: 0 },
    ],
  };
  const flawsOf = (view: ClusterView) => flaws(view, VOTERS, [], 0, "standby");

  test("is whole when its leader streams from the other region and all others from it", () => {
    expect(flawsOf(standby)).toEqual([]);
  });

  test("is none while its leader takes writes, and an active one is none while its leader follows", () => {
    expect(flawsOf(whole)[0]).toBe("0 members are listed as standby leader");
    expect(flaws(standby, VOTERS)[0]).toBe("0 members are listed as leader");
  });

  test("is not whole while its leader has no node to stream from", () => {
    const [leader, ...rest] = standby.members;
    const members = [{ ...(leader as (typeof rest)[number]), state: "in archive recovery" }, ...rest];
    expect(flawsOf({ ...standby, members })).toEqual(["n1 is in archive recovery"]);
  });
});
