/** What Patroni says of a region's cluster, asked from a Tomcat server's network, as HAProxy asks it. */
import { TLS_FILES } from "../../nodes/layout.js";
import { PORTS } from "../../settings/contract.js";
import type { Machine } from "../twin/types.js";

export interface Member {
  readonly name: string;
  /** `leader`, `standby_leader`, `quorum_standby`, `sync_standby`, `replica`. */
  readonly role: string;
  /** `running`, `streaming`, `stopped`, … */
  readonly state: string;
  readonly timeline?: number;
  /** Bytes behind the leader; undefined of the leader itself, or when unknown. */
  readonly lag?: number;
  readonly pending_restart?: boolean;
}

export interface ClusterView {
  /** Node that answers 200 on `/leader`; with several, the one with the greatest timeline. */
  readonly leader: string;
  readonly timeline: number;
  /** As the leader lists them: a node that has just come back can hold an old list. */
  readonly members: readonly Member[];
}

const AUTHORITY = TLS_FILES.authority;

/** One GET to Patroni's REST API. Status 0: no answer within a second. */
async function ask(from: Machine, address: string, path: string): Promise<{ status: number; body: string }> {
  const url = `https://${address}:${PORTS.patroni}${path}`;
  const { stdout } = await from.run(
    ["curl", "--silent", "--max-time", "1", "--cacert", AUTHORITY, "--write-out", "\n%{http_code}", url],
    { timeoutMillis: 3000 },
  );
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)) || 0, body: stdout.slice(0, Math.max(0, end)) };
}

/** @returns undefined while no node leads. */
export async function viewCluster(
  from: Machine,
  nodes: readonly Machine[],
): Promise<ClusterView | undefined> {
  const answers = await Promise.all(
    nodes.map(async (node) => ({ node, ...(await ask(from, node.address, "/leader")) })),
  );
  const leaders = answers
    .filter(({ status }) => status === 200)
    .map(({ node, body }) => ({ node, timeline: (JSON.parse(body) as { timeline?: number }).timeline ?? 0 }))
    .toSorted((a, b) => b.timeline - a.timeline);
  const [leader] = leaders;
  if (!leader) return undefined;
  const { status, body } = await ask(from, leader.node.address, "/cluster");
  if (status !== 200) return undefined;
  const { members } = JSON.parse(body) as { members: (Omit<Member, "lag"> & { lag?: number | "unknown" })[] };
  return {
    leader: leader.node.name,
    timeline: leader.timeline,
    members: members.map(({ lag, ...member }) => ({
      ...member,
      lag: typeof lag === "number" ? lag : undefined,
    })),
  };
}

/**
 * What keeps a cluster from being whole; empty when it is: every node a member, one leader, all others
 * streaming on its timeline, and enough of them in the quorum that the leader may not commit alone.
 * @param voters nodes that may lead
 * @param lagBytes most that a member may be behind; 0 makes sense only without load
 * @param role of the region: a standby's leader streams from the other region, and no commit waits for a
 *   quorum; how far it is behind, the other region knows
 */
export function flaws(
  view: ClusterView | undefined,
  voters: readonly string[],
  replicas: readonly string[] = [],
  lagBytes = 0,
  role: "active" | "standby" = "active",
): string[] {
  if (!view) return ["no node leads"];
  const found: string[] = [];
  const [leading, leaderState] = role === "active" ? ["leader", "running"] : ["standby_leader", "streaming"];
  const leaders = view.members.filter((member) => member.role === leading);
  if (leaders.length !== 1)
    found.push(`${leaders.length} members are listed as ${leading.replace("_", " ")}`);
  for (const name of [...voters, ...replicas]) {
    const member = view.members.find((one) => one.name === name);
    if (!member) {
      found.push(`${name} is no member`);
      continue;
    }
    const { state, timeline, lag } = member;
    const leads = member.role === leading;
    if (state !== (leads ? leaderState : "streaming")) found.push(`${name} is ${state}`);
    if (timeline !== view.timeline) found.push(`${name} is on timeline ${timeline}, not ${view.timeline}`);
    if (!leads && (lag === undefined || lag > lagBytes))
      found.push(`${name} is ${lag ?? "unknown"} bytes behind`);
    if (role === "standby" || leads || !voters.includes(name)) continue;
    if (member.role !== "quorum_standby" && member.role !== "sync_standby") {
      found.push(`${name} is a ${member.role}, not in the quorum`);
    }
  }
  return found;
}
