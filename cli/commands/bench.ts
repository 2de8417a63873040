import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { sandboxDir } from "../../common/paths.js";
import { Progress } from "../../common/progress.js";
import type { RestoreBench } from "../../lab/bench/restore/run.js";

export function addBench(dr: Command): void {
  const bench = dr
    .command("bench")
    .description("compare this project with alternatives, side by side in one run");
  bench
    .command("engine")
    .description("compare preview and up with an empty program of as many resources")
    .option("--stack <name>", "stack to measure", "prod")
    .option("--repeat <n>", "repetitions of each", "5")
    .option("--json", "print the figures as JSON")
    .action(async ({ stack, repeat, json }: { stack: string; repeat: string; json?: boolean }) => {
      const { benchEngine, renderBench } = await import("../../lab/bench/engine.js");
      const result = await benchEngine(stack, Number(repeat));
      console.log(json ? JSON.stringify(result, undefined, 2) : renderBench(result));
    });
  bench
    .command("failover")
    .description("measure how long writes stop: this project, Patroni's defaults, repmgr (needs root)")
    .option("--fault <name...>", "faults by name (default: all)")
    .option("--system <name...>", "ours, patroni, repmgr (default: all)")
    .option("--repeat <n>", "repetitions of each", wholeNumber, 5)
    .option("--report <folder>", "where the report goes (default: .sandbox/bench/<time>)")
    .option("--keep", "keep a copy of the twin's folder when a repetition fails")
    .option("--json", "print the figures as JSON")
    .action(failover);
  bench
    .command("restore")
    .description("compare backup, restore and log replay with pg_basebackup and a plain copy (needs root)")
    .option("--scale <n>", "scale of pgbench; 100 is 1.5 GB", wholeNumber, 100)
    .option("--repetitions <n>", "repetitions of each", wholeNumber, 3)
    .option("--report <folder>", "where the report goes (default: .sandbox/bench/<time>)")
    .option("--json", "print the figures as JSON")
    .action(restore);
}

interface RestoreFlags {
  scale: number;
  repetitions: number;
  report?: string;
  json?: boolean;
}

async function restore({ scale, repetitions, report, json }: RestoreFlags): Promise<void> {
  const { benchRestore } = await import("../../lab/bench/restore/run.js");
  const { renderRestoreBench, renderRestoreBenchPage } = await import("../../lab/bench/restore/report.js");
  const folder = await reportFolder(report);
  const onRound = async (known: RestoreBench) => {
    await writeFile(join(folder, "restore.json"), `${JSON.stringify(known, undefined, 2)}\n`);
    await writeFile(join(folder, "restore.md"), renderRestoreBenchPage(known));
  };
  const result = await benchRestore({ scale, repetitions, progress: new Progress(), onRound });
  await onRound(result);
  console.log(json ? JSON.stringify(result, undefined, 2) : `\n${renderRestoreBench(result)}`);
  process.stderr.write(`report: ${relative(process.cwd(), folder) || "."}/restore.md\n`);
}

/** Creates the folder before anything starts, so that an unwritable one costs no time. */
async function reportFolder(asked: string | undefined): Promise<string> {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const folder = asked === undefined ? join(sandboxDir(), "bench", stamp) : resolve(asked);
  await mkdir(folder, { recursive: true });
  return folder;
}

interface FailoverFlags {
  fault?: string[];
  system?: string[];
  repeat: number;
  report?: string;
  keep?: boolean;
  json?: boolean;
}

async function failover({ fault, system, repeat, report, keep, json }: FailoverFlags): Promise<void> {
  const { choose } = await import("../../lab/bench/failover/choose.js");
  const { FAULTS } = await import("../../lab/bench/failover/faults.js");
  const { SYSTEMS } = await import("../../lab/bench/failover/systems.js");
  // Before anything starts: a typo must cost no time.
  const faults = choose("fault", FAULTS, fault);
  const systems = choose("system", SYSTEMS, system);
  const { benchFailover } = await import("../../lab/bench/failover/run.js");
  const { renderBench, renderBenchPage } = await import("../../lab/bench/failover/report.js");
  const folder = await reportFolder(report);
  const result = await benchFailover({
    systems,
    faults,
    repeat,
    keep,
    progress: new Progress(),
    onRound: async (known) => {
      await writeFile(join(folder, "failover.json"), `${JSON.stringify(known, undefined, 2)}\n`);
      await writeFile(join(folder, "failover.md"), renderBenchPage(known));
    },
  });
  console.log(json ? JSON.stringify(result, undefined, 2) : `\n${renderBench(result)}`);
  process.stderr.write(`report: ${relative(process.cwd(), folder) || "."}/failover.md\n`);
  if (result.failures.length > 0) process.exitCode = 1;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("must be a whole number, 1 or more.");
  return value;
}
