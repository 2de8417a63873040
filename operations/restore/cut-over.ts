/**
 * The whole cluster of the active region goes back to a moment, in steps, each with its way back: restore beside the data
 * that serve, ask, close, set the old data aside, have etcd forget the old log, lead, join. Why so, and what each point of
 * interruption leaves: docs/decisions/0018-a-restore-never-writes-over-anything.md
 */
import { UserError } from "../../settings/problem.js";
import type { RegionId } from "../../settings/stacks.js";
import { comeBack } from "./cut-over-after.js";
import {
  forgetLog,
  leadingAt,
  logStateAt,
  membersAt,
  type NodeState,
  type Prepared,
  prepareCommand,
  roomAt,
  stateOf,
  step,
} from "./cut-over-node.js";
import { asideText, resumeText, undoText } from "./cut-over-texts.js";
import { leaderOf, must, type Remote } from "./machines.js";
import { Interrupted, type RestorePorts } from "./ports.js";
import { type RestoreReport, restoreReport } from "./report.js";
import type { RestoreRequest } from "./request.js";
import { follow, target } from "./steps.js";

/** Of the old data, for the copy that comes beside them. */
const ROOM = 1.1;
/** A leader key without its leader goes within Patroni's `ttl`; usually a guard is sooner. */
const FORGET_TIMES = 60;
const LEAD_TIMES = 180;
const POLL_MILLIS = 1500;
const PREPARE = {
  report: "/var/lib/dr/cut-over-restored.json",
  log: "/var/lib/dr/cut-over.log",
  done: "/var/lib/dr/cut-over.done",
} as const;
const REPORT_SECONDS = 60;

export interface CutOverOutcome {
  /** `cut-over`: it serves the restored data. `undone`: it serves the old ones again, or still. */
  readonly result: "cut-over" | "undone" | "declined";
  readonly reason: string;
}

/** What was looked at before anything was changed. */
export interface Ready {
  readonly nodes: readonly Remote[];
  readonly leader: Remote;
  /** Where it is restored, and which leads then. */
  readonly replica: Remote;
  /** That the region has opened. */
  readonly epoch: number;
  readonly timeline: number;
}

/** One that was begun: what its steps go by. */
interface Under {
  readonly region: RegionId;
  readonly stamp: string;
  readonly epoch: number;
  readonly nodes: readonly Remote[];
  readonly replica: Remote;
  readonly leader?: Remote;
}

/** Everything that can be known beforehand. @throws UserError with the first thing that is wrong; nothing is changed. */
export async function requireCutOver(
  { machines, contract }: Pick<RestorePorts, "machines" | "contract">,
  region: RegionId,
): Promise<Ready> {
  const nodes = await machines.members(region);
  const voters = contract[region].databaseNodes.map(({ name }) => name);
  const gone = voters.filter((name) => !nodes.some((node) => node.name === name));
  if (gone.length > 0)
    refuse(`${gone.join(", ")} of ${region} does not run`, WHOLE, "boot it, and try again");
  const states = await statesOf(nodes);
  for (const [{ name }, { mark, prepared, restored }] of states) {
    if (mark || prepared || restored)
      refuse(
        `${name} has left-overs of a cut-over of ${mark?.stamp ?? prepared?.stamp ?? "unknown stamp"}`,
        "Two at once would take each other's data.",
        "npx dr restore --all --resume goes on with it, --undo puts it back",
      );
  }
  const leader = await leaderOf(nodes);
  if (!leader)
    refuse(
      `no node of ${region} takes writes`,
      "Only the active region can go back; the other follows it.",
      "npx dr status shows which one that is; leave out --from",
    );
  const members = await membersAt(leader);
  const unwell = members.filter(({ state }) => state !== "running" && state !== "streaming");
  const unknown = members.filter(({ name }) => !nodes.some((node) => node.name === name));
  const absent = nodes.filter(({ name }) => !members.some((member) => member.name === name));
  const bad = [...unwell, ...unknown, ...absent].map(({ name }) => name);
  if (bad.length > 0)
    refuse(`${bad.join(", ")} is no healthy member that answers`, WHOLE, "mend it first: npx dr status");
  const rooms = await Promise.all(nodes.map(async (node) => ({ node, ...(await roomAt(node)) })));
  const small = rooms.filter(({ dataBytes, freeBytes }) => freeBytes < dataBytes * ROOM);
  if (small.length > 0)
    refuse(
      `${small.map(({ node, dataBytes, freeBytes }) => `${node.name} has ${mib(freeBytes)} free, and its data ${mib(dataBytes)}`).join("; ")}`,
      "Its old data stay beside the new ones.",
      "raise database.volumeGib, or delete what is left of an earlier cut-over (/var/lib/dr/postgres/data.before-…)",
    );
  const replica = rooms
    .filter(({ node }) => node.name !== leader.name && voters.includes(node.name))
    .toSorted((a, b) => b.freeBytes - a.freeBytes)[0]?.node;
  if (!replica)
    refuse(`${region} has no replica`, "It is restored on one while the leader serves.", "add one");
  const { opened, timeline } = await leadingAt(leader);
  return { nodes, leader, replica, epoch: opened, timeline };
}

const WHOLE = "Every node is closed and comes back; one that sleeps could wake up with the old log.";

/**
 * @param restored what the restore machine has found, which a person has seen: the same must come out here
 * @param warning of checks that fail, before the question
 */
export async function cutOver(
  ports: RestorePorts,
  request: RestoreRequest,
  ready: Ready,
  restored: RestoreReport,
  warning: string,
): Promise<CutOverOutcome> {
  const { say, confirm } = ports;
  const { replica, leader, nodes, epoch } = ready;
  const { region } = request;
  const stamp = stampOf(ports.date());
  const under: Under = { region, stamp, epoch, nodes, replica, leader };
  await ports.at?.("prepare");
  say(`restoring once more on ${replica.name}, beside what it serves`);
  const prepared = await prepare(ports, request, under, restored);
  const drop = (reason: string): Promise<CutOverOutcome> =>
    step(replica, "discard", stamp).then(() => ({ result: "declined" as const, reason }));
  say(asideText(request, { stamp, nodes, replica, prepared }));
  const answer = await confirm(
    `${warning}Stop the service of ${region}, and go back to ${request.to}? (yes/no) `,
  );
  if (answer !== "yes") return drop("nothing was changed; what was restored beside is removed");
  const now = await leadingAt(leader).catch(() => undefined);
  // A promotion since has a number that the restored log may have too.
  if (!now?.active || now.opened !== epoch || now.timeline !== ready.timeline)
    return drop(`${leader.name} does not lead as before any more; nothing was changed. Try again`);
  return through(ports, under, prepared);
}

async function prepare(
  { say, sleep }: RestorePorts,
  request: RestoreRequest,
  { replica, stamp, epoch }: Under,
  validated: RestoreReport,
): Promise<Prepared> {
  const { report, log, done } = PREPARE;
  const options = [`--set ${validated.backup}`, target(request)].join(" ");
  const command = prepareCommand(stamp, epoch, report, options);
  await follow(replica, command, { log, done }, (line) => say(`  ${line}`), sleep);
  const { prepared } = await stateOf(replica);
  if (prepared?.state !== "ready") {
    const found = restoreReport.safeParse(
      JSON.parse(await must(replica, `cat ${report}`, REPORT_SECONDS).catch(() => "{}")),
    );
    const reason = (found.success && found.data.error) || (await must(replica, `tail -n 3 ${log}`));
    throw new UserError(
      `${replica.name} could not restore`,
      `${reason.trim()}. It serves as before, and nothing is left there.`,
      "try again, or another --to",
    );
  }
  const differs = (["lastCommit", "endLsn"] as const).filter((key) => prepared[key] !== validated[key]);
  if (differs.length > 0) {
    await step(replica, "discard", stamp);
    throw new UserError(
      `${replica.name} restored something else than the restore machine`,
      differs.map((key) => `${key}: ${prepared[key]}, and ${validated[key]} there`).join("; "),
      "nothing was changed: try again with a --to of which all log is archived",
    );
  }
  return prepared;
}

/** From the close on. What fails before the log is forgotten is put back at once. */
async function through(ports: RestorePorts, under: Under, prepared: Prepared): Promise<CutOverOutcome> {
  try {
    await closeAll(ports, under, prepared);
    await ports.at?.("aside");
    // All of them, before etcd forgets: no node is left that could lead with the old log.
    ports.say(`setting the old data aside, as data.before-${under.stamp}`);
    await onAll(under.nodes, (node) => step(node, "aside", under.stamp));
    await ports.at?.("forget");
    await forget(ports, under);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return putBack(ports, under, (error as Error).message);
  }
  return forward(ports, under, prepared);
}

/** Replicas first: the leader has all that they have, and nobody is elected. */
async function closeAll(ports: RestorePorts, under: Under, { timeline = 0 }: Prepared): Promise<void> {
  const { nodes, leader, stamp, region } = under;
  await ports.at?.("close");
  ports.say(`closing ${region}: nobody is served from now on`);
  const close = async (node: Remote) => {
    const own = Number(await step(node, "close", stamp));
    // There was a promotion since: two logs of one number, and the archive takes but one.
    if (!(own < (timeline ?? 0)))
      throw new Error(`${node.name} is on timeline ${own}, and what is restored on ${timeline}`);
  };
  await onAll(
    nodes.filter(({ name }) => name !== leader?.name),
    close,
  );
  if (leader) await close(leader);
}

async function forget({ say, sleep }: RestorePorts, { replica, stamp, epoch }: Under): Promise<void> {
  say("having etcd forget the old log");
  for (let times = 0; ; times++) {
    const answer = await forgetLog(replica, stamp, epoch);
    if (answer.result === "forgotten") return;
    const passes =
      answer.epoch === epoch && answer.role === "primary" && answer.cutOver !== `undone ${stamp}`;
    if (!passes || times >= FORGET_TIMES) throw new Error(`etcd keeps the old log: ${answer.reason}`);
    await sleep(POLL_MILLIS);
  }
}

/** Nothing goes back from here; each step can be taken again. */
async function forward(ports: RestorePorts, under: Under, prepared?: Prepared): Promise<CutOverOutcome> {
  const { replica, nodes, stamp, region } = under;
  await ports.at?.("lead");
  ports.say(`${replica.name} starts with the restored data`);
  await step(replica, "open", stamp);
  await leads(ports, replica, region);
  await ports.at?.("join");
  ports.say("the other nodes copy it");
  const others = nodes.filter(({ name }) => name !== replica.name);
  const started = await Promise.allSettled(others.map((node) => step(node, "open", stamp)));
  const late = others.filter((_, i) => started[i]?.status === "rejected").map(({ name }) => name);
  const news = await comeBack(ports, region, replica, others);
  const left = late.length > 0 ? `${late.join(", ")} did not start: ${resumeText}. ` : "";
  const last = prepared?.lastCommit ? `; last commit ${prepared.lastCommit}` : "";
  return {
    result: "cut-over",
    reason: `${region} serves the restored data${last}. ${left}${news}The old ones: /var/lib/dr/postgres/data.before-${stamp} on each node, yours to keep and to delete`,
  };
}

async function leads({ sleep }: RestorePorts, replica: Remote, region: RegionId): Promise<void> {
  for (let times = 0; times < LEAD_TIMES; times++) {
    const seen = await leadingAt(replica).catch(() => undefined);
    if (seen?.active) return;
    await sleep(POLL_MILLIS);
  }
  throw new UserError(
    `${replica.name} does not take writes`,
    `The old log of ${region} is forgotten: it can only go on. Its guard and its Patroni say why; where the other region was promoted since, it follows that.`,
    `mend it, then ${resumeText}; guard status and journalctl -u patroni on it. To start another node as it is: dr-cut-over open, with the stamp`,
  );
}

/** One after the other: the first notes in etcd that it is put back, and from there on nobody forgets. */
async function putBack(ports: RestorePorts, under: Under, why: string): Promise<CutOverOutcome> {
  const { nodes, replica, stamp, region } = under;
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
      `${region} is not all put back: ${failed.join("; ")}`,
      `It was given up because: ${why}`,
      `mend those nodes, then ${undoText}; where the old log is forgotten: ${resumeText}`,
    );
  await step(replica, "discard", stamp);
  return {
    result: "undone",
    reason: `${why}. Everything is as before, and ${region} starts with the old data`,
  };
}

/** Goes on with one that was begun, or puts it back: whatever became of whoever had begun it. */
export async function finishCutOver(
  ports: RestorePorts,
  region: RegionId,
  how: "resume" | "undo",
): Promise<CutOverOutcome> {
  const nodes = await ports.machines.members(region);
  const states = await statesOf(nodes);
  const stamp = states.map(([, { mark, prepared }]) => mark?.stamp ?? prepared?.stamp).find(Boolean);
  const [any] = nodes;
  if (stamp === undefined || !any)
    throw new UserError(
      `no cut-over of ${region} was begun`,
      "No node has a sign of one.",
      "npx dr restore --all --to …",
    );
  const { cutOver: known } = await logStateAt(any);
  const isForgotten = known === stamp;
  const holder = states.find(([, { prepared }]) => prepared?.stamp === stamp);
  const isClosed = states.some(([, { mark }]) => mark);
  if (how === "undo") {
    if (isForgotten)
      throw new UserError(
        `cut-over ${stamp} can't be put back`,
        "etcd has forgotten the old log, and the restored one may serve already.",
        `${resumeText}; and then, if need be, a restore to just before it`,
      );
    const [replica = any] = holder ?? [];
    return putBack(ports, { region, stamp, epoch: 0, nodes, replica }, "it was asked for");
  }
  const voters = ports.contract[region].databaseNodes.map(({ name }) => name);
  const gone = voters.filter((name) => !nodes.some((node) => node.name === name));
  if (gone.length > 0 && !isForgotten)
    throw new UserError(`${gone.join(", ")} does not run`, WHOLE, `boot it; or ${undoText}`);
  const replica = holder?.[0] ?? (isForgotten ? await leaderOf(nodes) : undefined);
  const prepared = holder?.[1].prepared ?? undefined;
  if (!replica || (!isForgotten && (prepared?.state !== "ready" || prepared.epoch === undefined)))
    throw new UserError(
      `nothing restored stands ready for cut-over ${stamp}`,
      isForgotten ? "The node that has it does not run." : "It was interrupted before it was restored.",
      isForgotten ? "boot it" : undoText,
    );
  const leader = isForgotten ? undefined : await leaderOf(nodes);
  const under: Under = { region, stamp, epoch: prepared?.epoch ?? 0, nodes, replica, leader };
  if (isForgotten) return forward(ports, under, prepared);
  if (known === `undone ${stamp}`)
    throw new UserError(`cut-over ${stamp} was put back`, "Not on every node yet.", undoText);
  if (!isClosed) {
    if (!leader) refuse(`no node of ${region} takes writes`, "It was not closed by the cut-over.", undoText);
    const { opened, timeline } = await leadingAt(leader);
    if (opened !== prepared?.epoch || timeline >= (prepared.timeline ?? 0))
      refuse(`what is restored for ${stamp} is too old`, "There was a promotion since.", undoText);
  }
  const answer = await ports.confirm(`Go on with cut-over ${stamp} of ${region}? (yes/no) `);
  if (answer !== "yes")
    return { result: "declined", reason: `it stands as it was; ${undoText} puts it back` };
  return through(ports, under, prepared as Prepared);
}

const statesOf = (nodes: readonly Remote[]): Promise<(readonly [Remote, NodeState])[]> =>
  Promise.all(
    nodes.map(async (node) => {
      const state = await stateOf(node).catch((error: Error) =>
        refuse(`${node.name} does not answer`, error.message, "mend it, or end it, and try again"),
      );
      return [node, state] as const;
    }),
  );

/** All are waited for, so that what is put back meets none that is still at it. @throws what the first one threw */
async function onAll(nodes: readonly Remote[], work: (node: Remote) => Promise<unknown>): Promise<void> {
  const done = await Promise.allSettled(nodes.map(work));
  for (const each of done) if (each.status === "rejected") throw each.reason;
}

function refuse(what: string, reason: string, remedy: string): never {
  throw new UserError(what, reason, remedy);
}

const mib = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2)} MiB`;

/** `20260301T120000Z`: a part of names. */
const stampOf = (date: Date): string => `${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
