import type { Command } from "commander";
import { demo } from "../../sandbox/demo/demo.js";

export function addDemo(dr: Command): void {
  dr.command("demo")
    .description("deploy everything here, break it, promote the other region")
    .action(() => demo());
}
