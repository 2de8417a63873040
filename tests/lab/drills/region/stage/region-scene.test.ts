/** What the scene makes of the claim table, on a twin that is none. */
import { beforeEach, expect, test } from "vitest";
import { RegionScene } from "../../../../../lab/drills/region/stage/region-scene.js";
import { raiseByClaim, type TwoRegions } from "../../../../../lab/drills/region/stage/two-regions.js";
import { twinSettings } from "../../../../../lab/twin/settings.js";
import { now } from "../../../../../lab/workload/clock.js";
import { Ledger } from "../../../../../lab/workload/ledger.js";
import { NO_STATUS, type Status } from "../../../../../nodes/guard/region/region-facts.js";
import { contractOf } from "../../../../../settings/contract.js";
import { quiet } from "../../../../support/quiet.js";
import { probe, write } from "../../ledgers.js";

const contract = contractOf(await twinSettings(), "000000000000");
const FAR = contract.recovery.databaseNodes[0]?.address as string;

let epoch: { home: number; recovery: number };
let status: Record<"home" | "recovery", Status>;
let said: string[];
let ledger: Ledger;
let scene: RegionScene;

beforeEach(() => {
  epoch = { home: 1, recovery: 0 };
  status = { home: { ...NO_STATUS, opened: 1 }, recovery: NO_STATUS };
  said = [];
  ledger = new Ledger();
  const machine = (what: string) => async () => void said.push(what);
  const regions: TwoRegions = {
    running: { contract } as TwoRegions["running"],
    claims: {
      claim: async (region, number) => {
        if (epoch[region] >= number) return false;
        epoch[region] = number;
        return true;
      },
      override: async (region, what, number) => Boolean(said.push(`${what} ${region} ${number}`)),
      read: async () => ({ epoch: { ...epoch }, status: { ...status } }),
      proxy: () => ({ set: () => {} }),
    },
    region: (id) => ({
      kill: machine(`kill ${id}`),
      boot: machine(`boot ${id}`),
      isolate: machine(""),
      heal: machine(""),
      freeze: machine(""),
      thaw: machine(""),
    }),
    outside: () => Promise.reject(new Error("no machine is outside")),
  };
  scene = new RegionScene(regions, ledger, quiet(), raiseByClaim(regions.claims));
});

test("the active region is that of the greatest epoch, whatever the drill before has left", async () => {
  await scene.enter();
  expect([scene.active(), scene.standby()]).toEqual(["home", "recovery"]);
  epoch = { home: 3, recovery: 4 };
  await scene.enter();
  expect([scene.active(), scene.standby()]).toEqual(["recovery", "home"]);
});

test("raises the standby above all claims, there and back", async () => {
  expect(await scene.raise()).toBe(2);
  expect(scene.active()).toBe("recovery");
  expect(await scene.raise()).toBe(3);
  expect(epoch).toEqual({ home: 3, recovery: 2 });
  expect(scene.observations().moves.map(({ from, to, epoch: of }) => [from, to, of])).toEqual([
    ["home", "recovery", 2],
    ["recovery", "home", 3],
  ]);
});

test("what an operator asserts is about the epoch that was raised last", async () => {
  await expect(scene.override("fenced")).rejects.toThrow("no epoch was raised yet");
  await scene.raise();
  await scene.override("acceptDataLoss");
  expect(said).toEqual(["acceptDataLoss recovery 2"]);
});

test("a region is open when its guard says so and a client has been served, and the lag is kept", async () => {
  await scene.raise();
  const opens = scene.opens(5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  status.recovery = {
    sequence: 1,
    opened: 2,
    opening: { epoch: 2, reason: "its lease has run out", lagMillis: 1500 },
  };
  ledger.add(probe(now(), { node: FAR, source: "recovery" }));
  const serve = setInterval(() => ledger.add(write(1, now(), { node: FAR, source: "recovery" })), 10);
  await opens;
  clearInterval(serve);
  const [move] = scene.observations().moves;
  expect(move).toMatchObject({ lagSeconds: 1.5, reason: "its lease has run out" });
  expect(move?.firstWriteAt).toBeGreaterThan(move?.claimedAt as number);
  expect(move?.promotedAt).toBeLessThanOrEqual(move?.firstWriteAt as number);
});

test("an epoch that somebody else has claimed is an error", async () => {
  const raise = raiseByClaim({ claim: async () => false } as unknown as TwoRegions["claims"]);
  await expect(raise("home", 3)).rejects.toThrow("epoch 3 of home is claimed already");
});
