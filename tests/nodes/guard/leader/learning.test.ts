/** What is kept of what was seen. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import type { Event, State, View } from "../../../../nodes/guard/leader/leader-facts.js";
import { markerOf } from "../../../../nodes/guard/leader/succession.js";
import { actions, config, heartbeat, key, local, NOW, state, view } from "./situation.js";

describe("what is learnt", () => {
  const knows = (before: State, event: Event, more = {}) => decide(config(more), before, event, NOW).state;
  const sees = (more: Partial<View>): Event => ({ kind: "view", view: view(more) });

  test("a heartbeat and a leader are known from when they were first seen", () => {
    const next = knows(
      state({ heartbeatSeen: { what: "9", since: 5 }, leaderSeen: { what: "7 a", since: 6 } }),
      sees({}),
    );
    expect(next.heartbeatSeen).toEqual({ what: "9", since: 5 });
    expect(next.leaderSeen).toEqual({ what: "7 a", since: 6 });
    const other = knows(state(), sees({ heartbeat: undefined, leader: undefined }));
    expect(other.heartbeatSeen).toEqual({ what: "0", since: NOW - 50 });
    expect(other.leaderSeen).toEqual({ what: "", since: NOW - 50 });
    expect(knows(state(), sees({ leader: key("a", { create: "8" }) })).leaderSeen?.what).toBe("8 a");
  });

  test("a second without an answer of etcd's is a gap", () => {
    const gap = (millis: number) =>
      knows(state({ view: view({ endedAt: NOW - 50 - millis }) }), sees({})).blindUntil;
    expect(gap(1_000)).toBe(0);
    expect(gap(1_001)).toBe(NOW - 50);
    expect(knows(state({ view: undefined }), sees({})).blindUntil).toBe(NOW - 50);
  });

  test("a session that was taken is to be revoked once, and no longer than a minute", () => {
    const taken = { heartbeat: heartbeat({ node: "b", state: "taken", session: "66" }, "10") };
    const next = knows(state(), sees(taken));
    expect(next.revoking).toEqual({ "66": NOW });
    expect(knows({ ...next, revoking: {} }, sees(taken)).revoking).toEqual({});
    expect(knows(state(), sees({ heartbeat: heartbeat({ session: "66" }, "10") })).revoking).toEqual({});
    const old = (millis: number) => knows(state({ revoking: { "5": NOW - millis } }), sees({})).revoking;
    expect(old(59_999)).toEqual({ "5": NOW - 59_999 });
    expect(old(60_000)).toEqual({});
  });

  test("the rest", () => {
    const probe = { node: "b", alive: false, askedAt: 1, answered: false };
    const probed = (node: string) => knows(state({ probe }), { kind: "probed", node, alive: true }).probe;
    expect(probed("b")).toEqual({ ...probe, alive: true, answered: true });
    expect(probed("c")).toEqual(probe);
    expect(knows(state(), { kind: "probed", node: "b", alive: true }).probe).toBeUndefined();
    expect(
      knows(state({ revoking: { "1": 2, "3": 4 } }), { kind: "revoked", session: "1" }).revoking,
    ).toEqual({ "3": 4 });
    expect(knows(state(), { kind: "marked", marker: "m", startedAt: 50 }).marker).toEqual({
      value: "m",
      deleteAt: 650,
    });
    expect(knows(state(), { kind: "handover", active: true }).handover).toBe(true);
    const heard = knows(state(), { kind: "local", local: local({ startedAt: NOW - 7 }) });
    expect(heard).toMatchObject({ healthyAt: NOW - 7, local: { startedAt: NOW - 7 } });
    expect(actions(state(), { kind: "revoked", session: "1" })).toEqual([]);
  });

  test("where Patroni could not be kept from etcd, it is for its keepalive longer", () => {
    const failed = (forgetUntil: number) =>
      decide(config(), state({ forgetUntil }), { kind: "shut-out-failed" }, NOW);
    expect(failed(0)).toMatchObject({ state: { forgetUntil: NOW + 20_000 }, actions: [] });
    expect(failed(NOW + 500).state.forgetUntil).toBe(NOW + 20_500);
  });
});

describe("a marker", () => {
  const value = markerOf("a", "1");
  test("is remembered as long as it is in the leader key", () => {
    const before = state({ marker: { value, deleteAt: NOW } });
    const knows = (leader: View["leader"]) =>
      decide(config(), before, { kind: "view", view: view({ leader }) }, NOW).state.marker;
    expect(knows(key(value))).toEqual({ value, deleteAt: NOW });
    expect(knows(key("b"))).toBeUndefined();
    expect(knows(undefined)).toBeUndefined();
  });
});
