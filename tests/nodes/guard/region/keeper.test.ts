import { expect, test } from "vitest";
import { Keeper } from "../../../../nodes/guard/region/keeper.js";
import {
  initialRegionState,
  NO_OVERRIDES,
  NO_STATUS,
  type OwnData,
  type RegionState,
} from "../../../../nodes/guard/region/region-facts.js";
import { MACHINE_CLOCK, monotonic } from "../../../../nodes/guard/shared/clock.js";

const slot = { name: "dr_diverged_e1_t7_5", epoch: 1, timeline: 7, database: 5 };
const DATA: OwnData = { slots: [slot], isStandby: false, timeline: 7, records: [], patroniRuns: true };

function scene(data: Partial<OwnData>, news: Partial<RegionState> = {}, stands = "inactive") {
  const now = monotonic();
  let state: RegionState = {
    ...initialRegionState(),
    reading: {
      ...{ startedAt: now, endedAt: now, own: 1, peer: 2, overrides: NO_OVERRIDES },
      mine: { ...NO_STATUS, opened: 1 },
      theirs: { ...NO_STATUS, opened: 2 },
    },
    log: { startedAt: now, isPrimary: true, timeline: 7, mark: { epoch: 1, timeline: 7 }, lsn: 1 },
    ...news,
  };
  const done: string[] = [];
  const region = {
    get state() {
      return state;
    },
    learn: (event: { readonly data: OwnData }) => {
      state = { ...state, data: event.data };
    },
  };
  const slots = {
    keep: async (term: object) => {
      done.push(`keep ${JSON.stringify(term)}`);
      return [];
    },
    dropAll: async () => {
      done.push("drop");
    },
  };
  const systemctl = async (...words: string[]) => {
    done.push(words.join(" "));
    return `${stands}\n`;
  };
  const request = async (epoch: number) => {
    done.push(`request ${epoch}`);
  };
  const read = async () => ({ ...DATA, ...data });
  const keeper = new Keeper(region, { clock: MACHINE_CLOCK, slots, read, systemctl, request, log: () => {} });
  const tick = async () => {
    await keeper.tick();
    await new Promise(setImmediate);
    return done.splice(0);
  };
  return { tick };
}

test("starts the unit for what is unsaved, and not again at once", async () => {
  const { tick } = scene({});
  expect(await tick()).toEqual(["request 1", "start --no-block dr-save-diverged.service"]);
  expect(await tick()).toEqual([]);
});

test("starts it again for what the vault hasn't got yet", async () => {
  const { tick } = scene({ records: [{ epoch: 1, state: "saved", uploaded: false }] });
  expect(await tick()).toEqual(["request 1", "start --no-block dr-save-diverged.service"]);
});

test("keeps slots while this node serves, and touches nothing else", async () => {
  const { tick } = scene({}, { permitUntil: Number.POSITIVE_INFINITY });
  const done = await tick();
  expect(done[0]).toBe('keep {"epoch":1,"timeline":7}');
});

const own = {
  reading: {
    ...{ startedAt: 0, endedAt: 0, own: 3, peer: 2, overrides: NO_OVERRIDES },
    mine: { ...NO_STATUS, opened: 3 },
    theirs: { ...NO_STATUS, opened: 2 },
  },
};

test("drops slots that are left over on a standby", async () => {
  const log = { startedAt: monotonic(), isPrimary: false, mark: { epoch: 3, timeline: 9 }, lsn: 1 };
  expect(await scene({ isStandby: true }, { ...own, log }).tick()).toEqual(["drop"]);
});

test("starts a Patroni that was stopped for a save that is no longer needed, unless the unit is still running", async () => {
  const records = [{ epoch: 1, state: "failed" } as const];
  const stopped = { slots: [], isStandby: true, patroniRuns: false, records };
  expect(await scene(stopped, own).tick()).toEqual([
    "is-active dr-save-diverged.service",
    "start --no-block patroni.service",
  ]);
  expect(await scene(stopped, own, "activating").tick()).toEqual(["is-active dr-save-diverged.service"]);
});
