/** The benchmark's result as text for a terminal and as a page. Pure. */
import type { FailoverBench } from "./result.js";
import type { Cell } from "./statistics.js";

/** Times with the digits that matter. */
export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`;

/** As people say it: `45 s`, `12 min`, `1 h 35 min`. */
export function duration(value: number): string {
  if (value < 90) return `${Math.round(value)} s`;
  const minutes = Math.round(value / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const times = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 1 : 0)} ×`;

/** Below 80 columns. */
export function renderBench(bench: FailoverBench): string {
  const lines = bench.faults.flatMap((fault) => [
    `${fault.title} (aim ${aim(fault)}: ${verdict(bench, fault)})`,
    ...bench.systems.flatMap(({ name, title }) => row(cellOf(bench, fault.name, name), title)),
    "",
  ]);
  return [
    "Longest time without an acknowledged write after the fault: median (min–max)",
    "",
    ...lines,
    ...failures(bench).map((line) => `not measured: ${line}`),
    `${bench.repetitions.length} repetitions in ${duration(bench.seconds)}`,
  ].join("\n");
}

function row(cell: Cell, title: string): string[] {
  const { gap, ratio, lost, repetitions, notBack, without } = cell;
  if (!gap) return [`  ${title.padEnd(20)} ${without ?? "not measured"}`];
  const cells = [
    `  ${title.padEnd(20)}`,
    seconds(gap.median).padStart(8),
    `(${seconds(gap.min).slice(0, -2)}–${seconds(gap.max).slice(0, -2)})`.padEnd(14),
    `${lost} lost`,
    `n=${repetitions}`,
    ratio === undefined ? "" : times(ratio).padStart(6),
    notBack > 0 ? `${notBack} not back` : "",
  ];
  return [cells.join(" ").trimEnd()];
}

export function renderBenchPage(bench: FailoverBench): string {
  const { systems, faults } = bench;
  return [
    "# How long writes stay away when a leader is lost",
    "",
    `${bench.startedAt}, ${bench.repeat} ${bench.repeat === 1 ? "repetition" : "repetitions"}, ${duration(bench.seconds)}. Longest time without an acknowledged write`,
    "that ended after the fault, as the application's side of HAProxy sees it: **median** (minimum–maximum), seconds. `×`: how many times this",
    "project's median.",
    "",
    `| fault | ${systems.map(({ title }) => title).join(" | ")} | aim | |`,
    `|-|${systems.map(() => "-:|").join("")}-:|-|`,
    ...faults.map(
      (fault) =>
        `| ${fault.title} | ${systems.map(({ name }) => pageCell(cellOf(bench, fault.name, name))).join(" | ")} | ${aim(fault)} | ${verdict(bench, fault)} |`,
    ),
    "",
    "Acknowledged rows lost, all repetitions together:",
    "",
    `| fault | ${systems.map(({ title }) => title).join(" | ")} |`,
    `|-|${systems.map(() => "-:|").join("")}`,
    ...faults.map(
      (fault) =>
        `| ${fault.title} | ${systems.map(({ name }) => lostOf(cellOf(bench, fault.name, name))).join(" | ")} |`,
    ),
    "",
    "## What was compared",
    "",
    ...systems.map(({ title, setup }) => `- **${title}**: ${setup}.`),
    ...bench.cells.flatMap(({ without, system, fault }) =>
      without === undefined
        ? []
        : [`- ${titleOf(systems, system)}, ${titleOf(faults, fault)}: not possible; ${without}.`],
    ),
    "",
    "One system at a time has the machine to itself, in rounds; the order within a round rotates. Before each repetition all three",
    "nodes are healthy and no standby lags; the repair afterwards is not counted. The load ends before a struck leader comes back.",
    "",
    ...Object.entries(bench.environment).map(([name, value]) => `- ${name}: ${value}`),
    ...(bench.failures.length > 0
      ? ["", "## Not measured", "", ...failures(bench).map((line) => `- ${line}`)]
      : []),
    "",
  ].join("\n");
}

function pageCell({ gap, ratio, notBack, without }: Cell): string {
  if (!gap) return without === undefined ? "not measured" : "–";
  const figure = (value: number) => seconds(value).slice(0, -2);
  const more = [
    ratio === undefined ? "" : `, ${times(ratio)}`,
    notBack > 0 ? `, ${notBack} not back by then` : "",
  ].join("");
  return `**${figure(gap.median)}** (${figure(gap.min)}–${figure(gap.max)})${more}`;
}

const lostOf = ({ gap, lost }: Cell): string => (gap ? String(lost) : "–");

const failures = ({ failures: all, systems, faults }: FailoverBench): string[] =>
  all.map(
    ({ system, fault, repetition, error }) =>
      `${titleOf(systems, system)}, ${titleOf(faults, fault)}, #${repetition}: ${error}`,
  );

const aim = ({ aimSeconds, aimRatio }: FailoverBench["faults"][number]): string =>
  `≤ ${aimSeconds} s${aimRatio === undefined ? "" : `, ≥ ${aimRatio} × faster than Patroni`}`;

/** Whether this project's median meets the objective, and over how many repetitions if some failed. */
function verdict(bench: FailoverBench, fault: FailoverBench["faults"][number]): string {
  const ours = cellOf(bench, fault.name, "ours");
  if (!ours.gap) return "not measured";
  if (ours.gap.median > fault.aimSeconds || ours.lost > 0 || ours.notBack > 0) return "missed";
  let { repetitions } = ours;
  if (fault.aimRatio !== undefined) {
    const patroni = cellOf(bench, fault.name, "patroni");
    if (patroni.ratio === undefined) return "ratio not measured";
    if (patroni.ratio < fault.aimRatio) return "missed";
    repetitions = Math.min(repetitions, patroni.repetitions);
  }
  return repetitions < bench.repeat ? `met, n=${repetitions} of ${bench.repeat}` : "met";
}

const cellOf = (bench: FailoverBench, fault: string, system: string): Cell =>
  bench.cells.find((cell) => cell.fault === fault && cell.system === system) ?? {
    system: system as Cell["system"],
    fault,
    repetitions: 0,
    lost: 0,
    notBack: 0,
  };

const titleOf = (all: readonly { readonly name: string; readonly title: string }[], name: string): string =>
  all.find((one) => one.name === name)?.title ?? name;
