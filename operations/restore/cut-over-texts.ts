/** What a cut-over of the whole cluster prints. Pure. */

import { wrapAt } from "../../common/wrap.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Prepared } from "./cut-over-node.js";
import type { Remote } from "./machines.js";
import type { RestoreRequest } from "./request.js";

const WIDTH = 79;

/** @param twin whether the place is the twin */
const commandOf = (region: RegionId, twin: boolean | undefined, options: string): string =>
  `npx dr restore ${options} --from ${region === "home" ? "prod" : "dr"}${twin ? " --twin" : ""}`;

/** The commands that continue, with their options for this region and place. */
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
    `${replica.name} has the restored data ready: last commit ${lastCommit ?? "as in the backup"}, timeline ${timeline}.`,
    `The service loses everything that ${region} has acknowledged since ${to}, in all databases. Each of ${nodes.map(({ name }) => name).join(", ")} keeps it as /var/lib/dr/postgres/data.before-${stamp}; nothing brings it back automatically.`,
    `Passwords of logins stay as they are now. The other region follows and loses the same data.`,
    `Clients can't connect until ${replica.name} leads. PostgreSQL stops on every node, two folders are renamed, and PostgreSQL starts again, usually within a minute. Until the other nodes have copied the data, only one copy exists.`,
    `Don't promote the other region meanwhile: that would end this cut-over, and the other region would continue with the data that you want to undo.`,
    `If a step fails before etcd forgets the old log, the cut-over puts everything back by itself. If this process dies, run ${texts.resume} or ${texts.undo}.`,
  ];
  return ["", ...paragraphs.flatMap((text) => [...wrapAt(text, WIDTH), ""])].join("\n");
}
