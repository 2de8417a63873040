/** When a region may open its epoch: each rule by itself, and where its bounds are. */
import { describe, expect, test } from "vitest";
import type { RegionState, Release } from "../../../../nodes/guard/region/region-facts.js";
import { NO_OVERRIDES, NO_STATUS } from "../../../../nodes/guard/region/region-facts.js";
import { isPending, isSilenced, ticketOf } from "../../../../nodes/guard/region/ticket.js";
import { knownOf, NOW, RULES, reading, type Situation, standby } from "./situation.js";

const LEASE_AND_MARGIN = RULES.leaseMillis + RULES.marginMillis;

const ticket = (...situations: readonly Situation[]): string => {
  const known = knownOf(...situations);
  const found = ticketOf(known, known.log);
  return found.kind === "go" ? `go: ${found.opening.reason}` : `wait: ${found.reason}`;
};
const lagOf = (...situations: readonly Situation[]) => {
  const known = knownOf(...situations);
  const found = ticketOf(known, known.log);
  return found.kind === "go" ? found.opening.lagMillis : "waits";
};

const GO_FREE = "go: no claim of the other region prevents it";
const LACKS =
  "wait: the other region has accepted writes in an epoch that this region's log does not contain";
const SERVING = "wait: the other region may still be accepting writes";

describe("without a claim of the other region's", () => {
  const free: Situation = { reading: { own: 2, peer: 0 } };

  test("it may open", () => {
    expect(ticket(free)).toBe(GO_FREE);
    expect(lagOf(free)).toBe(0);
  });

  test.each([
    ["the log's epoch is that of the newest opened", 1, {}, GO_FREE],
    ["the log's epoch is an older one", 0, {}, LACKS],
    ["loss is accepted for this epoch", 0, { acceptDataLoss: 2 }, GO_FREE],
    ["loss was accepted for another epoch", 0, { acceptDataLoss: 1 }, LACKS],
  ])("where %s", (_name, epoch, overrides, expected) => {
    const more: Situation = {
      reading: { mine: { ...NO_STATUS, opened: 1 }, overrides: { ...NO_OVERRIDES, ...overrides } },
      log: { mark: { epoch, timeline: 4 } },
    };
    expect(ticket(free, more)).toBe(expected);
  });

  test("a claim below what this region has opened is none", () => {
    const mine = { ...NO_STATUS, opened: 3 };
    const log = { mark: { epoch: 3, timeline: 4 } };
    expect(ticket({ reading: { own: 4, peer: 2, mine }, log })).toBe(GO_FREE);
    // One of the very same number can't be: it counts as one that may be served under.
    expect(ticket({ reading: { own: 4, peer: 3, mine }, log })).toBe(SERVING);
  });
});

describe("after a release", () => {
  const release: Release = {
    epoch: 2,
    opened: 1,
    mark: { epoch: 1, timeline: 4 },
    acknowledged: 1_000,
    lsn: 1_200,
    address: "10.9.0.1",
  };
  const situation = (
    more: Partial<Release>,
    log: Situation["log"],
    state: Partial<RegionState> = {},
  ): Situation => ({
    reading: { own: 2, peer: 1, theirs: { ...NO_STATUS, opened: 1, released: { ...release, ...more } } },
    role: standby("region"),
    log: { isPrimary: false, ...log },
    state: { releaseSeen: { epoch: 2, at: NOW - 100 }, ...state },
  });
  const ALL = "go: the other region has released for epoch 2, and this region has all of its log";
  const ACKNOWLEDGED =
    "go: the other region has released for epoch 2, and this region has all its acknowledged writes";
  const NOT_ALL = "wait: the other region has released, but this region does not have all of its log yet";

  test("it opens at once with all, and lacks nothing", () => {
    expect(ticket(situation({}, { lsn: 1_200 }))).toBe(ALL);
    expect(lagOf(situation({}, { lsn: 1_200 }))).toBe(0);
  });

  test.each([
    [299, NOT_ALL],
    [300, ACKNOWLEDGED],
    [301, ACKNOWLEDGED],
  ])("what no client got an acknowledgement for is waited for, after %i ms no longer", (millis, expected) => {
    const seen = { releaseSeen: { epoch: 2, at: NOW - millis } };
    expect(ticket(situation({}, { lsn: 1_199 }, seen))).toBe(expected);
  });

  test("a release that was not seen before is waited for", () => {
    expect(ticket(situation({}, { lsn: 1_000 }, { releaseSeen: undefined }))).toBe(NOT_ALL);
  });

  test("what was acknowledged is waited for in any case", () => {
    const long = { releaseSeen: { epoch: 2, at: NOW - 90_000 } };
    expect(ticket(situation({}, { lsn: 999 }, long))).toBe(NOT_ALL);
    // Equal positions, but a log that parts before.
    expect(ticket(situation({}, { lsn: 1_200, mark: { epoch: 1, timeline: 3 } }, long))).toBe(NOT_ALL);
  });

  test("a log without what this region itself has served is not enough", () => {
    const mine = { ...NO_STATUS, opened: 3 };
    const base = situation({ opened: 1 }, { lsn: 1_200, mark: { epoch: 2, timeline: 4 } });
    const theirs = { ...NO_STATUS, opened: 1, released: { ...release, epoch: 4 } };
    const at = (epoch: number) =>
      ticket(base, { reading: { own: 4, peer: 3, mine, theirs }, log: { mark: { epoch, timeline: 4 } } });
    expect(at(2)).toBe(NOT_ALL);
    expect(at(3)).toBe("go: the other region has released for epoch 4, and this region has all of its log");
  });

  test("with accepted loss it opens without all, but not while the other region may be serving", () => {
    const accepted: Situation = {
      reading: { ...situation({}, {}).reading, overrides: { fenced: 0, acceptDataLoss: 2 } },
    };
    const lacking = situation({}, { lsn: 10 });
    expect(ticket(lacking, accepted)).toBe(SERVING);
    const waited: Situation = { state: { claimSeen: { epoch: 2, at: NOW - LEASE_AND_MARGIN } } };
    expect(ticket(lacking, accepted, waited)).toBe("go: its lease has run out; data loss is accepted");
  });

  test("one for another epoch is none", () => {
    expect(ticket(situation({ epoch: 1 }, { lsn: 1_200 }))).toBe(SERVING);
    expect(ticket(situation({ epoch: 3 }, { lsn: 1_200 }))).toBe(SERVING);
  });
});

describe("without a release", () => {
  const position = { wallMillis: 1_000_000, node: "far", mark: { epoch: 1, timeline: 4 }, lsn: 900 };
  /** Silent since lease and margin; lags by ten seconds, and the silence after the last publication. */
  const silent: Situation = {
    reading: { own: 2, peer: 1, theirs: { ...NO_STATUS, opened: 1, position } },
    role: standby("region"),
    log: { isPrimary: false },
    state: {
      claimSeen: { epoch: 2, at: NOW - LEASE_AND_MARGIN },
      peerNotBefore: NOW - 20_000,
      proof: { node: "n1", mark: position.mark, wallMillis: 990_000, lsn: 880 },
    },
  };
  const GO = "go: its lease has run out; at most the last 30.0 s of its writes are missing";

  test("it opens after lease and margin, and says what may be missing", () => {
    expect(ticket(silent)).toBe(GO);
    expect(lagOf(silent)).toBe(30_000);
    expect(lagOf(silent, { state: { peerNotBefore: NOW - 20_000.4 } })).toBe(30_001);
  });

  test.each([
    [LEASE_AND_MARGIN - 1, SERVING],
    [LEASE_AND_MARGIN, GO],
  ])("not before: %i ms", (millis, expected) => {
    expect(ticket(silent, { state: { claimSeen: { epoch: 2, at: NOW - millis } } })).toBe(expected);
  });

  test.each([
    ["another epoch's claim", { claimSeen: { epoch: 1, at: 0 } }],
    ["no claim", { claimSeen: undefined }],
  ])("nor counted from %s", (_name, state) => {
    expect(ticket(silent, { state })).toBe(SERVING);
  });

  test("a fence of this epoch spares the waiting, another's does not", () => {
    const fenced = (epoch: number): Situation => ({
      reading: { ...silent.reading, overrides: { fenced: epoch, acceptDataLoss: 0 } },
      state: { claimSeen: { epoch: 2, at: NOW } },
    });
    expect(ticket(silent, fenced(2))).toBe(
      "go: an operator has confirmed that it is fenced; at most the last 30.0 s of its writes are missing",
    );
    expect(ticket(silent, fenced(1))).toBe(SERVING);
  });

  test.each([
    [60_000, "go: its lease has run out; at most the last 60.0 s of its writes are missing"],
    [60_001, "wait: this region's lag is 60 s, above the budget"],
  ])("not above the budget: %i ms", (lag, expected) => {
    const proof = { node: "n1", mark: position.mark, wallMillis: 1_000_000 - (lag - 20_000), lsn: 880 };
    expect(ticket(silent, { state: { proof } })).toBe(expected);
  });

  test.each([
    ["has the position", { mark: position.mark, lsn: 880 }, 30_000],
    ["contains a later leader's mark of that epoch", { mark: { epoch: 1, timeline: 5 }, lsn: 0 }, 30_000],
    ["was rewound behind it", { mark: position.mark, lsn: 879 }, undefined],
    ["was rewound to an earlier leader's log", { mark: { epoch: 1, timeline: 3 }, lsn: 5_000 }, undefined],
  ])("a proof where the log %s", (_name, end, lag) => {
    const log = { isPrimary: false, ...end };
    expect(ticket(silent, { log }).startsWith("go:")).toBe(lag !== undefined);
    expect(lagOf(silent, accepts, { log })).toBe(lag);
  });

  const accepts: Situation = { reading: { ...silent.reading, overrides: { fenced: 0, acceptDataLoss: 2 } } };
  test("with accepted loss it opens at any lag, or at one that is not known", () => {
    expect(ticket(silent, accepts, { state: { proof: undefined } })).toBe(
      "go: its lease has run out; data loss is accepted",
    );
    expect(lagOf(silent, accepts, { state: { proof: undefined } })).toBeUndefined();
    expect(lagOf(silent, accepts)).toBe(30_000);
  });

  const demoted = (of: number, epoch = 1): Situation => ({
    reading: {
      ...silent.reading,
      theirs: { ...NO_STATUS, opened: 1, position, demoted: { of, epoch: 2, node: "far", term: "9" } },
    },
    log: { isPrimary: false, mark: { epoch, timeline: 4 } },
  });
  test("a region that has demoted its leader is waited for", () => {
    expect(ticket(silent, demoted(1))).toBe(
      "wait: the other region has demoted far but has not released yet",
    );
  });
  test("not one that did so in an earlier epoch, nor where this log has what came later", () => {
    expect(ticket(silent, demoted(0))).toBe(GO);
    expect(ticket(silent, demoted(1, 2))).toMatch(/^go: its lease has run out; at most the last 0.0 s/);
  });

  test("a log without the newest epoch served is not enough", () => {
    const mine = { ...NO_STATUS, opened: 1 };
    const theirs = { ...NO_STATUS, opened: 0 };
    const log = { isPrimary: false, mark: { epoch: 0, timeline: 4 } };
    expect(ticket(silent, { reading: { ...silent.reading, mine, theirs }, log })).toBe(LACKS);
  });

  const REPLAYS = "wait: this region is still replaying the copy of the other region's vault";
  test.each([
    ["vault", undefined, REPLAYS],
    ["vault", NOW - 4_999, REPLAYS],
    ["vault", NOW - 5_000, GO],
    ["region", undefined, GO],
    ["nobody", undefined, GO],
  ] as const)(
    "the end of the archive is waited for: %s, at rest since %s",
    (kind, restingSince, expected) => {
      expect(ticket(silent, { role: standby(kind), state: { restingSince } })).toBe(expected);
    },
  );
  test("a primary waits for no archive", () => {
    expect(ticket(silent, { role: { kind: "primary" }, log: { isPrimary: true } })).toBe(GO);
  });
});

test.each([
  [2, 1, 1, true],
  [2, 1, 2, false],
  [2, 2, 1, false],
  [1, 2, 0, false],
])(
  "a region that claims %i, beside %i, and has opened %i: whether it is on its way",
  (own, peer, opened, expected) => {
    const state = knownOf({ reading: { own, peer, mine: { ...NO_STATUS, opened } } }).state;
    expect(isPending(state)).toBe(expected);
    expect(isPending({ ...state, reading: undefined })).toBe(false);
  },
);

test.each([
  [NOW - LEASE_AND_MARGIN, 0, true],
  [NOW - LEASE_AND_MARGIN + 1, 0, false],
  [NOW, 2, true],
  [NOW, 1, false],
])("a region claimed at %i with a fence of %i: whether the other is silent", (at, fenced, expected) => {
  const overrides = { fenced, acceptDataLoss: 0 };
  const known = knownOf({
    reading: reading({ own: 2, peer: 1, overrides }),
    state: { claimSeen: { epoch: 2, at } },
  });
  expect(isSilenced(known)).toBe(expected);
});
