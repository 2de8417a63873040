/** What a cut-over of the whole cluster says. Pure. */

import { wrapAt } from "../../common/wrap.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Prepared } from "./cut-over-node.js";
import type { Remote } from "./machines.js";
import type { RestoreRequest } from "./request.js";

const WIDTH = 79;

/** @param twin whether that is the place */
const commandOf = (region: RegionId, twin: boolean | undefined, options: string): string =>
  `npx dr restore ${options} --from ${region === "home" ? "prod" : "dr"}${twin ? " --twin" : ""}`;

/** The commands that go on, with what they need to be meant for this region and place. */
export const textsOf = (region: RegionId, twin?: boolean) => ({
  resume: commandOf(region, twin, "--all --resume"),
  undo: commandOf(region, twin, "--all --undo"),
  end: commandOf(region, twin, "--end"),
});
export type CommandTexts = ReturnType<typeof textsOf>;

/** Before the service is stopped. */
export function asideText(
  { to, region }: RestoreRequest,
  {
    stamp,
    nodes,
    replica,
    prepared: { lastCommit, timeline },
    texts,
  }: {
    readonly stamp: string;
    readonly nodes: readonly Remote[];
    readonly replica: Remote;
    readonly prepared: Prepared;
    readonly texts: CommandTexts;
  },
): string {
  const paragraphs = [
    `${replica.name} has it ready: last commit ${lastCommit ?? "that of the backup"}, timeline ${timeline}.`,
    `What goes: everything that ${region} has acknowledged since ${to}, in all databases. It is set aside on each of ${nodes.map(({ name }) => name).join(", ")}, as /var/lib/dr/postgres/data.before-${stamp}, and brought back by nobody.`,
    `Passwords of logins stay as they are now. The other region follows, and loses the same.`,
    `Until ${replica.name} leads, nobody is served: the stop of PostgreSQL everywhere, two renames and a start, usually less than a minute; with one copy of the data until the others have copied it.`,
    `Let nobody promote the other region meanwhile: that would end this, and it would go on with what is to be undone.`,
    `Whatever fails before etcd forgets the old log is put back by itself. If this process dies: ${texts.resume}, or ${texts.undo}.`,
  ];
  return ["", ...paragraphs.flatMap((text) => [...wrapAt(text, WIDTH), ""])].join("\n");
}
