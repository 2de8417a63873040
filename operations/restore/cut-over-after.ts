/** After a cut-over: the other nodes, the other region and a new backup. The service runs meanwhile. */

import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { leadingAt, membersAt, type PatroniMember } from "./cut-over-node.js";
import type { Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import { follow } from "./steps.js";

const POLL_MILLIS = 3000;
/** Ten minutes without progress are too long; a copy that makes progress may take longer. */
const PATIENT_TIMES = 200;
const FOLLOW_TIMES = 400;
const BACKUP = { log: "/var/lib/dr/cut-over-backup.log", done: "/var/lib/dr/cut-over-backup.done" } as const;
const MAKE_BACKUP = "Make a full backup: runbooks/backup-too-old.md, step 2.";
const MUST_LOOK = "runbooks/point-in-time-restore.md";

/** Waits for all of it, as long as it makes progress. @returns what is missing and what to do about it; empty: nothing. */
export async function comeBack(
  ports: RestorePorts,
  region: RegionId,
  leader: Remote,
  others: readonly Remote[],
): Promise<string> {
  const news: string[] = [];
  const members = await waitFor(ports, PATIENT_TIMES, `nodes of ${region}`, async () => {
    const seen = await membersAt(leader);
    const leading = seen.find(({ name }) => name === leader.name);
    return others.filter(({ name }) => !streams(seen, name, leading?.timeline)).map(({ name }) => name);
  });
  if (members.length > 0)
    news.push(
      `${members.join(", ")} has not come back yet; npx dr status and the log of its Patroni show why.`,
    );
  if (members.length < others.length) {
    // Read replicas don't make backups.
    const voters = ports.contract[region].databaseNodes.map(({ name }) => name);
    const [replica] = others.filter(({ name }) => !members.includes(name) && voters.includes(name));
    if (!replica) news.push(MAKE_BACKUP);
    else if (!(await backUp(ports, replica)))
      news.push("The full backup failed: runbooks/backup-too-old.md, step 2.");
  } else news.push(MAKE_BACKUP);
  const other = otherRegion(region);
  const behind = await otherFollows(ports, other, leader).catch(
    (error: Error) =>
      `It is unknown whether ${other} follows (${error.message}). Check npx dr status; if it doesn't follow: ${MUST_LOOK}.`,
  );
  if (behind) news.push(behind);
  return news.length > 0 ? `${news.join(" ")} ` : "";
}

const streams = (members: readonly PatroniMember[], name: string, timeline: number | undefined): boolean =>
  members.some((one) => one.name === name && one.state === "streaming" && one.timeline === timeline);

async function backUp({ say, sleep }: RestorePorts, replica: Remote): Promise<boolean> {
  say(`a full backup on ${replica.name}`);
  let failed = true;
  await follow(
    replica,
    "dr-backup --type full && echo backup-is-made",
    BACKUP,
    (line) => {
      if (line === "backup-is-made") failed = false;
      else say(`  ${line}`);
    },
    sleep,
  ).catch((error: Error) => say(`  ${error.message}`));
  return !failed;
}

/** The other region has log beyond the point where the restored log branches off: it rewinds, or copies the data again. */
async function otherFollows(
  ports: RestorePorts,
  other: RegionId,
  leader: Remote,
): Promise<string | undefined> {
  const nodes = await ports.machines.members(other);
  if (nodes.length === 0) return undefined;
  const left = await waitFor(ports, FOLLOW_TIMES, `nodes of ${other}`, async () => {
    const { timeline } = await leadingAt(leader);
    const [asked] = (await Promise.allSettled(nodes.map(membersAt))).flatMap((each) =>
      each.status === "fulfilled" ? [each.value] : [],
    );
    return nodes.filter(({ name }) => !streams(asked ?? [], name, timeline)).map(({ name }) => name);
  });
  return left.length === 0
    ? undefined
    : `${left.join(", ")} of ${other} does not follow yet. It rewinds or copies by itself; if it doesn't: ${MUST_LOOK}.`;
}

/** @returns what is still missing when the time limit is over; each change restarts the limit. */
async function waitFor(
  { say, sleep }: RestorePorts,
  times: number,
  what: string,
  missing: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  let last: readonly string[] | undefined;
  for (let left = times; ; left--) {
    const now = await missing().catch(() => undefined);
    if (now?.length === 0) return [];
    if (now && now.join() !== last?.join()) {
      say(`waiting for ${what}: ${now.join(", ")}`);
      last = now;
      left = times;
    }
    if (left <= 0) return last ?? ["the cluster's list"];
    await sleep(POLL_MILLIS);
  }
}
