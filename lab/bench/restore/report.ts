/** The result as text for a terminal and as a page. Pure. */
import { duration } from "../failover/report.js";
import {
  GB,
  LEAST_SCALE,
  PITR_CASES,
  type Pitr,
  type PitrRates,
  pitr,
  type Spread,
  WAL_SHARE_PER_HOUR,
} from "./figures.js";
import { METHODS, type Method, type MethodKind, REPLAYED } from "./plan.js";
import type { RestoreBench } from "./run.js";

const SECTIONS: Readonly<Record<MethodKind, string>> = {
  copy: "copy",
  "base backup": "copy",
  backup: "backup by pgBackRest",
  restore: "restore by pgBackRest",
};

/** The repositories for which times are computed, and the methods whose rates they take: as this project is set. */
const AS_SET = REPLAYED.map(({ name, title }) => ({ name, title, method: `restore-${name}-2` }));

const mega = (bytes: number): string =>
  Number.isNaN(bytes) ? "not measured" : `${Math.round(bytes / 1e6)} MB`;
const rate = (bytesPerSecond: number): string => (bytesPerSecond / 1e6).toFixed(bytesPerSecond < 1e7 ? 1 : 0);
const ratio = (value: number): string => value.toFixed(2);
const range = ({ min, max }: Spread, text: (value: number) => string): string => `${text(min)}–${text(max)}`;

/** Below 80 columns. */
export function renderRestoreBench(bench: RestoreBench): string {
  const { dataBytes, repositoryBytes, scale, repetitions, walBytes } = bench;
  let section = "";
  const lines = METHODS.flatMap((method) => {
    const heading = SECTIONS[method.kind] === section ? [] : ["", SECTIONS[method.kind]];
    section = SECTIONS[method.kind];
    return [...heading, terminalRow(bench, method)];
  });
  return [
    `pgbench scale ${scale}: ${mega(dataBytes)} of data, a backup of it ${mega(repositoryBytes)}`,
    "MB of data directory per second, and × plain copy: median (min–max)",
    ...lines,
    "",
    `replay of ${mega(walBytes)} of log, MB/s`,
    ...bench.replay.map(({ repository, rate: measured }) =>
      [
        `  ${titleOf(repository).padEnd(36)}`,
        measured ? `${rate(measured.median).padStart(5)} (${range(measured, rate)})` : "not measured",
      ].join(" "),
    ),
    "",
    ...warning(bench),
    `restore to a moment, with so many hours of log (an hour: ${WAL_SHARE_PER_HOUR * 100} % of the size)`,
    ...estimates(bench).flatMap(({ title, cases }) => [
      `  ${title}`,
      ...cases.map(
        (each) =>
          `    ${size(each.bytes).padStart(6)}, ${String(each.hours).padStart(2)} h: ${duration(each.restoreSeconds)} + ${duration(each.replaySeconds)} = ${duration(each.seconds)}`,
      ),
    ]),
    "",
    `${repetitions} ${repetitions === 1 ? "repetition" : "repetitions"} in ${duration(bench.seconds)}`,
  ].join("\n");
}

function terminalRow(bench: RestoreBench, { name, title }: Method): string {
  const row = bench.rows.find(({ method }) => method === name);
  if (!row?.rate) return `  ${title.padEnd(44)} not measured`;
  const cells = [
    `  ${title.padEnd(42)}`,
    `${rate(row.rate.median).padStart(5)} ${`(${range(row.rate, rate)})`.padEnd(11)}`,
    row.ratio ? `${ratio(row.ratio.median)} (${range(row.ratio, ratio)})` : "",
  ];
  return cells.join(" ").trimEnd();
}

export function renderRestoreBenchPage(bench: RestoreBench): string {
  const { dataBytes, repositoryBytes, scale, repetitions, walBytes } = bench;
  return [
    "# How fast backups and restores are",
    "",
    `${bench.startedAt}, ${repetitions} ${repetitions === 1 ? "repetition" : "repetitions"}, ${duration(bench.seconds)}. pgbench at scale ${scale}: ${mega(dataBytes)} of data directory (without its log), of which one`,
    `backup (zst, level 3) is ${mega(repositoryBytes)}. MB (10⁶ bytes) of data directory per second, **median** (minimum–maximum), and how many times the`,
    "plain copy's rate in the same round.",
    "",
    "| | MB/s | × plain copy |",
    "|-|-:|-:|",
    ...METHODS.map((method) => pageRow(bench, method)),
    "",
    `Replay of the ${mega(walBytes)} of log that a run of pgbench wrote, by \`dr-restore\` with asynchronous \`archive-get\`, from PostgreSQL's start until it`,
    "is promoted; MB of log per second:",
    "",
    "| from | MB/s |",
    "|-|-:|",
    ...bench.replay.map(
      ({ repository, rate: measured }) =>
        `| ${titleOf(repository)} | ${measured ? cell(measured, rate) : "not measured"} |`,
    ),
    "",
    "## What this gives for larger databases",
    "",
    ...warning(bench),
    "    time = size ÷ restore rate + hours of log × log per hour ÷ replay rate",
    "",
    `with the medians above (restore: encrypted, process-max 2), and an hour's log taken to be ${WAL_SHARE_PER_HOUR * 100} % of the database's size. One hour of log is what`,
    "hourly incrementals leave to replay; 24 what a daily full backup alone would.",
    "",
    `| size | hours of log | ${AS_SET.map(({ title }) => title).join(" | ")} |`,
    `|-:|-:|${AS_SET.map(() => "-:|").join("")}`,
    ...PITR_CASES.map((one, i) => {
      const times = estimates(bench).map(({ cases }) => {
        const found = cases[i];
        return found
          ? `${duration(found.restoreSeconds)} + ${duration(found.replaySeconds)} = **${duration(found.seconds)}**`
          : "not measured";
      });
      return `| ${size(one.bytes)} | ${one.hours} | ${times.join(" | ")} |`;
    }),
    "",
    "These are this machine's processor and disk. They say nothing of S3's rate, of the network, or of a volume's bound (EBS gp3: 125 MB/s unless more is bought), of which the",
    "slowest decides; nor of a machine with more cores, where a higher process-max counts. Measure a restore test's own `restoreSeconds` there.",
    "",
    "## How it was measured",
    "",
    "- One machine, one volume, one data directory; the methods one after the other, each round from another one on, every second round backwards.",
    "- Before each, what it reads is dropped from memory; each ends when all that it has written is on the disk (`sync`).",
    "- Plain copy: `cp -a --reflink=never` of the stopped data directory, without its log, which a backup doesn't have either. Stop and start are not counted.",
    "- `pg_basebackup -X stream -c fast` into a folder; to restore such a copy is a plain copy again.",
    "- pgBackRest: full backups, zst, bundles; a backup ends when its log is archived, and has checked every page's checksum. Restores are of files.",
    "- S3 is an emulator in Python on the same machine, which holds all in memory and takes a core of it: its rows say how fast *it* is. The local rows are pgBackRest's own.",
    "- pgbench's rows have text in place of their blanks, which compress to nothing. The log follows a checkpoint, so that many records carry whole pages (compressed, lz4).",
    "",
    ...Object.entries(bench.environment).map(([name, value]) => `- ${name}: ${value}`),
    "",
  ].join("\n");
}

function pageRow(bench: RestoreBench, { name, title, kind }: Method): string {
  const row = bench.rows.find(({ method }) => method === name);
  const what = kind === "backup" || kind === "restore" ? `${SECTIONS[kind]}, ${title}` : title;
  return `| ${what} | ${row?.rate ? cell(row.rate, rate) : "not measured"} | ${row?.ratio ? cell(row.ratio, ratio) : "–"} |`;
}

const cell = (spread: Spread, text: (value: number) => string): string =>
  `**${text(spread.median)}** (${range(spread, text)})`;

const warning = ({ scale }: RestoreBench): string[] =>
  scale >= LEAST_SCALE
    ? []
    : [
        `Scale ${scale} is too small for what follows: starts count more than bytes; use ${LEAST_SCALE} or more.`,
        "",
      ];

const titleOf = (repository: string): string =>
  REPLAYED.find(({ name }) => name === repository)?.title ?? repository;

const size = (bytes: number): string =>
  bytes < 1000 * GB ? `${bytes / GB} GB` : `${bytes / (1000 * GB)} TB`;

/** Of each repository whose rates are both known. */
function estimates(bench: RestoreBench): { readonly title: string; readonly cases: readonly Pitr[] }[] {
  return AS_SET.map(({ name, title, method }) => {
    const restore = bench.rows.find((row) => row.method === method)?.rate?.median;
    const replay = bench.replay.find(({ repository }) => repository === name)?.rate?.median;
    if (restore === undefined || replay === undefined) return { title, cases: [] };
    const rates: PitrRates = { restore, replay };
    return { title, cases: PITR_CASES.map((one) => pitr(one, rates)) };
  });
}
