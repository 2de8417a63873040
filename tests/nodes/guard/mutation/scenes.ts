/**
 * Short scenes for the shells: each port answers when the scene says so, and time doesn't pass until then. They show
 * order (what waits for what) where the simulators show consequences.
 */

import { NO_REGION_KEYS, type View } from "../../../../nodes/guard/leader/leader-facts.js";
import { keysOf } from "../../../../nodes/guard/leader/leader-keys.js";
import { markerOf } from "../../../../nodes/guard/leader/succession.js";
import type { LeaderHalf } from "../../../../nodes/guard/region/region.js";
import { HELD_UP_MILLIS } from "../../../../nodes/guard/region/region-decision.js";
import {
  type LogEnd,
  NO_OVERRIDES,
  NO_STATUS,
  type Reading,
  type Status,
} from "../../../../nodes/guard/region/region-facts.js";
import { withRole } from "../../../../nodes/guard/region/standby-cluster.js";
import type { Compare, Operation, Outcome } from "../../../../nodes/guard/shared/etcd.js";
import { Port, Time, turns } from "../fakes/ports.js";
import { REGION } from "../fakes/region.js";
import { aView } from "../fakes/view.js";
import { config } from "../leader/site.js";
import { RULES } from "../region/sim/regions.js";
import { SimEtcd } from "../sim/etcd.js";
import type * as Simulators from "./simulators.js";

type Halves = Pick<typeof Simulators, "Guard" | "Region">;
/** @returns what was wrong */
export type Scene = (halves: Halves) => Promise<readonly string[]>;

const keys = keysOf(config);
/** Several nodes: one address alone is a node that was demoted. */
const SOURCE = { ...REGION.source, addresses: ["10.1.0.1", "10.1.0.2"] };
const when = (wrong: boolean, what: string): string[] => (wrong ? [what] : []);

/** One leader's half. Its etcd answers at once, unless the scene holds its answers back. */
function leader({ Guard }: Halves) {
  const time = new Time();
  const store = new SimEtcd(() => 0);
  const close = new Port<string, void>();
  const opened: number[] = [];
  const sent: (readonly Operation[])[] = [];
  let held: Port<string, void> | undefined;
  let underWay = 0;
  let most = 0;
  const transact = async (
    compare: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ) => {
    sent.push(success);
    most = Math.max(most, ++underWay);
    try {
      await held?.ask("transaction");
      return store.transact(compare, success, failure);
    } finally {
      underWay--;
    }
  };
  const guard = new Guard(config, {
    clock: time,
    etcd: {
      transact,
      grant: async (seconds) => store.grant(seconds * 1000),
      timeToLive: async () => 10,
      revoke: async (lease) => store.revoke(lease),
    },
    patroni: {
      local: () => new Promise(() => {}),
      isAlive: async () => true,
    },
    kernel: {
      open: async (until) => void opened.push(until),
      close: () => close.ask("close"),
      admit: async () => {},
      shutOut: async () => {},
      mute: async () => {},
      stop: () => {},
    },
    log: () => {},
  });
  const puts = (key: string) => sent.flat().filter((one) => "put" in one && one.put === key).length;
  return {
    time,
    store,
    close,
    guard,
    sent,
    opened,
    puts,
    hold: () => {
      held = new Port<string, void>();
      return held;
    },
    release: () => {
      held = undefined;
    },
    most: () => most,
  };
}

const view = (at: number, more: Partial<View> = {}): View =>
  aView(at, {
    leader: { value: "b", create: "5", mod: "5", lease: "1" },
    heartbeat: { beat: { node: "a", state: "held", term: "4", timeline: 1, system: "1" }, mod: "0" },
    ...more,
  });

const confessing: Scene = async (halves) => {
  const one = leader(halves);
  one.guard.feed({ kind: "view", view: view(one.time.now()) });
  await turns();
  const early = one.puts(keys.heartbeat);
  await one.close.fail();
  const unsure = one.puts(keys.heartbeat);
  one.guard.feed({ kind: "view", view: view(one.time.now()) });
  await turns();
  await one.close.answer();
  return [
    ...when(early > 0, "it confesses before the kernel has closed the port"),
    ...when(unsure > 0, "it confesses though the kernel has not closed the port"),
    ...when(one.puts(keys.heartbeat) === 0, "it does not confess"),
  ];
};

const suspending: Scene = async (halves) => {
  const one = leader(halves);
  const held = one.hold();
  one.guard.feed({ kind: "tick" });
  await turns();
  let done = false;
  void one.guard.suspend().then(() => {
    done = true;
  });
  await turns();
  const early = one.close.asked.length;
  const { handover } = one.guard.state;
  await held.answer();
  const asked = one.close.asked.length;
  const before = done;
  await one.close.answer();
  return [
    ...when(!handover, "renewals go on"),
    ...when(early > 0, "the port is closed while a transaction is under way"),
    ...when(asked === 0, "the port is not closed"),
    ...when(before, "it goes on before the kernel has closed the port"),
    ...when(!done, "it never goes on"),
  ];
};

const queueing: Scene = async (halves) => {
  const one = leader(halves);
  const held = one.hold();
  for (let i = 0; i < 3; i++) one.guard.feed({ kind: "tick" });
  one.guard.feed({ kind: "marked", marker: "m", startedAt: 0 });
  one.guard.feed({ kind: "tick" });
  await turns();
  const first = one.sent.length;
  for (let i = 0; i < 8; i++) await held.answer();
  return [
    ...when(first !== 1, "more than one transaction is sent at a time"),
    ...when(one.most() > 1, "transactions overlap"),
    ...when(!one.sent.some((operations) => operations.some((each) => "delete" in each)), "one is forgotten"),
    ...when(one.sent.length !== 4, "what was replaced is sent all the same"),
  ];
};

const unmarking: Scene = async (halves) => {
  const one = leader(halves);
  const marker = markerOf("a", "1");
  one.store.transact([], [{ put: keys.leader, value: marker }], []);
  one.guard.feed({ kind: "marked", marker, startedAt: 0 });
  one.guard.feed({ kind: "tick" });
  await turns();
  return [
    ...when(one.store.get(keys.leader) !== undefined, "the marker stays"),
    // The marker's removal, a look at what that left, and the read of the tick.
    ...when(one.sent.length !== 3, "it does not look at what it left"),
    ...when(one.guard.state.view?.leader !== undefined, "it still sees the marker"),
  ];
};

/** A leader whose heartbeat doesn't change although its Patroni lives: it gets a marker, which a timer removes. */
const marking: Scene = async (halves) => {
  const one = leader(halves);
  const lease = one.store.grant(20_000);
  const beat = { node: "b", state: "held", term: "2", timeline: 1, system: "1" };
  one.store.transact(
    [],
    [
      { put: keys.leader, value: "b", lease },
      { put: keys.heartbeat, value: JSON.stringify(beat) },
      { put: keys.initialize, value: "1" },
    ],
    [],
  );
  void one.guard.run();
  let marked = false;
  for (let i = 0; i < 60 && !marked; i++) {
    await one.time.pass(100);
    marked = one.store.get(keys.leader)?.value.startsWith("guard-marker") === true;
  }
  const timer = one.time.sleeping.some((millis) => millis > 500 && millis <= 605);
  await one.time.pass(1000);
  return [
    ...when(!marked, "it takes over without a marker"),
    ...when(!timer, "no timer ends the marker"),
    ...when(one.store.get(keys.leader) !== undefined, "the marker stays"),
  ];
};

/** One region's half: what it asks the claim table, etcd, PostgreSQL and the other half. */
function region({ Region }: Halves) {
  const time = new Time();
  const shut = new Port<string, void>();
  const read = new Port<string, Reading>();
  const write = new Port<Status, boolean>();
  const end = new Port<string, LogEnd>();
  const transactions = new Port<
    readonly Operation[],
    Outcome & { view?: View; startedAt: number; endedAt: number }
  >();
  const gates: { writesUntil: number }[] = [];
  const half: LeaderHalf = {
    config: { ...config, region: { ...REGION, rules: RULES, source: SOURCE } },
    onView: () => {},
    allow: (gate) => void gates.push(gate),
    shut: (reason) => shut.ask(reason),
    transact: ({ success }) => transactions.ask(success),
  };
  const one = new Region(half, {
    clock: time,
    claims: { read: () => read.ask("read"), writeStatus: (status) => write.ask(status) },
    postgres: { end: () => end.ask("end"), mark: async () => {} },
    log: () => {},
  });
  void one.run();
  const reading = (more: Partial<Reading>): Reading => ({
    startedAt: time.now(),
    endedAt: time.now(),
    own: 1,
    peer: 0,
    mine: { ...NO_STATUS, opened: 1 },
    theirs: NO_STATUS,
    overrides: NO_OVERRIDES,
    ...more,
  });
  const sees = (role: Parameters<typeof withRole>[1], more: Partial<View> = {}) =>
    half.onView(
      view(time.now(), {
        leader: { value: "a", create: "4", mod: "4", lease: "1" },
        region: {
          config: withRole("{}", role, SOURCE),
          configMod: "2",
          epoch: more.region?.epoch ?? 1,
          epochMod: "2",
        },
        ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "region")),
      }),
    );
  return { time, shut, read, write, end, transactions, gates, one, reading, sees };
}

/** Serves in epoch 1. */
async function serving(halves: Halves) {
  const scene = region(halves);
  await turns();
  scene.sees({ kind: "primary" });
  await scene.read.answer(scene.reading({}));
  // A query from before the term was seen doesn't count.
  await scene.time.pass(500);
  const log = { isPrimary: true, timeline: 2, mark: { epoch: 1, timeline: 2 }, lsn: 10 };
  /** PostgreSQL answers meanwhile. */
  const pass = async (until: () => boolean) => {
    for (let i = 0; i < 40 && !until(); i++) {
      await scene.end.answer({ startedAt: scene.time.now(), ...log });
      await scene.time.pass(100);
    }
  };
  await pass(() => scene.write.asked.length > 0);
  // A lease also wants a publication.
  await scene.write.answer(true);
  if (scene.one.state.permitUntil <= scene.time.now()) throw new Error("the scene does not serve");
  return { ...scene, pass };
}

const closing: Scene = async (halves) => {
  const { one, gates, shut, read, reading, pass } = await serving(halves);
  const { permitUntil } = one.state;
  const told = gates.at(-1)?.writesUntil;
  await pass(() => read.asked.length === 2);
  await read.answer(reading({ peer: 2 }));
  const early = one.state.closedAt;
  const taken = gates.at(-1)?.writesUntil;
  const asked = shut.asked.length;
  await shut.answer();
  return [
    ...when(told !== permitUntil, "the other half hears another lease than was decided"),
    ...when(taken !== 0, "the other half does not hear that the lease is taken back"),
    ...when(asked === 0, "the port is not shut"),
    ...when(early !== undefined, "the port counts as shut before the kernel has shut it"),
    ...when(one.state.closedAt === undefined, "the port never counts as shut"),
  ];
};

const publishing: Scene = async (halves) => {
  const { one, write, read, time, reading, pass } = await serving(halves);
  const sequence = () => one.state.reading?.mine.sequence;
  await pass(() => write.asked.length === 2);
  const reads = read.asked.length;
  await write.answer(false);
  const reread = read.asked.length > reads;
  const refused = sequence();
  const theirs = () => reading({ mine: { ...NO_STATUS, opened: 1, sequence: 4 } });
  for (let i = 0; i < 4; i++) await read.answer(theirs());
  await pass(() => write.asked.length === 3);
  await write.fail();
  const failed = sequence();
  await pass(() => write.asked.length === 4);
  const askedAt = time.now();
  time.standStill(400);
  await write.answer(true);
  return [
    ...when(write.asked.length < 4, "it does not publish"),
    ...when(!reread, "it does not read again after a refused write"),
    ...when(refused !== 1, "a refused write counts as made"),
    ...when(failed !== 4, "a failed write counts as made"),
    ...when(sequence() !== 5, "a write that was made does not count"),
    ...when(one.state.publishedNotBefore > askedAt, "a publication counts from its answer"),
  ];
};

/** Handed over: it closes, and only then asks for its promotion. */
const promoting =
  (isLate: boolean): Scene =>
  async (halves) => {
    const { one, time, read, reading, sees, end, shut, transactions } = region(halves);
    await turns();
    const standby = { kind: "standby", source: { kind: "region" } } as const;
    sees(standby, { region: { ...NO_REGION_KEYS, epoch: 3 } });
    const mark = { epoch: 2, timeline: 2 };
    const released = { epoch: 3, opened: 2, mark, acknowledged: 10, lsn: 10, address: "b" };
    await read.answer(
      reading({ own: 3, peer: 2, theirs: { ...NO_STATUS, sequence: 1, opened: 2, released } }),
    );
    await time.pass(300);
    for (let i = 0; i < 4 && shut.asked.length === 0; i++) {
      await end.answer({ startedAt: time.now(), isPrimary: false, mark, lsn: 10 });
      await time.pass(100);
    }
    const asked = shut.asked.length;
    const early = transactions.asked.length;
    if (isLate) time.standStill(RULES.leaseMillis + 1);
    await shut.answer();
    const sent = transactions.asked.length;
    one.stop();
    return [
      ...when(asked === 0, "the port is not shut before a promotion"),
      ...when(early > 0, "it requests a promotion while the port may be open"),
      ...when(
        isLate ? sent > 0 : sent === 0,
        isLate ? "it requests a promotion too late" : "it requests no promotion",
      ),
    ];
  };

const heldUp: Scene = async (halves) => {
  const { one, time } = await serving(halves);
  const before = one.state.heldUpUntil;
  time.standStill(HELD_UP_MILLIS + 1);
  one.learn({ kind: "data", data: { slots: [], records: [], patroniRuns: true } });
  return when(before > 0 || one.state.heldUpUntil !== time.now(), "it does not notice that it was held up");
};

const forgettingCluster: Scene = async (halves) => {
  const { time, read, reading, sees, transactions } = region(halves);
  await turns();
  const follows = { kind: "standby", source: { kind: "region" } } as const;
  const bare = { value: '{"role":"uninitialized"}', create: "1", mod: "1", lease: "1" };
  const look = () =>
    sees(follows, {
      leader: undefined,
      members: { a: bare, b: bare },
      region: { ...NO_REGION_KEYS, epoch: 2 },
    });
  look();
  const news = () => reading({ own: 1, peer: 2, theirs: { ...NO_STATUS, sequence: 1, opened: 2 } });
  await read.answer(news());
  for (let i = 0; i < 99; i++) {
    await time.pass(100);
    look();
    await read.answer(news());
  }
  const early = transactions.asked.length;
  await time.pass(200);
  look();
  await turns();
  const [asked] = transactions.asked;
  return [
    ...when(early > 0, "the cluster is forgotten before its nodes have had the time to speak"),
    ...when(JSON.stringify(asked) !== JSON.stringify([{ delete: keys.initialize }]), "it is not forgotten"),
  ];
};

export const SCENES: Readonly<Record<string, Scene>> = {
  "confesses once the kernel has closed the port": confessing,
  "suspends for a switchover": suspending,
  "sends one transaction at a time, the newest of each kind": queueing,
  "looks again after it has removed its marker": unmarking,
  "leaves a marker, and removes it by a timer": marking,
  "shuts its port for the region": closing,
  "publishes, and reads again where it is refused": publishing,
  "shuts its port before it asks for a promotion": promoting(false),
  "asks for no promotion after its deadline": promoting(true),
  "notices that it was held up": heldUp,
  "forgets a cluster that has only a name": forgettingCluster,
};
