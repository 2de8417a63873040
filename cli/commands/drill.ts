import { join, relative, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { REPO, sandboxDir } from "../../common/paths.js";
import { Progress } from "../../common/progress.js";

interface RunFlags {
  json?: boolean;
  keep?: boolean;
  report?: string;
  repeat: number;
}

export function addDrill(dr: Command): void {
  const drill = dr
    .command("drill")
    .description("break real nodes on purpose, under load, and report the result")
    .argument("<name...>", "drills by name; `all`; or `nightly`, which adds the long ones")
    .option("--repeat <n>", "repetitions of each drill", wholeNumber, 1)
    .option("--report <folder>", "where reports go (default: .sandbox/drills/<time>)")
    .option("--keep", "keep the twin's folder for inspection")
    .option("--json", "print the results as JSON")
    .action(run);
  drill
    .command("list")
    .description("list every drill and what it does, one line each")
    .option("--json", "print them as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { ALL_DRILLS, isNightly } = await import("../../lab/drills/catalogue.js");
      const listed = ALL_DRILLS.map((one) => {
        const { name, title, runbook, hypothesis, kind = "node" } = one;
        return { name, kind, nightly: isNightly(one), title, runbook, hypothesis };
      });
      if (json ?? drill.opts<RunFlags>().json) return console.log(JSON.stringify(listed, undefined, 2));
      const { renderList } = await import("../../lab/drills/listing.js");
      console.log(renderList(listed));
    });
}

async function run(names: string[], { json, keep, report, repeat }: RunFlags): Promise<void> {
  const { findDrills } = await import("../../lab/drills/catalogue.js");
  // Before anything starts: a typo must cost no time.
  const drills = findDrills(names);
  const { runDrills } = await import("../../lab/drills/run.js");
  const { renderSummary } = await import("../../lab/drills/report.js");
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const folder = report === undefined ? join(sandboxDir(), "drills", stamp) : resolve(report);
  const results = await runDrills(drills, {
    report: folder,
    runbooks: relative(folder, join(REPO, "runbooks")),
    progress: new Progress(),
    keep,
    repeat,
  });
  console.log(json ? JSON.stringify(results, undefined, 2) : `\n${renderSummary(results)}`);
  process.stderr.write(`reports: ${relative(process.cwd(), folder) || "."}\n`);
  if (results.some(({ outcome }) => outcome !== "passed")) process.exitCode = 1;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("must be a whole number, 1 or more.");
  return value;
}
