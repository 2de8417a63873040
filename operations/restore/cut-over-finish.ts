/** Continues or undoes a cut-over that was started, from what the nodes and etcd know about it. */

import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { leadingAt, logStateAt, type NodeState, type Prepared, step } from "./cut-over-node.js";
import { absentVoters, isNewer, namesOf, onAll, refuse, stampOf, statesOf, WHOLE } from "./cut-over-nodes.js";
import { type CutOver, type CutOverOutcome, putBack, runLastSteps, runSteps } from "./cut-over-steps.js";
import { type CommandTexts, textsOf } from "./cut-over-texts.js";
import { leaderOf, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";

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
    reason: `${namesOf(closed)} of ${region} has started without data and copies from the leader; no node of ${region} leads. ${absent}If the restored data are lost, promote the other region unless it is active already: it has everything up to the close; the old data are in data.before-${stamp}`,
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
