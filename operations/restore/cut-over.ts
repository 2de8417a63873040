/**
 * Sets the whole cluster of the active region back to a moment, in steps, each with its way back: restore beside the
 * serving data, ask, close, set the old data aside, make etcd forget the old log, lead, join. The reasons, and what each
 * point of interruption leaves: docs/decisions/0018-a-restore-never-writes-over-anything.md
 */

import { UserError } from "../../common/errors.js";
import { type RestoreReport, restoreReport } from "../../nodes/bin/reports.js";
import type { RegionId } from "../../settings/stacks.js";
import {
  leadingAt,
  logStateAt,
  membersAt,
  type Prepared,
  prepareCommand,
  roomAt,
  stateOf,
  step,
} from "./cut-over-node.js";
import { absentVoters, isNewer, refuse, stampOf, statesOf, WHOLE } from "./cut-over-nodes.js";
import { AGAIN, type CutOver, type CutOverOutcome, runSteps } from "./cut-over-steps.js";
import { asideText, textsOf } from "./cut-over-texts.js";
import { leaderOf, must, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import type { RestoreRequest } from "./request.js";
import { follow, target } from "./steps.js";

/** Space for the copy, relative to the size of the old data. */
const ROOM = 1.1;

const PREPARE = {
  report: "/var/lib/dr/cut-over-restored.json",
  log: "/var/lib/dr/cut-over.log",
  done: "/var/lib/dr/cut-over.done",
} as const;

const REPORT_SECONDS = 60;

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
      "raise database.volumeGib, or delete the old data of an earlier cut-over (/var/lib/dr/postgres/data.before-…)",
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
  const { report, log, done } = PREPARE;
  const { end, undo } = textsOf(request.region, twin);
  const options = [`--set ${validated.backup}`, target(request)].join(" ");
  const command = prepareCommand(stamp, epoch, report, options);
  await follow(replica, command, { log, done }, (line) => say(`  ${line}`), sleep);
  const { prepared } = await stateOf(replica);
  if (prepared && prepared.stamp !== stamp)
    refuse(
      `${replica.name} is restoring for another cut-over, of ${prepared.stamp}`,
      "Two cut-overs were started at once; this one has changed nothing.",
      `wait for the other one to end, or ${undo}; then ${end}, and try again`,
    );
  if (prepared?.state !== "ready") {
    const found = restoreReport.safeParse(
      JSON.parse(await must(replica, `cat ${report}`, REPORT_SECONDS).catch(() => "{}")),
    );
    const reason = (found.success && found.data.error) || (await must(replica, `tail -n 3 ${log}`));
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
