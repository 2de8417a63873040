import type { Command } from "commander";
import type { DemoOptions } from "../../lab/demo/demo.js";

export function addDemo(dr: Command): void {
  dr.command("demo")
    .description("deploy everything on this host, break it, promote the other region")
    .option("--no-machines", "skip the machines of both regions and the steps that need them")
    .option("--verbose", "end with the time of each step")
    // Loaded on use: Pulumi and the AWS clients take a second that `--help` needn't wait for.
    .action(async (options: DemoOptions) => (await import("../../lab/demo/demo.js")).demo(options));
}
