/** What a new deployment begins from, as text. */
import type { BeginPlan } from "./run.js";
import type { Progressed } from "./transfer.js";

/** At most this many keys are listed; JSON has all of them. */
const SHOWN = 5;

export function renderPlan(plan: BeginPlan): string[] {
  const { from, into, all, present, backups, newestLog, to, changesPassphrase, hidden, overwritten } = plan;
  return [
    `from         s3://${from}`,
    `into         s3://${into}`,
    `copies       ${amount(all)}${present > 0 ? `; ${present} objects are there already` : ""}`,
    `backups      ${backups.length}, the newest ${backups.toSorted().at(-1)}`,
    `log          ${newestLog ? `until ${newestLog}: later writes are lost` : "none: only the backups"}`,
    `restores     ${to === "latest" ? "all of it" : `to ${to}`}`,
    `passphrase   ${changesPassphrase ? "from the escrow, in place of the new account's" : "is the escrow's already"}`,
    ...listed("hidden", hidden, "a lifecycle rule hides what is old; anything newer was hidden by someone"),
    ...listed(
      "overwritten",
      overwritten,
      "pgBackRest writes each of them once: someone else wrote them again",
    ),
    ...(hidden.length + overwritten.length > 0
      ? ["To take them as they were before: --as-of with a time before that."]
      : []),
  ];
}

function listed(word: string, keys: readonly string[], why: string): string[] {
  if (keys.length === 0) return [];
  const more = keys.length > SHOWN ? [`  … and ${keys.length - SHOWN} more; --json shows all`] : [];
  return [
    `${word.padEnd(12)} ${keys.length}: ${why}`,
    ...keys.slice(0, SHOWN).map((key) => `  ${key}`),
    ...more,
  ];
}

export const amount = ({ objects, bytes }: Progressed): string =>
  `${objects} objects, ${(bytes / 1024 ** 2).toFixed(1)} MiB`;
