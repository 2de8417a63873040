/** The systems that the benchmark compares. Each has one twin at a time: three database nodes, one Tomcat server. */
import type { Progress } from "../../../common/progress.js";
import { PatroniSubject } from "./patroni.js";
import { DETECTION } from "./repmgr/files.js";
import { RepmgrSubject } from "./repmgr/repmgr.js";
import type { Subject } from "./subject.js";

export type SystemName = "ours" | "patroni" | "repmgr";

export interface System {
  readonly name: SystemName;
  readonly title: string;
  /** How it is set up, for the report. */
  readonly setup: string;
  /** Faults that it can't be given, and why. */
  readonly without: Readonly<Record<string, string>>;
  /** Approximate seconds that one repetition takes, repair included: per fault name, and for the start. */
  readonly takesSeconds: Readonly<Record<string, number>>;
  open(progress: Progress): Promise<Subject>;
}

export const SYSTEMS: readonly System[] = [
  {
    name: "ours",
    title: "this project",
    setup:
      "the project's settings: leader lease of the guards, Patroni below it, quorum commit (one of two standbys)",
    without: {},
    takesSeconds: {
      start: 15,
      "leader-dead": 25,
      "leader-partitioned": 20,
      "leader-frozen": 20,
      "leader-crashed": 18,
      switchover: 15,
      "sync-replica-lost": 30,
      "etcd-leader-lost": 22,
    },
    open: (progress) => PatroniSubject.open(progress, false),
  },
  {
    name: "patroni",
    title: "Patroni's defaults",
    setup:
      "ttl 30, loop_wait 10, retry_timeout 10, primary_start_timeout 300, synchronous_mode true (one named standby), no leader lease",
    without: {},
    takesSeconds: {
      start: 40,
      "leader-dead": 45,
      "leader-partitioned": 50,
      "leader-frozen": 50,
      "leader-crashed": 25,
      switchover: 20,
      "sync-replica-lost": 30,
      "etcd-leader-lost": 25,
    },
    open: (progress) => PatroniSubject.open(progress, true),
  },
  {
    name: "repmgr",
    title: "repmgr",
    setup: `Debian's package, failover=automatic, reconnect_attempts ${DETECTION.reconnectAttempts}, reconnect_interval ${DETECTION.reconnectIntervalSeconds} s, synchronous_standby_names ANY 1 of the two others`,
    without: {
      switchover:
        "`repmgr standby switchover` needs password-less ssh between the nodes, which the machines don't have",
      "etcd-leader-lost": "repmgr uses no etcd",
    },
    takesSeconds: {
      start: 25,
      "leader-dead": 90,
      "leader-partitioned": 90,
      "leader-frozen": 90,
      "leader-crashed": 90,
      "sync-replica-lost": 35,
    },
    open: (progress) => RepmgrSubject.open(progress),
  },
];
