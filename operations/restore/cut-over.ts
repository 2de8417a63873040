/**
 * The whole cluster of the active region goes back to a moment, in steps, each with its way back: restore beside the data
 * that serve, ask, close, set the old data aside, have etcd forget the old log, lead, join. Why so, and what each point of
 * interruption leaves: docs/decisions/0018-a-restore-never-writes-over-anything.md
 */
import { UserError } from "../../settings/problem.js";
import type { RegionId } from "../../settings/stacks.js";
import { otherRegion } from "../../stacks/contract.js";
import { comeBack } from "./cut-over-after.js";
import {
  asideRestored,
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
import { asideText, textsOf } from "./cut-over-texts.js";
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
  /**
   * `cut-over`: it serves the restored data. `undone`: it serves the old ones again, or still. `opened`: nobody here has
   * either; its nodes start, and copy from whoever leads.
   */
  readonly result: "cut-over" | "undone" | "declined" | "opened";
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
  { machines, contract, twin }: Pick<RestorePorts, "machines" | "contract" | "twin">,
  region: RegionId,
): Promise<Ready> {
  const texts = textsOf(region, twin);
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
        `${texts.resume} goes on with it; ${texts.undo} puts it back`,
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
  const texts = textsOf(region, ports.twin);
  const stamp = stampOf(ports.date());
  const { cutOver: known } = await logStateAt(replica);
  if (!isNewer(stamp, known))
    refuse(
      `etcd of ${region} knows a cut-over of a later time: ${known}`,
      "Two are told apart by their times.",
      `set this machine's clock, and ${texts.end}; then try again`,
    );
  const under: Under = { region, stamp, epoch, nodes, replica, leader };
  await ports.at?.("prepare");
  say(`restoring once more on ${replica.name}, beside what it serves`);
  const prepared = await prepare(ports, request, under, restored);
  const drop = (reason: string): Promise<CutOverOutcome> =>
    step(replica, "discard", stamp).then(() => ({
      result: "declined" as const,
      reason: `${reason}. The restore machine stands: ${texts.end}${AGAIN}`,
    }));
  say(asideText(request, { stamp, nodes, replica, prepared, texts }));
  const answer = await confirm(
    `${warning}Stop the service of ${region}, and go back to ${request.to}? (yes/no) `,
  );
  if (answer !== "yes") return drop("nothing was changed; what was restored beside is removed");
  const now = await leadingAt(leader).catch(() => undefined);
  // A promotion since has a number that the restored log may have too.
  if (!now?.active || now.opened !== epoch || now.timeline !== ready.timeline)
    return drop(`${leader.name} does not lead as before any more; nothing was changed`);
  return through(ports, under, prepared);
}

const AGAIN = "; only then can it be tried again";

async function prepare(
  { say, sleep, twin }: RestorePorts,
  request: RestoreRequest,
  { replica, stamp, epoch }: Under,
  validated: RestoreReport,
): Promise<Prepared> {
  const { report, log, done } = PREPARE;
  const { end, undo } = textsOf(request.region, twin);
  const options = [`--set ${validated.backup}`, target(request)].join(" ");
  const command = prepareCommand(stamp, epoch, report, options);
  await follow(replica, command, { log, done }, (line) => say(`  ${line}`), sleep);
  const { prepared } = await stateOf(replica);
  if (prepared && prepared.stamp !== stamp)
    refuse(
      `${replica.name} restores for another cut-over, of ${prepared.stamp}`,
      "Two were begun at once; nothing was changed by this one.",
      `let that one end, or ${undo}; then ${end}, and try again`,
    );
  if (prepared?.state !== "ready") {
    const found = restoreReport.safeParse(
      JSON.parse(await must(replica, `cat ${report}`, REPORT_SECONDS).catch(() => "{}")),
    );
    const reason = (found.success && found.data.error) || (await must(replica, `tail -n 3 ${log}`));
    throw new UserError(
      `${replica.name} could not restore`,
      `${reason.trim()}. It serves as before, and nothing is left there.`,
      `${end}; then try again, or another --to`,
    );
  }
  const differs = (["lastCommit", "endLsn"] as const).filter((key) => prepared[key] !== validated[key]);
  if (differs.length > 0) {
    await step(replica, "discard", stamp);
    throw new UserError(
      `${replica.name} restored something else than the restore machine`,
      differs.map((key) => `${key}: ${prepared[key]}, and ${validated[key]} there`).join("; "),
      `nothing was changed: ${end}; then try again, with a --to of which all log is archived`,
    );
  }
  return prepared;
}

/** Of this cut-over, and ready: once the log is forgotten nothing else is left to lead. */
async function requireRestored({ replica, stamp, epoch }: Under): Promise<NodeState> {
  const state = await stateOf(replica);
  const { prepared } = state;
  if (prepared?.stamp !== stamp || prepared.state !== "ready" || prepared.epoch !== epoch)
    throw new Error(
      `what was restored on ${replica.name} for cut-over ${stamp} is there no more: another order removed it`,
    );
  return state;
}

async function requireAside(under: Under): Promise<void> {
  const { data, mark } = await requireRestored(under);
  if (!data || mark?.stamp !== under.stamp || mark.step !== "aside")
    throw new Error(`${under.replica.name} does not stand on what was restored for cut-over ${under.stamp}`);
}

/** From the close on. What fails before the log is forgotten is put back at once. */
async function through(ports: RestorePorts, under: Under, prepared: Prepared): Promise<CutOverOutcome> {
  const { replica, stamp, region } = under;
  const { undo, end } = textsOf(region, ports.twin);
  await requireRestored(under).catch((error: Error) =>
    refuse(error.message, "Nothing was closed by this order.", `${undo}; then ${end}, and try again`),
  );
  try {
    await closeAll(ports, under, prepared);
    await ports.at?.("aside");
    // All of them, before etcd forgets: no node is left that could lead with the old log.
    ports.say(`setting the old data aside, as data.before-${stamp}`);
    await onAll(under.nodes, (node) =>
      node.name === replica.name ? asideRestored(node, stamp) : step(node, "aside", stamp),
    );
    await ports.at?.("forget");
    await requireAside(under);
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
    const passes = answer.epoch === epoch && answer.role === "primary" && isNewer(stamp, answer.cutOver);
    if (!passes || times >= FORGET_TIMES) throw new Error(`etcd keeps the old log: ${answer.reason}`);
    await sleep(POLL_MILLIS);
  }
}

/** Nothing goes back from here; each step can be taken again. */
async function forward(ports: RestorePorts, under: Under, prepared?: Prepared): Promise<CutOverOutcome> {
  const { replica, nodes, stamp, region } = under;
  await ports.at?.("lead");
  ports.say(`${replica.name} starts with the restored data`);
  const { resume } = textsOf(region, ports.twin);
  await step(replica, "open", stamp).catch((error: Error) =>
    refuse(
      `${replica.name} does not start`,
      `${error.message}. ${onlyOn(region)}`,
      `mend it, then ${resume}`,
    ),
  );
  await leads(ports, replica, region);
  await ports.at?.("join");
  ports.say("the other nodes copy it");
  const others = nodes.filter(({ name }) => name !== replica.name);
  const started = await Promise.allSettled(others.map((node) => step(node, "open", stamp)));
  const late = others.filter((_, i) => started[i]?.status === "rejected").map(({ name }) => name);
  const news = await comeBack(ports, region, replica, others);
  const left = late.length > 0 ? `${late.join(", ")} did not start: ${resume}. ` : "";
  const last = prepared?.lastCommit ? `; last commit ${prepared.lastCommit}` : "";
  return {
    result: "cut-over",
    reason: `${region} serves the restored data${last}. ${left}${news}The old ones: /var/lib/dr/postgres/data.before-${stamp} on each node, yours to keep and to delete`,
  };
}

const onlyOn = (region: RegionId): string => `The old log of ${region} is forgotten: it can only go on.`;

async function leads({ sleep, twin }: RestorePorts, replica: Remote, region: RegionId): Promise<void> {
  for (let times = 0; times < LEAD_TIMES; times++) {
    const seen = await leadingAt(replica).catch(() => undefined);
    if (seen?.active) return;
    await sleep(POLL_MILLIS);
  }
  throw new UserError(
    `${replica.name} does not take writes`,
    `${onlyOn(region)} Its guard and its Patroni say why; where the other region was promoted since, it follows that.`,
    `guard status and journalctl -u patroni on it; mend it, then ${textsOf(region, twin).resume}: that opens the other nodes, whoever leads`,
  );
}

/** One after the other: the first notes in etcd that it is put back, and from there on nobody forgets. */
async function putBack(ports: RestorePorts, under: Under, why: string): Promise<CutOverOutcome> {
  const { nodes, replica, stamp, region } = under;
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
      `${region} is not all put back: ${failed.join("; ")}`,
      `It was given up because: ${why}`,
      `mend those nodes, then ${undo}; where the old log is forgotten: ${resume}`,
    );
  await step(replica, "discard", stamp);
  return {
    result: "undone",
    reason: `${why}. Everything is as before, and ${region} starts with the old data. Where the restore machine stands: ${end}${AGAIN}`,
  };
}

/** Where an order to finish looks: nodes of the region and what stands on them. */
type Seen = readonly (readonly [Remote, NodeState])[];

const hasSigns = (states: Seen): boolean =>
  states.some(([, { mark, prepared, restored }]) => mark || prepared || restored);

/**
 * Goes on with one that was begun, or puts it back: whatever became of whoever had begun it.
 * @param elsewhere whether the other region is looked at where this one has no sign of any: an epoch may have been raised
 */
export async function finishCutOver(
  ports: RestorePorts,
  wanted: RegionId,
  how: "resume" | "undo",
  elsewhere = false,
): Promise<CutOverOutcome> {
  let region = wanted;
  let states: Seen = await statesOf(await ports.machines.members(region));
  if (elsewhere && !hasSigns(states)) {
    const others = await statesOf(await ports.machines.members(otherRegion(region))).catch(() => []);
    if (hasSigns(others)) [region, states] = [otherRegion(region), others];
  }
  const texts = textsOf(region, ports.twin);
  const nodes = states.map(([node]) => node);
  const stamp = oneStamp(states);
  const [any] = nodes;
  if (stamp === undefined || !any) {
    const left = states.filter(([, { restored }]) => restored).map(([node]) => node);
    if (how === "resume" || left.length === 0)
      refuse(
        `no cut-over of ${region} was begun`,
        left.length > 0
          ? `${namesOf(left)} has but a part of what was restored.`
          : "No node that runs has a sign of one.",
        left.length > 0 ? texts.undo : "nothing is to be done; --from names another region",
      );
    await onAll(left, (node) => step(node, "discard", stampOf(ports.date())));
    return { result: "undone", reason: `what was restored beside on ${namesOf(left)} is removed` };
  }
  const { cutOver: known } = await logStateAt(any);
  const isForgotten = known === stamp;
  if (!isForgotten && known !== `undone ${stamp}` && !isNewer(stamp, known))
    refuse(
      `cut-over ${stamp} is an old one`,
      `etcd knows a later one: ${known}. What it closed can't lead any more.`,
      `on each node that has it, as root: dr-cut-over discard ${stamp}; where that is refused, give the node an empty volume`,
    );
  const holder = states.find(([, { prepared }]) => prepared?.stamp === stamp);
  const isClosed = states.some(([, { mark }]) => mark);
  if (how === "undo") {
    if (isForgotten)
      refuse(
        `cut-over ${stamp} can't be put back`,
        "etcd has forgotten the old log, and the restored one may serve already.",
        `${texts.resume}; and then, if need be, a restore to just before it`,
      );
    const [replica = any] = holder ?? [];
    return putBack(ports, { region, stamp, epoch: 0, nodes, replica }, "it was asked for");
  }
  const voters = ports.contract[region].databaseNodes.map(({ name }) => name);
  const gone = voters.filter((name) => !nodes.some((node) => node.name === name));
  if (gone.length > 0 && !isForgotten)
    refuse(`${gone.join(", ")} does not run`, WHOLE, `boot it; or ${texts.undo}`);
  const replica = holder?.[0] ?? (isForgotten ? await leaderOf(nodes) : undefined);
  const prepared = holder?.[1].prepared ?? undefined;
  if (!replica && isForgotten) return openAll(ports, { region, stamp, gone }, states);
  if (!replica || (!isForgotten && (prepared?.state !== "ready" || prepared.epoch === undefined)))
    refuse(
      `nothing restored stands ready for cut-over ${stamp}`,
      "It was interrupted before it was restored, or what was restored is lost.",
      texts.undo,
    );
  const leader = isForgotten ? undefined : await leaderOf(nodes);
  const under: Under = { region, stamp, epoch: prepared?.epoch ?? 0, nodes, replica, leader };
  if (isForgotten) return forward(ports, under, prepared);
  if (known === `undone ${stamp}`)
    refuse(`cut-over ${stamp} was put back`, "Not on every node yet.", texts.undo);
  if (!isClosed) {
    if (!leader)
      refuse(`no node of ${region} takes writes`, "It was not closed by the cut-over.", texts.undo);
    const { opened, timeline } = await leadingAt(leader);
    if (opened !== prepared?.epoch || timeline >= (prepared.timeline ?? 0))
      refuse(`what is restored for ${stamp} is too old`, "There was a promotion since.", texts.undo);
  }
  const answer = await ports.confirm(`Go on with cut-over ${stamp} of ${region}? (yes/no) `);
  if (answer !== "yes")
    return { result: "declined", reason: `it stands as it was; ${texts.undo} puts it back` };
  return through(ports, under, prepared as Prepared);
}

/**
 * The log is forgotten, and no node that runs has what was restored, nor leads: it is lost, or another region was promoted.
 * Nodes that were set aside have no data, so none can lead with the old log: they may start, and copy from whoever leads.
 */
async function openAll(
  { say, twin }: RestorePorts,
  {
    region,
    stamp,
    gone,
  }: { readonly region: RegionId; readonly stamp: string; readonly gone: readonly string[] },
  states: Seen,
): Promise<CutOverOutcome> {
  const closed = states.filter(([, { mark }]) => mark).map(([node]) => node);
  say(`no node of ${region} that runs has the restored data, or leads: opening ${namesOf(closed)}`);
  await onAll(closed, (node) => step(node, "open", stamp)).catch((error: Error) =>
    refuse(`not all of ${region} is open`, error.message, `mend it, then ${textsOf(region, twin).resume}`),
  );
  const absent =
    gone.length > 0
      ? `${gone.join(", ")} does not run: if the restored data are there, boot it, and ${textsOf(region, twin).resume}. `
      : "";
  return {
    result: "opened",
    reason: `${namesOf(closed)} of ${region} has started without data, and copies from whoever leads: nobody does here. ${absent}Where the restored data are lost, promote the other region, which has all up to the close, if it was not yet; the old data are in data.before-${stamp}`,
  };
}

/** @throws UserError where there are several: which of them is meant is for a person to say. */
function oneStamp(states: Seen): string | undefined {
  const found = states.flatMap(([{ name }, { mark, prepared }]) =>
    [...new Set([mark?.stamp, prepared?.stamp])].flatMap((stamp) => (stamp ? [{ name, stamp }] : [])),
  );
  const stamps = [...new Set(found.map(({ stamp }) => stamp))];
  if (stamps.length > 1)
    refuse(
      `there are signs of more than one cut-over: ${found.map(({ name, stamp }) => `${name} has ${stamp}`).join(", ")}`,
      "One order finishes one.",
      "on the node with the one that is not meant, as root: dr-cut-over back, then discard, each with that stamp; where that is refused, its log is forgotten: give the node an empty volume",
    );
  return stamps[0];
}

const namesOf = (nodes: readonly Remote[]): string => nodes.map(({ name }) => name).join(", ");

/** Stamps are times of one width; the note may say that it was put back. */
const isNewer = (stamp: string, known: string | undefined): boolean =>
  (known?.split(" ").at(-1) ?? "") < stamp;

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
