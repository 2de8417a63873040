import { describe, expect, test } from "vitest";
import { duration } from "../../common/duration.js";
import { glanceAt } from "../../operations/glance.js";
import { known, unknown } from "../../operations/known.js";
import type { Observation } from "../../operations/observation.js";
import { renderGlance } from "../../operations/render.js";
import {
  activeHome,
  CONTRACT,
  guard,
  NO_OVERRIDES,
  NOBODY,
  NOW,
  observation,
  SETTINGS,
  standbyRecovery,
} from "./observations.js";

const BACKUP = {
  label: "20260707-110000F_20260707-114800I",
  kind: "incremental",
  endedAt: "2026-07-07T11:48:30.000Z",
} as const;
const BACKUPS: Parameters<typeof glanceAt>[3] = {
  home: { own: known(BACKUP), copied: known(null) },
  recovery: { own: known(null), copied: known(BACKUP) },
};
const ESCROW: Parameters<typeof glanceAt>[4] = {
  home: known({ wrong: null, ageSeconds: 12 * 86_400 }),
  recovery: known({ wrong: "it was never verified" }),
};
const glance = (seen: Observation) => glanceAt(seen, CONTRACT, SETTINGS.promotion, BACKUPS, ESCROW);
const text = (seen: Observation) => renderGlance(glance(seen), "AWS");
const pending = standbyRecovery(3, { claimed: 2 });

test("home is active and recovery follows", () => {
  const seen = observation(activeHome(), standbyRecovery());
  expect(glance(seen)).toMatchObject({
    summary: "home is active in epoch 1; recovery is 2 s behind.",
    regions: {
      home: {
        role: "active",
        epoch: { claimed: 1, opened: 1 },
        leader: { value: "drs-eu-west-1-db-2" },
        publishedAgeSeconds: { value: 1 },
        lastBackup: { value: { kind: "incremental", ageSeconds: 690 } },
        healthy: { value: true },
        overrides: [],
      },
      recovery: {
        role: "standby",
        leader: { value: "drs-eu-central-1-db-1" },
        lag: { seconds: { value: 2 }, proofAgeSeconds: { value: 2 } },
        healthy: { value: false },
      },
    },
  });
  expect(glance(seen).regions.home.lag).toBeUndefined();
  expect(text(seen)).toMatchInlineSnapshot(`
    "2026-07-07 12:00:00 UTC, AWS, claims read in eu-west-1
    home is active in epoch 1; recovery is 2 s behind.

                 home: eu-west-1 (prod)           recovery: eu-central-1 (dr)
    role         active                           standby
    epoch        1 claimed, 1 opened              none claimed
    leader       drs-eu-west-1-db-2               drs-eu-central-1-db-1
    published    1 s ago                          -
    lag          -                                2 s, bytes unknown (1), proven
                                                  2 s ago
    leases left  unknown (1)                      unknown (1)
    last backup  incremental, 12 min ago          none yet
    other's copy none yet                         incremental, 12 min ago
    escrow       verified 12 d ago                it was never verified
    health check healthy                          fails, as it should
    overrides    none                             none
    waits for    -                                -

    (1) only the guards know it, and they answer inside the regions' networks only"
  `);
});

test("one region is gone: shows which replica answered, and how long the region has been silent", () => {
  const seen = observation(activeHome(310), standbyRecovery(312), {
    readIn: "eu-central-1",
    failures: ["eu-west-1: no answer within 5 s"],
    healthy: {
      home: unknown("https://eu-west-1.app.example.com/dr/active does not answer here: ETIMEDOUT"),
      recovery: known(false),
    },
  });
  expect(glance(seen).summary).toMatch(
    /^home is active in epoch 1 by its claim, but has been silent for 5 min/,
  );
  expect(text(seen)).toMatchInlineSnapshot(`
    "2026-07-07 12:00:00 UTC, AWS, claims read in eu-central-1
    home is active in epoch 1 by its claim, but has been silent for 5 min: it takes
    no writes, or is unreachable.

                 home: eu-west-1 (prod)           recovery: eu-central-1 (dr)
    role         active                           standby
    epoch        1 claimed, 1 opened              none claimed
    leader       drs-eu-west-1-db-2               drs-eu-central-1-db-1
    published    5 min ago                        -
    lag          -                                32 s, bytes unknown (1), proven
                                                  5 min ago
    leases left  unknown (1)                      unknown (1)
    last backup  incremental, 12 min ago          none yet
    other's copy none yet                         incremental, 12 min ago
    escrow       verified 12 d ago                it was never verified
    health check unknown (2)                      fails, as it should
    overrides    none                             none
    waits for    -                                -

    not readable in eu-west-1: no answer within 5 s

    (1) only the guards know it, and they answer inside the regions' networks only
    (2) https://eu-west-1.app.example.com/dr/active does not answer here: ETIMEDOUT"
  `);
});

describe("a promotion that waits", () => {
  const demoted = { of: 1, epoch: 2, node: "drs-eu-west-1-db-2", term: "7" };

  test("for the release, as far as the table tells", () => {
    const seen = observation(activeHome(4, { demoted }), pending);
    expect(glance(seen).summary).toBe(
      "recovery is to become active in epoch 2, but waits: home has demoted drs-eu-west-1-db-2, but has yet to release for epoch 2.",
    );
    expect(text(seen)).toMatchInlineSnapshot(`
      "2026-07-07 12:00:00 UTC, AWS, claims read in eu-west-1
      recovery is to become active in epoch 2, but waits: home has demoted
      drs-eu-west-1-db-2, but has yet to release for epoch 2.

                   home: eu-west-1 (prod)           recovery: eu-central-1 (dr)
      role         standby: has demoted             pending
                   drs-eu-west-1-db-2, but has yet
                   to release for epoch 2
      epoch        1 claimed, 1 opened              2 claimed, none opened
      leader       drs-eu-west-1-db-2               drs-eu-central-1-db-1
      published    4 s ago                          -
      lag          -                                4 s, bytes unknown (1), proven
                                                    3 s ago
      leases left  unknown (1)                      unknown (1)
      last backup  incremental, 12 min ago          none yet
      other's copy none yet                         incremental, 12 min ago
      escrow       verified 12 d ago                it was never verified
      health check healthy                          unhealthy
      overrides    none                             none
      waits for    -                                unknown (1)

      (1) only the guards know it, and they answer inside the regions' networks only"
    `);
  });

  test("for what its leader's guard says", () => {
    const waitsFor = "the other region may still be accepting writes";
    const leader = "drs-eu-central-1-db-1";
    const guards = known([
      guard("recovery", 1, { leader, region: { waitsFor, lagMillis: 2400 } }),
      // An older picture, from before that one led.
      guard("recovery", 2, { leader: "drs-eu-central-1-db-3", etcdSeenMillisAgo: 9000 }),
    ]);
    const { recovery } = glance(observation(activeHome(), pending, { guards })).regions;
    expect(recovery).toMatchObject({
      role: "pending",
      leader: { value: leader },
      waitsFor: { value: waitsFor },
      lag: { seconds: { value: 2.4 } },
    });
  });

  test("of a region that has released nothing more is said to be waited for", () => {
    const released = {
      epoch: 2,
      opened: 1,
      mark: { epoch: 1, timeline: 3 },
      acknowledged: 1000,
      lsn: 1000,
      address: "10.10.200.10",
    };
    const { home } = glance(observation(activeHome(4, { demoted, released }), pending)).regions;
    expect(home.yields).toBe("has released for epoch 2");
  });

  test("a release for another epoch is none", () => {
    const released = {
      epoch: 0,
      opened: 1,
      mark: { epoch: 1, timeline: 3 },
      acknowledged: 1000,
      lsn: 1000,
      address: "10.10.200.10",
    };
    const { home } = glance(observation(activeHome(4, { released }), pending)).regions;
    expect(home.yields).toBe("has not closed for epoch 2 yet");
  });
});

test("nothing is claimed", () => {
  const seen = observation(NOBODY, NOBODY);
  expect(glance(seen).summary).toBe("No region has claimed an epoch: no region may take writes.");
  expect(text(seen)).toMatchInlineSnapshot(`
    "2026-07-07 12:00:00 UTC, AWS, claims read in eu-west-1
    No region has claimed an epoch: no region may take writes.

                 home: eu-west-1 (prod)           recovery: eu-central-1 (dr)
    role         standby                          standby
    epoch        none claimed                     none claimed
    leader       no guard has published yet       no guard has published yet
    published    -                                -
    lag          -                                -
    leases left  unknown (1)                      unknown (1)
    last backup  incremental, 12 min ago          none yet
    other's copy none yet                         incremental, 12 min ago
    escrow       verified 12 d ago                it was never verified
    health check healthy                          fails, as it should
    overrides    none                             none
    waits for    -                                -

    (1) only the guards know it, and they answer inside the regions' networks only"
  `);
});

test("leases and bytes behind come from the guards", () => {
  const mark = { epoch: 1, timeline: 3 };
  const guards = known([
    guard("home", 1, { leader: "drs-eu-west-1-db-2" }),
    guard("home", 2, {
      leader: "drs-eu-west-1-db-2",
      active: true,
      port: { openAs: "leader", leftMillis: 1800 },
      region: { leaseLeftMillis: 14_200 },
    }),
    { node: "drs-eu-west-1-db-3", region: "home" as const, status: unknown("it doesn't answer") },
    guard("recovery", 1, {
      leader: "drs-eu-central-1-db-1",
      region: { log: { isPrimary: false, timeline: undefined, mark, lsn: 900 } },
    }),
  ]);
  const { home, recovery } = glance(observation(activeHome(), standbyRecovery(), { guards })).regions;
  expect(home.leases).toEqual({
    value: [
      { node: "drs-eu-west-1-db-1", regionMillis: 0, portMillis: 0 },
      { node: "drs-eu-west-1-db-2", regionMillis: 14_200, portMillis: 1800 },
    ],
  });
  expect(recovery.lag?.bytes).toEqual({ value: 100 });
});

test("a proof of an earlier epoch says nothing about the lag", () => {
  const proof = { node: "drs-eu-central-1-db-1", mark: { epoch: 0, timeline: 1 }, wallMillis: NOW, lsn: 900 };
  const status = { ...standbyRecovery().status, proof };
  const { recovery } = glance(observation(activeHome(), standbyRecovery(0, { status }))).regions;
  expect(recovery.lag?.seconds).toEqual({ unknown: "no proof in epoch 1 yet" });
});

test("an override of an earlier epoch is not in force", () => {
  const overrides = { ...NO_OVERRIDES, fenced: 2, acceptDataLoss: 4 };
  const seen = observation(activeHome(), standbyRecovery(3, { claimed: 4, overrides }));
  expect(glance(seen).regions.recovery.overrides).toEqual(["acceptDataLoss"]);
});

test("every line fits within 80 columns", () => {
  const long = unknown(
    "a reason that is much longer than a cell of one of the two columns, and goes below them",
  );
  const seen = observation(activeHome(), pending, { guards: long, healthy: { home: long, recovery: long } });
  expect(
    text(seen)
      .split("\n")
      .filter((line) => line.length > 80),
  ).toEqual([]);
});

test.each([
  [0.42, "0.4 s"],
  [12.3, "12 s"],
  [310, "5 min"],
  [10_000, "3 h"],
  [500_000, "6 d"],
])("%d seconds are shown as %s", (time, shown) => expect(duration(time)).toBe(shown));
