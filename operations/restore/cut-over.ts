/**
 * Sets the whole cluster of the active region back to a moment, in steps, each with its way back: restore beside the
 * serving data, ask, close, set the old data aside, make etcd forget the old log, lead, join. Continues or undoes one
 * that was interrupted, from what the nodes and etcd know about it. The reasons, and what each point of interruption
 * leaves: docs/decisions/0018-a-restore-never-writes-over-anything.md
 */

import { UserError } from "../../common/errors.js";
import { type RestoreReport, restoreReport } from "../../nodes/bin/reports.js";
import { DATABASE_FOLDER, OLD_DATA } from "../../nodes/layout.js";
import { act } from "../../nodes/operator-documents.js";
import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import {
  absentVoters,
  isNewer,
  leadingAt,
  logStateAt,
  membersAt,
  type NodeState,
  namesOf,
  onAll,
  type Prepared,
  refuse,
  roomAt,
  stampOf,
  stateOf,
  statesOf,
  step,
  WHOLE,
} from "./cut-over-node.js";
import {
  AGAIN,
  type CutOver,
  type CutOverOutcome,
  putBack,
  runLastSteps,
  runSteps,
} from "./cut-over-steps.js";
import { leaderOf, must, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import type { RestoreRequest } from "./request.js";
import { follow, target } from "./steps.js";
import { asideText, type CommandTexts, textsOf } from "./texts.js";

/** Space for the copy, relative to the size of the old data. */
const ROOM = 1.1;

/** The state before any change. */
export interface Ready {
  readonly nodes: readonly Remote[];
  readonly leader: Remote;
  /** The node that restores and then leads. */
  readonly replica: Remote;
  /** The epoch that the region has opened. */
  readonly epoch: number;
  readonly timeline: number;
}

/** Checks all preconditions. @throws UserError for the first one that fails; nothing is changed. */
export async function requireCutOver(
  { machines, contract, twin }: Pick<RestorePorts, "machines" | "contract" | "twin">,
  region: RegionId,
): Promise<Ready> {
  const texts = textsOf(region, twin);
  const nodes = await machines.members(region);
  const voters = contract[region].databaseNodes.map(({ name }) => name);
  const gone = absentVoters(contract[region], nodes);
  if (gone.length > 0)
    refuse(`${gone.join(", ")} of ${region} does not run`, WHOLE, "boot it, and try again");
  const states = await statesOf(nodes);
  for (const [{ name }, { mark, prepared, restored }] of states) {
    if (mark || prepared || restored)
      refuse(
        `${name} has remains of a cut-over of ${mark?.stamp ?? prepared?.stamp ?? "unknown stamp"}`,
        "Two cut-overs at once would take each other's data.",
        `${texts.resume} continues it; ${texts.undo} undoes it`,
      );
  }
  const leader = await leaderOf(nodes);
  if (!leader)
    refuse(
      `no node of ${region} takes writes`,
      "Only the active region can go back; the other follows it.",
      "npx dr status shows which one that is; omit --from",
    );
  const members = await membersAt(leader);
  const unwell = members.filter(({ state }) => state !== "running" && state !== "streaming");
  const unknown = members.filter(({ name }) => !nodes.some((node) => node.name === name));
  const absent = nodes.filter(({ name }) => !members.some((member) => member.name === name));
  const bad = [...unwell, ...unknown, ...absent].map(({ name }) => name);
  if (bad.length > 0)
    refuse(`${bad.join(", ")} is not a healthy member`, WHOLE, "fix it first: npx dr status");
  const rooms = await Promise.all(nodes.map(async (node) => ({ node, ...(await roomAt(node)) })));
  const small = rooms.filter(({ dataBytes, freeBytes }) => freeBytes < dataBytes * ROOM);
  if (small.length > 0)
    refuse(
      `${small.map(({ node, dataBytes, freeBytes }) => `${node.name} has ${mib(freeBytes)} free, but its data take ${mib(dataBytes)}`).join("; ")}`,
      "The old data stay beside the new data.",
      `raise database.volumeGib, or delete the old data of an earlier cut-over (${DATABASE_FOLDER}/${OLD_DATA}…)`,
    );
  const replica = rooms
    .filter(({ node }) => node.name !== leader.name && voters.includes(node.name))
    .toSorted((a, b) => b.freeBytes - a.freeBytes)[0]?.node;
  if (!replica) refuse(`${region} has no replica`, "A replica restores while the leader serves.", "add one");
  const { opened, timeline } = await leadingAt(leader);
  return { nodes, leader, replica, epoch: opened, timeline };
}

/**
 * @param restored the report of the restore machine, which a person has checked: the replica must get the same result
 * @param warning about failing checks, to show before the question
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
      "The times of two cut-overs must differ and increase.",
      `correct this machine's clock, and ${texts.end}; then try again`,
    );
  const current: CutOver = { region, stamp, epoch, nodes, replica, leader };
  await ports.at?.("prepare");
  say(`restoring once more on ${replica.name}, beside the data that it serves`);
  const prepared = await prepare(ports, request, current, restored);
  const drop = (reason: string): Promise<CutOverOutcome> =>
    step(replica, "discard", stamp).then(() => ({
      result: "declined" as const,
      reason: `${reason}. The restore machine still runs: ${texts.end}${AGAIN}`,
    }));
  say(asideText(request, { stamp, nodes, replica, prepared, texts }));
  const answer = await confirm(
    `${warning}Stop the service of ${region} and set it back to ${request.to}? (yes/no) `,
  );
  if (answer !== "yes") return drop("nothing was changed; the restored copy is removed");
  const now = await leadingAt(leader).catch(() => undefined);
  // After a promotion, the timeline could have the number of the restored one.
  if (!now?.active || now.opened !== epoch || now.timeline !== ready.timeline)
    return drop(`${leader.name} no longer leads as before; nothing was changed`);
  return runSteps(ports, current, prepared);
}

async function prepare(
  { say, sleep, twin }: RestorePorts,
  request: RestoreRequest,
  { replica, stamp, epoch }: CutOver,
  validated: RestoreReport,
): Promise<Prepared> {
  const { end, undo } = textsOf(request.region, twin);
  const set = validated.backup ?? "";
  await must(replica, act("cut-over-prepare", { stamp, epoch: `${epoch}`, set, ...target(request) }));
  await follow(replica, "cut-over", (line) => say(`  ${line}`), sleep);
  const { prepared } = await stateOf(replica);
  if (prepared && prepared.stamp !== stamp)
    refuse(
      `${replica.name} is restoring for another cut-over, of ${prepared.stamp}`,
      "Two cut-overs were started at once; this one has changed nothing.",
      `wait for the other one to end, or ${undo}; then ${end}, and try again`,
    );
  if (prepared?.state !== "ready") {
    const found = restoreReport.safeParse(
      JSON.parse(await must(replica, act("cut-over-report")).catch(() => "{}")),
    );
    const reason = (found.success && found.data.error) || (await must(replica, act("cut-over-last-lines")));
    throw new UserError(
      `${replica.name} could not restore`,
      `${reason.trim()}. It serves as before, and the incomplete restore is removed.`,
      `${end}; then try again, or with another --to`,
    );
  }
  const differs = (["lastCommit", "endLsn"] as const).filter((key) => prepared[key] !== validated[key]);
  if (differs.length > 0) {
    await step(replica, "discard", stamp);
    throw new UserError(
      `${replica.name} restored a different state than the restore machine`,
      differs.map((key) => `${key}: ${prepared[key]}, but ${validated[key]} there`).join("; "),
      `nothing was changed: ${end}; then try again, with a --to up to which all log is archived`,
    );
  }
  return prepared;
}

const mib = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2)} MiB`;

/** The nodes of the region and their states. */
type NodeStates = readonly (readonly [Remote, NodeState])[];

const hasSigns = (states: NodeStates): boolean =>
  states.some(([, { mark, prepared, restored }]) => mark || prepared || restored);

/**
 * Continues or undoes a cut-over, even if the process that started it is gone.
 * @param elsewhere whether to check the other region if this one has no sign of a cut-over: a promotion may have happened
 */
export async function finishCutOver(
  ports: RestorePorts,
  wanted: RegionId,
  how: "resume" | "undo",
  elsewhere = false,
): Promise<CutOverOutcome> {
  let region = wanted;
  let states: NodeStates = await statesOf(await ports.machines.members(region));
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
        `no cut-over of ${region} was started`,
        left.length > 0
          ? `${namesOf(left)} has only an incomplete restore.`
          : "No running node has a sign of one.",
        left.length > 0 ? texts.undo : "nothing to do; --from names another region",
      );
    await onAll(left, (node) => step(node, "discard", stampOf(ports.date())));
    return { result: "undone", reason: `the incomplete restore on ${namesOf(left)} is removed` };
  }
  const { cutOver: known } = await logStateAt(any);
  const isForgotten = known === stamp;
  if (!isForgotten && known !== `undone ${stamp}` && !isNewer(stamp, known))
    refuse(
      `cut-over ${stamp} is outdated`,
      `etcd knows a later one: ${known}. The nodes that this one closed can't lead any more.`,
      `on each node that has it, as root: dr-cut-over discard ${stamp}; if the node refuses that, give it an empty volume`,
    );
  const holder = states.find(([, { prepared }]) => prepared?.stamp === stamp);
  const isClosed = states.some(([, { mark }]) => mark);
  if (how === "undo") {
    if (isForgotten)
      refuse(
        `cut-over ${stamp} can't be undone`,
        "etcd has forgotten the old log, and the restored data may already serve.",
        `${texts.resume}; then, if necessary, restore to a moment just before it`,
      );
    const [replica = any] = holder ?? [];
    return putBack(ports, { region, stamp, epoch: 0, nodes, replica }, "you requested it");
  }
  const gone = absentVoters(ports.contract[region], nodes);
  if (gone.length > 0 && !isForgotten)
    refuse(`${gone.join(", ")} does not run`, WHOLE, `boot it, or run ${texts.undo}`);
  const replica = holder?.[0] ?? (isForgotten ? await leaderOf(nodes) : undefined);
  const prepared = holder?.[1].prepared ?? undefined;
  if (!replica && isForgotten)
    return withEndHint(await openAll(ports, { region, stamp, gone }, states), texts);
  if (!replica || (!isForgotten && (prepared?.state !== "ready" || prepared.epoch === undefined)))
    refuse(
      `no restored data are ready for cut-over ${stamp}`,
      "It was interrupted before the restore ended, or the restored data are lost.",
      texts.undo,
    );
  const leader = isForgotten ? undefined : await leaderOf(nodes);
  const current: CutOver = { region, stamp, epoch: prepared?.epoch ?? 0, nodes, replica, leader };
  if (isForgotten) return withEndHint(await runLastSteps(ports, current, prepared), texts);
  if (known === `undone ${stamp}`)
    refuse(`cut-over ${stamp} was undone`, "Some nodes are still to be put back.", texts.undo);
  if (!isClosed) {
    if (!leader) refuse(`no node of ${region} takes writes`, "The cut-over has not closed it.", texts.undo);
    const { opened, timeline } = await leadingAt(leader);
    if (opened !== prepared?.epoch || timeline >= (prepared.timeline ?? 0))
      refuse(`the data restored for ${stamp} are too old`, "There has been a promotion since.", texts.undo);
  }
  const answer = await ports.confirm(`Continue cut-over ${stamp} of ${region}? (yes/no) `);
  if (answer !== "yes")
    return { result: "declined", reason: `the cut-over is unchanged; ${texts.undo} undoes it` };
  return withEndHint(await runSteps(ports, current, prepared as Prepared), texts);
}

/** The interrupted command would have ended the restore machine. An undone cut-over says so in its own reason. */
const withEndHint = ({ result, reason }: CutOverOutcome, { end }: CommandTexts): CutOverOutcome => ({
  result,
  reason: result === "undone" ? reason : `${reason}. To end the restore machine, if it still runs: ${end}`,
});

/**
 * etcd has forgotten the log, and no running node has the restored data or leads: they are lost, or the other region was
 * promoted. Nodes with their data set aside can't lead with the old log, so they may start and copy from the leader.
 */
async function openAll(
  { say, twin }: RestorePorts,
  {
    region,
    stamp,
    gone,
  }: { readonly region: RegionId; readonly stamp: string; readonly gone: readonly string[] },
  states: NodeStates,
): Promise<CutOverOutcome> {
  const closed = states.filter(([, { mark }]) => mark).map(([node]) => node);
  say(`no running node of ${region} has the restored data or leads: opening ${namesOf(closed)}`);
  await onAll(closed, (node) => step(node, "open", stamp)).catch((error: Error) =>
    refuse(
      `not all nodes of ${region} are open`,
      error.message,
      `fix it, then ${textsOf(region, twin).resume}`,
    ),
  );
  const absent =
    gone.length > 0
      ? `${gone.join(", ")} does not run. If it has the restored data, boot it, and ${textsOf(region, twin).resume}. `
      : "";
  return {
    result: "opened",
    reason: `${namesOf(closed)} of ${region} has started without data and copies from the leader; no node of ${region} leads. ${absent}If the restored data are lost, promote the other region unless it is active already: it has everything up to the close; the old data are in ${OLD_DATA}${stamp}`,
  };
}

/** @throws UserError if there are several: a person must say which one to finish. */
function oneStamp(states: NodeStates): string | undefined {
  const found = states.flatMap(([{ name }, { mark, prepared }]) =>
    [...new Set([mark?.stamp, prepared?.stamp])].flatMap((stamp) => (stamp ? [{ name, stamp }] : [])),
  );
  const stamps = [...new Set(found.map(({ stamp }) => stamp))];
  if (stamps.length > 1)
    refuse(
      `there are signs of more than one cut-over: ${found.map(({ name, stamp }) => `${name} has ${stamp}`).join(", ")}`,
      "One command finishes one cut-over.",
      "on the node with the unwanted one, as root: dr-cut-over back, then discard, each with that stamp; if the node refuses that, its log is forgotten: give it an empty volume",
    );
  return stamps[0];
}
