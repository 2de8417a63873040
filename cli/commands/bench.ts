import type { Command } from "commander";

export function addBench(dr: Command): void {
  const bench = dr.command("bench").description("measure, as ratios side by side in one run");
  bench
    .command("engine")
    .description("preview and up beside an empty program with as many resources")
    .option("--stack <name>", "stack to measure", "prod")
    .option("--repeat <n>", "repetitions of each", "5")
    .option("--json", "print the figures as JSON")
    .action(async ({ stack, repeat, json }: { stack: string; repeat: string; json?: boolean }) => {
      const { benchEngine, renderBench } = await import("../../sandbox/bench/engine.js");
      const result = await benchEngine(stack, Number(repeat));
      console.log(json ? JSON.stringify(result, undefined, 2) : renderBench(result));
    });
}
