/** What the benchmark needs of a system under test: three database nodes, HAProxy beside a Tomcat, and how to repair them. */
import { TLS_FILES } from "../../../nodes/layout.js";
import { PORTS } from "../../../settings/contract.js";
import type { DatabaseCluster } from "../../twin/database-cluster.js";
import type { Machine, Twin } from "../../twin/types.js";

/** What a fault left behind, for the system to repair. */
export interface Wound {
  readonly kind: "dead" | "cut" | "frozen" | "crashed" | "etcd down" | "none";
  readonly machine: Machine;
}

export interface Subject {
  readonly twin: Twin;
  /** The three that vote. */
  readonly nodes: readonly Machine[];
  /** The workload runs in its network, and writes to its HAProxy. */
  readonly tomcat: Machine;
  /** For SQL on a node. */
  readonly database: DatabaseCluster;
  /** Name of the application's database, and of the secret with its login. */
  readonly application: { readonly database: string; readonly secret: string };

  /** What keeps the cluster from being a fair start for a repetition; empty when nothing does. */
  flaws(): Promise<string[]>;
  /** Hands the leadership over on purpose. Undefined where the system can't. */
  readonly switchover?: (from: Machine, to: Machine) => Promise<void>;
  /** The node whose etcd leads, asked of all but one. Undefined where the system has no etcd. @throws Error when none does. */
  readonly etcdLeader?: (butOf?: Machine) => Promise<Machine>;
  /** Begins to repair what a fault did; `flaws` is empty once that is complete. */
  heal(wound: Wound): Promise<void>;
  close(options: { readonly keep: boolean }): Promise<void>;
}

const AUTHORITY = TLS_FILES.authority;

/** Nodes that call themselves primary, asked as HAProxy asks them. */
export async function primaries({ tomcat, nodes }: Pick<Subject, "tomcat" | "nodes">): Promise<Machine[]> {
  const answers = await Promise.all(
    nodes.map(async ({ address }) => {
      const url = `https://${address}:${PORTS.patroni}/primary`;
      const { stdout } = await tomcat.run(
        [
          ...["curl", "--silent", "--max-time", "1", "--cacert", AUTHORITY, "--request", "OPTIONS"],
          ...["--output", "/dev/null", "--write-out", "%{http_code}", url],
        ],
        { timeoutMillis: 3000 },
      );
      return stdout.trim() === "200";
    }),
  );
  return nodes.filter((_, i) => answers[i]);
}

/** @throws Error when none leads, or several do. */
export async function soleLeader(subject: Pick<Subject, "tomcat" | "nodes">): Promise<Machine> {
  const [leader, ...others] = await primaries(subject);
  if (!leader) throw new Error("no node leads");
  if (others.length > 0) throw new Error(`${others.length + 1} nodes lead`);
  return leader;
}

/** A standby that commits wait for. @throws Error when there is none. */
export async function synchronousStandby(subject: Subject, leader: Machine): Promise<Machine> {
  const [row] = await subject.database.sql(
    leader,
    "SELECT application_name FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming' ORDER BY replay_lag NULLS FIRST, application_name LIMIT 1;",
  );
  if (!row?.[0]) throw new Error("no synchronous standby");
  return subject.twin.machine(row[0]);
}

/** What PostgreSQL itself says against a leader and two standbys of it, both caught up, one of them synchronous. */
export async function replicationFlaws(subject: Subject): Promise<string[]> {
  const leader = await soleLeader(subject);
  const rows = await subject.database.sql(
    leader,
    "SELECT application_name, state, sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication;",
  );
  const flaws: string[] = [];
  for (const { name } of subject.nodes) {
    if (name === leader.name) continue;
    const [, state, , lag] = rows.find((row) => row[0] === name) ?? [];
    if (state !== "streaming") flaws.push(`${name} is ${state ?? "not connected"}`);
    else if (Number(lag) > 0) flaws.push(`${name} is ${lag} bytes behind`);
  }
  if (!rows.some(([, state, sync]) => state === "streaming" && (sync === "sync" || sync === "quorum"))) {
    flaws.push("no standby is synchronous");
  }
  return flaws;
}
