import { describe, expect, test } from "vitest";
import { unknown } from "../../operations/known.js";
import { nextEpoch, targetOf } from "../../operations/promotion/epoch.js";
import { type PlanContext, planPromotion } from "../../operations/promotion/plan.js";
import type { PromotionRequest } from "../../operations/promotion/request.js";
import { requireHealthy, standbyOf } from "../../operations/promotion/switchover.js";
import { planText } from "../../operations/promotion/texts.js";
import {
  activeHome,
  CONTRACT,
  NO_OVERRIDES,
  NOBODY,
  observation,
  SETTINGS,
  standbyRecovery,
} from "./observations.js";

const CONTEXT: PlanContext = { settings: SETTINGS, contract: CONTRACT, site: "warm" };
const request = (news: Partial<PromotionRequest> = {}): PromotionRequest => ({
  region: "recovery",
  fenced: false,
  acceptDataLoss: false,
  ...news,
});
const seen = observation(activeHome(), standbyRecovery());
/** The same a few seconds later, home having published. */
const later = observation(activeHome(1, { sequence: 43 }), standbyRecovery());
const silent = observation(activeHome(120), standbyRecovery(121));

test("a region that serves is not closed for one that is not ready", () => {
  const absent = standbyRecovery(2, { status: { ...standbyRecovery().status, proof: undefined } });
  const from = observation(activeHome(), absent);
  const to = observation(activeHome(1, { sequence: 43 }), absent);
  expect(() => planPromotion(request(), from, to, CONTEXT)).toThrow(
    /recovery is not ready[\s\S]*home serves[\s\S]*site warm --stack dr/,
  );
  expect(planPromotion(request({ acceptDataLoss: true }), from, to, CONTEXT).kind).toBe("planned");
  const gone = observation(activeHome(120), standbyRecovery(121));
  expect(planPromotion(request({ acceptDataLoss: true }), gone, gone, CONTEXT).kind).toBe("unplanned");
});

describe("the epoch", () => {
  test.each([
    [0, 0, 1, 2],
    [1, 0, 3, 2],
    [3, 2, 5, 4],
    [3, 8, 9, 10],
  ])("after claims %d and %d: home takes %d, recovery %d", (home, recovery, forHome, forRecovery) => {
    const claims = observation({ ...NOBODY, claimed: home }, { ...NOBODY, claimed: recovery });
    expect([nextEpoch(claims, 1), nextEpoch(claims, 0)]).toEqual([forHome, forRecovery]);
  });

  test.each([
    [3, /Epochs of stack dr are even[\s\S]*pass 2$/],
    [0, /not above both regions' claims[\s\S]*pass 2$/],
  ])("%d is refused for recovery, with what would do", (epoch, message) => {
    expect(() => targetOf(seen, request({ epoch }), CONTRACT.recovery)).toThrow(message);
  });

  test("a region that is active is not promoted again", () => {
    expect(() => targetOf(seen, request({ region: "home" }), CONTRACT.home)).toThrow(
      "home (stack prod) is already active in epoch 1",
    );
  });

  test("a claim that is not open yet is continued, and an override can follow it", () => {
    const pending = observation(activeHome(), standbyRecovery(2, { claimed: 2 }));
    expect(targetOf(pending, request(), CONTRACT.recovery)).toEqual({
      epoch: 2,
      claims: false,
      overrides: [],
    });
    expect(targetOf(pending, request({ acceptDataLoss: true, epoch: 2 }), CONTRACT.recovery)).toEqual({
      epoch: 2,
      claims: false,
      overrides: ["acceptDataLoss"],
    });
  });

  test("an override that the table has already is not written again", () => {
    const overrides = { ...NO_OVERRIDES, fenced: 2 };
    const pending = observation(activeHome(), standbyRecovery(2, { claimed: 2, overrides }));
    expect(targetOf(pending, request({ fenced: true }), CONTRACT.recovery).overrides).toEqual([]);
  });
});

describe("the plan", () => {
  test("planned where the other region publishes: a few seconds, nothing lost", () => {
    const plan = planPromotion(request(), seen, later, CONTEXT);
    expect(plan).toMatchObject({
      kind: "planned",
      epoch: 2,
      claims: true,
      lossSeconds: { value: 0 },
      warnings: [],
    });
    expect(planText(plan, CONTRACT)).toMatchInlineSnapshot(`
      "Promote recovery, eu-central-1 (stack dr), epoch 2

        now         epoch 2 is the next that recovery can claim
        kind        planned, by what is visible here: home publishes. It demotes its
                    leader and releases; recovery continues from exactly that point
        closed for  about 8.5 s (the guards read the claim: 2 s; Patroni demotes the
                    old leader: 1 s; it stops and releases: 3 s; Patroni elects: 1 s;
                    PostgreSQL is promoted: 1 s; HAProxy finds the new leader: 0.5
                    s); clients follow by the health checks
        lost        nothing
        permanent   epoch 2 is used up; the way back is epoch 3 in stack prod"
    `);
  });

  test("unplanned where it is silent: lease and margin, and what may be missing", () => {
    const plan = planPromotion(request(), silent, silent, CONTEXT);
    // A second of lag, and the two leases in which it can have served without publishing.
    expect(plan).toMatchObject({ kind: "unplanned", lossSeconds: { value: 31.3 } });
    expect(planText(plan, CONTRACT)).toMatchInlineSnapshot(`
      "Promote recovery, eu-central-1 (stack dr), epoch 2

        now         epoch 2 is the next that recovery can claim
        kind        unplanned: home has stopped publishing. recovery waits until the
                    lease of home and the margin expire
        closed for  about 25 s (the guards read the claim: 2 s; the other region's
                    lease and margin expire: 20 s; Patroni elects: 1 s; PostgreSQL is
                    promoted: 1 s; HAProxy finds the new leader: 0.5 s); clients
                    follow by the health checks
        lost        at most the last 31 s of writes
        permanent   epoch 2 is used up; the way back is epoch 3 in stack prod"
    `);
  });

  test("fenced: no waiting", () => {
    const [fenced, unplanned] = [true, false].map((yes) => {
      const { expected } = planPromotion(request({ fenced: yes }), silent, silent, CONTEXT);
      return "value" in expected ? expected.value.seconds : 0;
    });
    expect((unplanned as number) - (fenced as number)).toBe(20);
  });

  test("fenced is refused while the other region writes to the table", () => {
    expect(() => planPromotion(request({ fenced: true }), seen, later, CONTEXT)).toThrow(
      /--fenced\n {2}home is not silent/,
    );
  });

  test("more lag than the budget is refused, unless the loss is accepted", () => {
    const behind = observation(activeHome(120), standbyRecovery(200));
    expect(() => planPromotion(request(), behind, behind, CONTEXT)).toThrow(
      /recovery lags by up to 110 s[\s\S]*lagBudgetSeconds \(60\)[\s\S]*--accept-data-loss/,
    );
    const plan = planPromotion(request({ acceptDataLoss: true }), behind, behind, CONTEXT);
    expect(plan).toMatchObject({
      kind: "unplanned",
      overrides: ["acceptDataLoss"],
      lossSeconds: { value: 110.3 },
    });
  });

  test("an unknown lag is reported, not guessed", () => {
    const status = { ...standbyRecovery().status, proof: undefined };
    const unproven = observation(activeHome(120), standbyRecovery(0, { status }));
    const plan = planPromotion(request(), unproven, unproven, CONTEXT);
    expect(plan.lossSeconds).toEqual({ unknown: "no proof in epoch 1 yet" });
    expect(plan.warnings).toEqual([expect.stringContaining("refuse to open above 60 s")]);
  });

  test("warns that only accepted data loss ends the wait for a region that demoted and fell silent", () => {
    const demoted = { of: 1, epoch: 2, node: "drs-eu-west-1-db-2", term: "7" };
    const stuck = observation(activeHome(60, { demoted }), standbyRecovery(61));
    expect(planPromotion(request(), stuck, stuck, CONTEXT).warnings).toEqual([
      expect.stringContaining("only --accept-data-loss ends the wait"),
    ]);
  });

  test("no wait for a region that never claimed", () => {
    const unclaimed = observation(NOBODY, NOBODY);
    expect(planPromotion(request(), unclaimed, unclaimed, CONTEXT)).toMatchObject({
      kind: "unopposed",
      lossSeconds: { value: 0 },
    });
  });

  test("of a cold region the time is unknown", () => {
    const { expected } = planPromotion(request(), seen, later, { ...CONTEXT, site: "cold" });
    expect(expected).toEqual({ unknown: expect.stringContaining("cold") });
  });

  test("every line fits within 80 columns", () => {
    const plan = planPromotion(request({ acceptDataLoss: true }), silent, silent, CONTEXT);
    expect(
      planText(plan, CONTRACT)
        .split("\n")
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });
});

describe("a switchover", () => {
  const promotion = SETTINGS.promotion;

  test("goes to the standby region", () => expect(standbyOf(seen)).toBe("recovery"));

  test("is allowed when both regions are healthy", () =>
    expect(() => requireHealthy(seen, later, promotion)).not.toThrow());

  test.each([
    ["the active region is silent", silent, silent, "home has stopped publishing"],
    [
      "it doesn't answer its health check",
      seen,
      { ...later, healthy: { ...later.healthy, home: { value: false } } },
      "does not answer its health check",
    ],
    [
      "the standby is behind",
      seen,
      observation(activeHome(1, { sequence: 43 }), standbyRecovery(30)),
      "recovery is 30 s behind; a switchover allows at most 10 s",
    ],
    [
      "the lag is unknown",
      seen,
      observation(activeHome(1, { sequence: 43 }), NOBODY),
      "The lag of recovery is unknown",
    ],
  ])("is refused when %s", (_, before, after, message) =>
    expect(() => requireHealthy(before, after, promotion)).toThrow(message),
  );

  test("is not refused when the health check is unreachable from here", () => {
    const blind = { ...later, healthy: { home: unknown("no way out"), recovery: unknown("no way out") } };
    expect(() => requireHealthy(seen, blind, promotion)).not.toThrow();
  });

  test("is refused while no region is active", () => {
    expect(() => standbyOf(observation(NOBODY, NOBODY))).toThrow("No region has claimed an epoch");
    expect(() => standbyOf(observation(activeHome(), standbyRecovery(2, { claimed: 2 })))).toThrow(
      "recovery is to become active in epoch 2, but isn't yet",
    );
  });
});
