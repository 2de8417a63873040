/** The faults of the benchmark: the same act against every system. */

import { DATA_DIRECTORY } from "../../../nodes/layout.js";
import { until } from "../../drills/until.js";
import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { LedgerData } from "../../workload/ledger.js";
import { type Subject, synchronousStandby, type Wound } from "./subject.js";

export interface Fault {
  readonly name: string;
  readonly title: string;
  /** Median of this project's write gap that is aimed at, seconds. */
  readonly aimSeconds: number;
  /** How much faster than Patroni's defaults this project means to be. */
  readonly aimRatio?: number;
  /** When writes are back: from another node, over new sessions, or once all have had time to react. */
  readonly back: "elsewhere" | "reconnected" | "in time";
  /** Causes the fault. @returns what to repair afterwards. */
  inject(subject: Subject, leader: Machine): Promise<Injury>;
}

export interface Injury {
  readonly wound: Wound;
  /** What shows in the end that the fault took effect; undefined when nothing does. */
  readonly proof: (ledger: LedgerData, leaderAfter: Machine) => string | undefined;
}

/** An election takes about one. */
const ELECTED_SECONDS = 8;

/** The leader's PostgreSQL: the first line of postmaster.pid is its process id. */
const KILL_POSTMASTER = `kill -9 "$(head -1 ${DATA_DIRECTORY}/postmaster.pid)"`;

const led = (old: Machine) => (_: LedgerData, after: Machine) =>
  after.name === old.name ? undefined : `${after.name} leads in the place of ${old.name}`;

/** The leader's whole machine is taken out of service: what the leader lease is for. */
function struck(
  name: string,
  title: string,
  kind: Wound["kind"],
  strike: (leader: Machine) => Promise<void>,
): Fault {
  return {
    name,
    title,
    aimSeconds: 3.5,
    aimRatio: 6,
    back: "elsewhere",
    async inject(_, leader) {
      await strike(leader);
      return { wound: { kind, machine: leader }, proof: led(leader) };
    },
  };
}

export const FAULTS: readonly Fault[] = [
  struck("leader-dead", "leader node dead", "dead", (leader) => leader.kill()),
  struck("leader-partitioned", "leader partitioned", "cut", (leader) => leader.cut()),
  struck("leader-frozen", "leader frozen", "frozen", (leader) => leader.freeze()),
  {
    name: "leader-crashed",
    title: "leader's PostgreSQL killed",
    aimSeconds: 2,
    back: "reconnected",
    async inject(_, leader) {
      const from = now();
      const { exitCode, stderr } = await leader.run(["sh", "-c", KILL_POSTMASTER]);
      if (exitCode !== 0) throw new Error(`the postmaster could not be killed: ${stderr.trim()}`);
      return {
        wound: { kind: "crashed", machine: leader },
        // Not "a write was cut off": between two writes of a session there is time enough to end it.
        proof: ({ sessions }) =>
          sessions.some(({ sent }) => sent >= from) ? `sessions to ${leader.name} broke` : undefined,
      };
    },
  },
  {
    name: "switchover",
    title: "planned switchover",
    aimSeconds: 0.5,
    back: "elsewhere",
    async inject(subject, leader) {
      const candidate = await synchronousStandby(subject, leader);
      await subject.switchover?.(leader, candidate);
      return {
        wound: { kind: "none", machine: leader },
        proof: (_, after) =>
          after.name === candidate.name ? `${candidate.name} leads, as asked` : undefined,
      };
    },
  },
  {
    name: "sync-replica-lost",
    title: "synchronous replica lost",
    aimSeconds: 0.1,
    back: "in time",
    async inject(subject, leader) {
      const standby = await synchronousStandby(subject, leader);
      await standby.kill();
      return {
        wound: { kind: "dead", machine: standby },
        proof: () => (standby.alive ? undefined : `${standby.name}, for which commits had waited, is dead`),
      };
    },
  },
  {
    name: "etcd-leader-lost",
    title: "etcd leader lost",
    aimSeconds: 0.1,
    back: "in time",
    async inject(subject) {
      if (!subject.etcdLeader) throw new Error("this system has no etcd");
      const old = await subject.etcdLeader();
      await old.signal("etcd.service", "SIGKILL");
      // Its unit would start it again; lost means that it stays away.
      await old.systemctl("stop", "etcd.service");
      const next = await until(
        "another etcd that leads",
        ELECTED_SECONDS,
        () => subject.etcdLeader?.(old),
        250,
      ).catch(() => undefined);
      return {
        wound: { kind: "etcd down", machine: old },
        proof: () => next && `etcd of ${next.name} leads in the place of ${old.name}'s`,
      };
    },
  },
];
