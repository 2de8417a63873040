/** A glance as text: two columns within 80 characters, no colour; notes give the reasons for unknown values. */

import { duration } from "../common/duration.js";
import { wrapAt } from "../common/wrap.js";
import type { EscrowState } from "../escrow/record.js";
import type { RegionId } from "../settings/stacks.js";
import type { AgedBackup, Glance, Lease, RegionGlance } from "./glance.js";
import type { Known } from "./known.js";
import type { Lag } from "./lag.js";
import { REGION_IDS } from "./observation.js";

const LABEL = 13;
const COLUMN = 33;
const WIDTH = LABEL + 2 * COLUMN;

/** @param place the observed place, for the first line */
export function renderGlance({ at, summary, table, regions }: Glance, place: string): string {
  const notes = new Notes();
  const row = (label: string, cell: (region: RegionGlance, id: RegionId) => string): string[] => {
    const [home, recovery] = REGION_IDS.map((id) => wrapAt(cell(regions[id], id), COLUMN - 2));
    return columns(label, home as string[], recovery as string[]);
  };
  const rows = [
    ...row("", ({ region, stack }, id) => `${id}: ${region} (${stack})`),
    ...row("role", ({ role, yields }) => role + (yields ? `: ${yields}` : "")),
    ...row("epoch", ({ epoch }) => epochs(epoch)),
    ...row("leader", ({ leader }) => notes.cell(leader, (node) => node)),
    ...row("published", ({ publishedAgeSeconds: age }) =>
      age ? notes.cell(age, (value) => `${duration(value)} ago`) : "-",
    ),
    ...row("lag", ({ lag }) => (lag ? lagText(lag, notes) : "-")),
    ...row("leases left", ({ leases }) => notes.cell(leases, leaseText)),
    ...row("last backup", ({ lastBackup }) => notes.cell(lastBackup, backupText)),
    ...row("other's copy", ({ copiedBackup }) => notes.cell(copiedBackup, backupText)),
    ...row("escrow", ({ escrow }) => notes.cell(escrow, escrowText)),
    ...row("health check", ({ healthy, role }) =>
      // The check asks for the active region: a standby's must fail, or DNS would send users there.
      notes.cell(healthy, (yes) =>
        yes ? "healthy" : role === "standby" ? "fails, as it should" : "unhealthy",
      ),
    ),
    ...row("overrides", ({ overrides, epoch }) =>
      overrides.length > 0 ? `${overrides.join(", ")} for epoch ${epoch.claimed}` : "none",
    ),
    ...row("waits for", ({ waitsFor }) =>
      waitsFor ? notes.cell(waitsFor, (reason) => reason ?? "nothing: it is opening") : "-",
    ),
  ];
  return [
    ...wrapAt(`${at.slice(0, 19).replace("T", " ")} UTC, ${place}, claims read in ${table.readIn}`, WIDTH),
    ...wrapAt(summary, WIDTH),
    "",
    ...rows,
    ...(table.failures.length > 0
      ? ["", ...table.failures.flatMap((text) => wrapAt(`not readable in ${text}`, WIDTH))]
      : []),
    ...notes.lines(),
  ].join("\n");
}

const backupText = (backup: AgedBackup | null): string =>
  backup ? `${backup.kind}, ${duration(backup.ageSeconds)} ago` : "none yet";

const escrowText = ({ wrong, ageSeconds }: EscrowState): string =>
  wrong ?? `verified ${duration(ageSeconds as number)} ago`;

const epochs = ({ claimed, opened }: RegionGlance["epoch"]): string =>
  claimed === 0 ? "none claimed" : `${claimed} claimed, ${opened === 0 ? "none" : opened} opened`;

function lagText({ seconds, bytes, proofAgeSeconds }: Lag, notes: Notes): string {
  const parts = [
    notes.cell(seconds, duration),
    notes.cell(bytes, (value) => `${value} bytes`, "bytes "),
    ...("value" in proofAgeSeconds ? [`proven ${duration(proofAgeSeconds.value)} ago`] : []),
  ];
  return parts.join(", ");
}

/** The longest lease: only the leader has one. */
function leaseText(leases: readonly Lease[]): string {
  const [most] = [...leases].sort((a, b) => b.regionMillis - a.regionMillis);
  if (!most || most.regionMillis === 0) return "none: no node may take writes";
  return `region ${duration(most.regionMillis / 1000)}, port ${duration(most.portMillis / 1000)}`;
}

/** Reasons too long for a cell, once each. */
class Notes {
  private readonly reasons: string[] = [];

  /** @param what goes before "unknown" */
  cell<T>(what: Known<T>, text: (value: T) => string, name = ""): string {
    if ("value" in what) return text(what.value as T);
    if (what.unknown.length <= COLUMN - 3) return what.unknown;
    if (!this.reasons.includes(what.unknown)) this.reasons.push(what.unknown);
    return `${name}unknown (${this.reasons.indexOf(what.unknown) + 1})`;
  }

  lines(): string[] {
    if (this.reasons.length === 0) return [];
    return ["", ...this.reasons.flatMap((reason, i) => wrapAt(`(${i + 1}) ${reason}`, WIDTH, "    "))];
  }
}

function columns(label: string, left: readonly string[], right: readonly string[]): string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) =>
    `${(i === 0 ? label : "").padEnd(LABEL)}${(left[i] ?? "").padEnd(COLUMN)}${right[i] ?? ""}`.trimEnd(),
  );
}
