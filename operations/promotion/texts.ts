/** What a promotion prints before, during and at its end. At most 80 columns. Pure. */

import { duration } from "../../common/duration.js";
import { labelled, wrapAt } from "../../common/wrap.js";
import type { Contract } from "../../settings/contract.js";
import { otherRegion } from "../../settings/contract.js";
import type { Event } from "./follow.js";
import type { PromotionPlan } from "./plan.js";

const WIDTH = 79;

/** The plan, shown before the question. */
export function planText(plan: PromotionPlan, contract: Pick<Contract, "home" | "recovery">): string {
  const { region, epoch, claims, overrides, kind, warnings } = plan;
  const { region: aws, stack } = contract[region];
  const other = contract[otherRegion(region)];
  const rows: [string, string][] = [
    [
      "now",
      claims
        ? `epoch ${epoch} is the next that ${region} can claim`
        : `epoch ${epoch} is claimed but not open`,
    ],
    ["kind", KINDS[kind](region, otherRegion(region))],
    ["closed for", closedText(plan)],
    ["lost", lossText(plan)],
    ["permanent", `epoch ${epoch} is used up; the way back is epoch ${epoch + 1} in stack ${other.stack}`],
    ...overrides.map((key): [string, string] => [
      "override",
      `${key} for epoch ${epoch}; it can't be revoked`,
    ]),
    ...warnings.map((text): [string, string] => ["warning", text]),
  ];
  return [
    `${claims ? "Promote" : "Continue with"} ${region}, ${aws} (stack ${stack}), epoch ${epoch}`,
    "",
    ...labelled(rows, WIDTH),
  ].join("\n");
}

const KINDS: Readonly<Record<PromotionPlan["kind"], (region: string, other: string) => string>> = {
  planned: (region, other) =>
    `planned, by what is visible here: ${other} publishes. It demotes its leader and releases; ${region} continues from exactly that point`,
  unplanned: (region, other) =>
    `unplanned: ${other} has stopped publishing. ${region} waits until the lease of ${other} and the margin expire`,
  fenced: (_, other) =>
    `unplanned and fenced: you guarantee that ${other} is silent, and no guard waits for it`,
  unopposed: (region, other) =>
    `unopposed: ${other} has served nothing for which ${region} would have to wait`,
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
