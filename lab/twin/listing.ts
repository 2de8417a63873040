/** `dr twin status`: one line per machine, at most 80 columns. Rendering is pure. */
import type { MachineStatus } from "./control.js";

/** With it, the longest names and addresses of a twin leave room for the lag. */
const STATE_WIDTH = 12;
const HEADER = ["machine", "address", "role", "state", "TL", "lag"] as const;

export function renderStatus(machines: readonly MachineStatus[]): string {
  const rows = [HEADER, ...machines.map(cells)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join(" ")
        .trimEnd(),
    )
    .join("\n");
}

function cells({ name, address, alive, role, databaseRole, state, timeline, lag }: MachineStatus): string[] {
  if (!alive) return [name, address, databaseRole ?? role, "dead"];
  if (!databaseRole) return [name, address, role, "alive"];
  return [
    name,
    address,
    databaseRole,
    clip(state ?? "?"),
    `${timeline ?? "?"}`,
    lag === undefined ? "" : size(lag),
  ];
}

const clip = (state: string): string =>
  state.length <= STATE_WIDTH ? state : `${state.slice(0, STATE_WIDTH - 1)}…`;

/** Patroni gives bytes, or a word when it doesn't know. */
function size(lag: number | string): string {
  if (typeof lag === "string") return lag;
  if (lag < 10_000) return `${lag} B`;
  const mebibytes = lag / 1024 ** 2;
  return mebibytes < 10_000 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(0)} GiB`;
}
