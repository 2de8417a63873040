/** What a promotion says to people: before it, while it goes on, and at its end. At most 80 columns. Pure. */

import { duration } from "../../common/duration.js";
import { wrapAt } from "../../common/wrap.js";
import type { Contract } from "../../settings/contract.js";
import { otherRegion } from "../../settings/contract.js";
import type { Event } from "./follow.js";
import type { PromotionPlan } from "./plan.js";

const WIDTH = 79;
const LABEL = 12;

/** @param lagBudgetSeconds to say what the guards refuse */
export function planText(plan: PromotionPlan, contract: Pick<Contract, "home" | "recovery">): string {
  const { region, epoch, claims, overrides, kind, warnings } = plan;
  const { region: aws, stack } = contract[region];
  const other = contract[otherRegion(region)];
  const rows: [string, string][] = [
    [
      "now",
      claims ? `epoch ${epoch} is the next that ${region} can claim` : `epoch ${epoch} is claimed, not open`,
    ],
    ["kind", KINDS[kind](region, otherRegion(region))],
    ["closed for", closedText(plan)],
    ["lost", lossText(plan)],
    ["for good", `epoch ${epoch} is used then; the way back is epoch ${epoch + 1} in stack ${other.stack}`],
    ...overrides.map((key): [string, string] => [
      "override",
      `${key} for epoch ${epoch}; it can't be taken back`,
    ]),
    ...warnings.map((text): [string, string] => ["warning", text]),
  ];
  return [
    `${claims ? "Promote" : "Go on with"} ${region}, ${aws} (stack ${stack}), epoch ${epoch}`,
    "",
    ...rows.flatMap(([label, text]) =>
      wrapAt(text, WIDTH - LABEL - 2).map((line, i) => `  ${(i === 0 ? label : "").padEnd(LABEL)}${line}`),
    ),
  ].join("\n");
}

const KINDS: Readonly<Record<PromotionPlan["kind"], (region: string, other: string) => string>> = {
  planned: (region, other) =>
    `planned, as far as can be told: ${other} publishes. It demotes its leader and releases; ${region} goes on from exactly there`,
  unplanned: (region, other) =>
    `unplanned: ${other} has published nothing meanwhile. ${region} waits until its lease and the margin are over`,
  fenced: (_, other) => `unplanned and fenced: you answer for ${other} being silent, and nobody waits for it`,
  unopposed: (region, other) =>
    `unopposed: ${other} has served nothing that ${region} would have to wait for`,
};

function closedText({ expected }: PromotionPlan): string {
  if ("unknown" in expected) return `unknown: ${expected.unknown}`;
  const { seconds, parts } = expected.value;
  return `about ${duration(seconds)} (${parts.map((part) => `${part.what}: ${duration(part.seconds)}`).join("; ")}); clients follow by the health checks`;
}

function lossText({ lossSeconds, kind }: PromotionPlan): string {
  if ("unknown" in lossSeconds) return `unknown: ${lossSeconds.unknown}`;
  if (kind === "planned") return "nothing";
  return lossSeconds.value === 0 ? "nothing" : `at most the last ${duration(lossSeconds.value)} of writes`;
}

export const questionText = ({ region, epoch }: PromotionPlan): string =>
  `Promote ${region} to epoch ${epoch}? (yes/no) `;

/** One line, more where it doesn't fit. */
export const eventText = ({ seconds, text }: Event): string =>
  wrapAt(text, WIDTH - 12)
    .map((line, i) => `${i === 0 ? `${seconds.toFixed(1).padStart(8)} s  ` : " ".repeat(12)}${line}`)
    .join("\n");

export const endText = (events: readonly Event[], { reason }: { readonly reason: string }): string =>
  [
    ...(events.length > 0 ? ["", "time line", ...events.map(eventText)] : []),
    "",
    ...wrapAt(`${reason}.`, WIDTH),
  ].join("\n");
