/** The steps of a cut-over from the close on: forward to the end, or back. */
import { UserError } from "../../common/errors.js";
import type { RegionId } from "../../settings/stacks.js";
import { comeBack } from "./cut-over-after.js";
import {
  asideRestored,
  forgetLog,
  leadingAt,
  type NodeState,
  type Prepared,
  stateOf,
  step,
} from "./cut-over-node.js";
import { isNewer, onAll, refuse } from "./cut-over-nodes.js";
import { textsOf } from "./cut-over-texts.js";
import type { Remote } from "./machines.js";
import { Interrupted, type RestorePorts } from "./ports.js";

/** A leader key without its leader expires within Patroni's `ttl`; usually a guard removes it sooner. */
const FORGET_TIMES = 60;

const LEAD_TIMES = 180;

const POLL_MILLIS = 1500;

export interface CutOverOutcome {
  /**
   * `cut-over`: it serves the restored data. `undone`: it serves the old data again, or still. `opened`: no node here has
   * either; its nodes start and copy from the leader.
   */
  readonly result: "cut-over" | "undone" | "declined" | "opened";
  readonly reason: string;
}

/** A started cut-over: what its steps need to know. */
export interface CutOver {
  readonly region: RegionId;
  readonly stamp: string;
  readonly epoch: number;
  readonly nodes: readonly Remote[];
  readonly replica: Remote;
  readonly leader?: Remote;
}

export const AGAIN = "; end it before you try again";

/** Requires this cut-over's restored data: once etcd forgets the log, nothing else can lead. */
async function requireRestored({ replica, stamp, epoch }: CutOver): Promise<NodeState> {
  const state = await stateOf(replica);
  const { prepared } = state;
  if (prepared?.stamp !== stamp || prepared.state !== "ready" || prepared.epoch !== epoch)
    throw new Error(
      `the data restored on ${replica.name} for cut-over ${stamp} are gone: another command removed them`,
    );
  return state;
}

async function requireAside(current: CutOver): Promise<void> {
  const { data, mark } = await requireRestored(current);
  if (!data || mark?.stamp !== current.stamp || mark.step !== "aside")
    throw new Error(`${current.replica.name} does not use the data restored for cut-over ${current.stamp}`);
}

/** From the close on. A failure before etcd forgets the log puts everything back at once. */
export async function runSteps(
  ports: RestorePorts,
  current: CutOver,
  prepared: Prepared,
): Promise<CutOverOutcome> {
  const { replica, stamp, region } = current;
  const { undo, end } = textsOf(region, ports.twin);
  await requireRestored(current).catch((error: Error) =>
    refuse(error.message, "This command has closed no node.", `${undo}; then ${end}, and try again`),
  );
  try {
    await closeAll(ports, current, prepared);
    await ports.at?.("aside");
    // On all nodes before etcd forgets, so that no node can lead with the old log.
    ports.say(`setting the old data aside, as data.before-${stamp}`);
    await onAll(current.nodes, (node) =>
      node.name === replica.name ? asideRestored(node, stamp) : step(node, "aside", stamp),
    );
    await ports.at?.("forget");
    await requireAside(current);
    await forget(ports, current);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return putBack(ports, current, (error as Error).message);
  }
  return runLastSteps(ports, current, prepared);
}

/** Replicas first: the leader has everything that they have, and no election happens. */
async function closeAll(ports: RestorePorts, current: CutOver, { timeline = 0 }: Prepared): Promise<void> {
  const { nodes, leader, stamp, region } = current;
  await ports.at?.("close");
  ports.say(`closing ${region}: clients can't connect from now on`);
  const close = async (node: Remote) => {
    const own = Number(await step(node, "close", stamp));
    // A promotion has happened since: two logs would share a timeline, and the archive accepts only one.
    if (!(own < (timeline ?? 0)))
      throw new Error(`${node.name} is on timeline ${own}, the restored data on ${timeline}`);
  };
  await onAll(
    nodes.filter(({ name }) => name !== leader?.name),
    close,
  );
  if (leader) await close(leader);
}

async function forget({ say, sleep }: RestorePorts, { replica, stamp, epoch }: CutOver): Promise<void> {
  say("making etcd forget the old log");
  for (let times = 0; ; times++) {
    const answer = await forgetLog(replica, stamp, epoch);
    if (answer.result === "forgotten") return;
    const passes = answer.epoch === epoch && answer.role === "primary" && isNewer(stamp, answer.cutOver);
    if (!passes || times >= FORGET_TIMES) throw new Error(`etcd keeps the old log: ${answer.reason}`);
    await sleep(POLL_MILLIS);
  }
}

/** There is no way back from here; each step can be repeated. */
export async function runLastSteps(
  ports: RestorePorts,
  current: CutOver,
  prepared?: Prepared,
): Promise<CutOverOutcome> {
  const { replica, nodes, stamp, region } = current;
  await ports.at?.("lead");
  ports.say(`${replica.name} starts with the restored data`);
  const { resume } = textsOf(region, ports.twin);
  await step(replica, "open", stamp).catch((error: Error) =>
    refuse(`${replica.name} does not start`, `${error.message}. ${onlyOn(region)}`, `fix it, then ${resume}`),
  );
  await leads(ports, replica, region);
  await ports.at?.("join");
  ports.say("the other nodes copy it");
  const others = nodes.filter(({ name }) => name !== replica.name);
  const started = await Promise.allSettled(others.map((node) => step(node, "open", stamp)));
  const late = others.filter((_, i) => started[i]?.status === "rejected").map(({ name }) => name);
  const news = await comeBack(ports, region, replica, others);
  const left = late.length > 0 ? `${late.join(", ")} did not start; run ${resume}. ` : "";
  const last = prepared?.lastCommit ? `; last commit ${prepared.lastCommit}` : "";
  return {
    result: "cut-over",
    reason: `${region} serves the restored data${last}. ${left}${news}Each node keeps the old data in /var/lib/dr/postgres/data.before-${stamp}; delete them when you no longer need them`,
  };
}

const onlyOn = (region: RegionId): string =>
  `The old log of ${region} is forgotten: the cut-over can't be undone.`;

export async function leads({ sleep, twin }: RestorePorts, replica: Remote, region: RegionId): Promise<void> {
  for (let times = 0; times < LEAD_TIMES; times++) {
    const seen = await leadingAt(replica).catch(() => undefined);
    if (seen?.active) return;
    await sleep(POLL_MILLIS);
  }
  throw new UserError(
    `${replica.name} does not take writes`,
    `${onlyOn(region)} Its guard and its Patroni show why; if the other region was promoted since, this node follows that region.`,
    `check guard status and journalctl -u patroni on it; fix it, then ${textsOf(region, twin).resume}, which opens the other nodes in any case`,
  );
}

/** One node after the other: the first one notes the undo in etcd, and from then on etcd can't forget the log. */
export async function putBack(ports: RestorePorts, current: CutOver, why: string): Promise<CutOverOutcome> {
  const { nodes, replica, stamp, region } = current;
  const { resume, undo, end } = textsOf(region, ports.twin);
  await ports.at?.("back");
  ports.say(`putting everything back: ${why}`);
  const failed: string[] = [];
  for (const node of [...nodes].toSorted((a) => (a.name === replica.name ? -1 : 0))) {
    await step(node, "back", stamp).catch(
      (error: Error) => void failed.push(`${node.name}: ${error.message}`),
    );
  }
  if (failed.length > 0)
    throw new UserError(
      `some nodes of ${region} are not put back: ${failed.join("; ")}`,
      `The cut-over stopped because: ${why}`,
      `fix those nodes, then ${undo}; if the old log is forgotten: ${resume}`,
    );
  await step(replica, "discard", stamp);
  return {
    result: "undone",
    reason: `${why}. Everything is as before, and ${region} starts with the old data. If the restore machine still runs: ${end}${AGAIN}`,
  };
}
