import type { Command } from "commander";
import { UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";

interface UpFlags {
  regions: string;
  tomcats: string;
}

export function addTwin(dr: Command): void {
  const twin = dr
    .command("twin")
    .description("run the regions' real machines as namespaces of this host (needs root)")
    // Everything after `exec`'s machine belongs to the command that it runs.
    .enablePositionalOptions();
  twin
    .command("install")
    .description("build the machines' image (once per host)")
    .action(async () => {
      const { ensureImage } = await import("../../lab/twin/image.js");
      await ensureImage(new Progress());
    });
  twin
    .command("up")
    .description("start the twin and leave it running")
    .option("--regions <n>", "1: the home region; 2: both, 30 ms apart", "1")
    .option("--tomcats <n>", "Tomcat servers per region", "1")
    .action(async (flags: UpFlags) => {
      const { up } = await import("../../lab/twin/control.js");
      const { machines } = await up(upOptions(flags), new Progress());
      console.log(`${machines.length} machines are running; npx dr twin status shows them`);
    });
  twin
    .command("hold", { hidden: true })
    .requiredOption("--regions <n>")
    .requiredOption("--tomcats <n>")
    .action(async (flags: UpFlags) => {
      const { hold } = await import("../../lab/twin/control.js");
      await hold(upOptions(flags), new Progress());
    });
  twin
    .command("status")
    .description("show every machine: alive, role, lag")
    .option("--json", "print it as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { status } = await import("../../lab/twin/control.js");
      const machines = await status();
      if (json) return console.log(JSON.stringify(machines, undefined, 2));
      const { renderStatus } = await import("../../lab/twin/listing.js");
      console.log(renderStatus(machines));
    });
  twin
    .command("exec")
    .description("run a command in a machine (default: a shell); put the command's options after --")
    .argument("<machine>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (machine: string, command: string[]) => {
      const { exec } = await import("../../lab/twin/control.js");
      process.exitCode = await exec(machine, command);
    });
  twin
    .command("down")
    .description("stop the twin and delete its folder")
    .action(async () => {
      const { down } = await import("../../lab/twin/control.js");
      console.log((await down()) ? "the twin is stopped" : "no twin was running");
    });
}

function upOptions({ regions, tomcats }: UpFlags): { regions: 1 | 2; tomcats: number } {
  if (!["1", "2"].includes(regions)) {
    throw new UserError(`--regions ${regions}`, "A twin has one region or two.", "use 1 or 2");
  }
  const servers = Number(tomcats);
  if (!Number.isInteger(servers) || servers < 0 || servers > 20) {
    throw new UserError(`--tomcats ${tomcats}`, "It must be a number of servers per region.", "use 0 to 20");
  }
  return { regions: regions === "1" ? 1 : 2, tomcats: servers };
}
