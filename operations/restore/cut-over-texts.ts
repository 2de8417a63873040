/** What a cut-over of the whole cluster says. Pure. */
import { wrapAt } from "../wrap.js";
import type { Prepared } from "./cut-over-node.js";
import type { Remote } from "./machines.js";
import type { RestoreRequest } from "./request.js";

const WIDTH = 79;

export const resumeText = "npx dr restore --all --resume";
export const undoText = "npx dr restore --all --undo";

/** Before the service is stopped. */
export function asideText(
  { to, region }: RestoreRequest,
  {
    stamp,
    nodes,
    replica,
    prepared: { lastCommit, timeline },
  }: {
    readonly stamp: string;
    readonly nodes: readonly Remote[];
    readonly replica: Remote;
    readonly prepared: Prepared;
  },
): string {
  const paragraphs = [
    `${replica.name} has it ready: last commit ${lastCommit ?? "that of the backup"}, timeline ${timeline}.`,
    `What goes: everything that ${region} has acknowledged since ${to}, in all databases. It is set aside on each of ${nodes.map(({ name }) => name).join(", ")}, as /var/lib/dr/postgres/data.before-${stamp}, and brought back by nobody.`,
    `Passwords of logins stay as they are now. The other region follows, and loses the same.`,
    `Until ${replica.name} leads, nobody is served: the stop of PostgreSQL everywhere, two renames and a start, usually less than a minute; with one copy of the data until the others have copied it.`,
    `Let nobody promote the other region meanwhile: that would end this, and it would go on with what is to be undone.`,
    `Whatever fails before etcd forgets the old log is put back by itself. If this process dies: ${resumeText}, or ${undoText}.`,
  ];
  return ["", ...paragraphs.flatMap((text) => [...wrapAt(text, WIDTH), ""])].join("\n");
}
