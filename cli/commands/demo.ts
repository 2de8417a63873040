import type { Command } from "commander";

export function addDemo(dr: Command): void {
  dr.command("demo")
    .description("deploy everything here, break it, promote the other region")
    // Loaded on use: Pulumi and the AWS clients take a second that `--help` needn't wait for.
    .action(async () => (await import("../../lab/demo/demo.js")).demo());
}
