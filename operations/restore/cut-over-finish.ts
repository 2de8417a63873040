/** Goes on with a cut-over that was begun, or puts it back, by what the nodes and etcd know of it. */

import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { leadingAt, logStateAt, type NodeState, type Prepared, step } from "./cut-over-node.js";
import { absentVoters, isNewer, namesOf, onAll, refuse, stampOf, statesOf, WHOLE } from "./cut-over-nodes.js";
import { type CutOverOutcome, forward, putBack, through, type Under } from "./cut-over-steps.js";
import { type CommandTexts, textsOf } from "./cut-over-texts.js";
import { leaderOf, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";

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
  const gone = absentVoters(ports.contract[region], nodes);
  if (gone.length > 0 && !isForgotten)
    refuse(`${gone.join(", ")} does not run`, WHOLE, `boot it; or ${texts.undo}`);
  const replica = holder?.[0] ?? (isForgotten ? await leaderOf(nodes) : undefined);
  const prepared = holder?.[1].prepared ?? undefined;
  if (!replica && isForgotten) return standing(await openAll(ports, { region, stamp, gone }, states), texts);
  if (!replica || (!isForgotten && (prepared?.state !== "ready" || prepared.epoch === undefined)))
    refuse(
      `nothing restored stands ready for cut-over ${stamp}`,
      "It was interrupted before it was restored, or what was restored is lost.",
      texts.undo,
    );
  const leader = isForgotten ? undefined : await leaderOf(nodes);
  const under: Under = { region, stamp, epoch: prepared?.epoch ?? 0, nodes, replica, leader };
  if (isForgotten) return standing(await forward(ports, under, prepared), texts);
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
  return standing(await through(ports, under, prepared as Prepared), texts);
}

/** Whoever had begun it would have ended the restore machine. One that was put back tells so itself. */
const standing = ({ result, reason }: CutOverOutcome, { end }: CommandTexts): CutOverOutcome => ({
  result,
  reason: result === "undone" ? reason : `${reason}. The restore machine, if it stands: ${end}`,
});

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
