import { type Command, Option } from "commander";
import { runningEmulator, startEmulator, stopEmulator } from "../../sandbox/emulator/emulator.js";
import { installEmulator } from "../../sandbox/emulator/install.js";
import { findEngine } from "../../sandbox/engine/engine.js";
import type { Change } from "../../sandbox/events.js";
import { Progress } from "../../sandbox/progress.js";
import { projectDir, setConfig, syncProject } from "../../sandbox/project.js";
import { changeLine, outputLines, STAND_IN_NOTE, summary } from "../../sandbox/render.js";
import { assertStackName, STACK_NAMES, type StackName } from "../../settings/stacks.js";

interface RunFlags {
  policies: boolean;
  json?: boolean;
}

export function addSandbox(dr: Command): void {
  const sandbox = dr
    .command("sandbox")
    .description("run the stacks on Pulumi's engine against an emulated AWS");
  const operations = {
    up: "deploy a stack, or bring it up to date",
    preview: "show what up would do",
    refresh: "read what is really there and find drift",
    destroy: "delete a stack (protected data refuses)",
  } as const;
  for (const [operation, description] of Object.entries(operations) as [keyof typeof operations, string][]) {
    const command = sandbox
      .command(operation)
      .description(description)
      .argument("<stack>", stackHelp())
      .addOption(new Option("--json", "print the result as JSON on standard output"));
    if (operation === "up" || operation === "preview")
      command.option("--no-policies", "leave the policy pack out");
    command.action((name: string, flags: RunFlags) => runOperation(operation, name, flags));
  }

  sandbox
    .command("config")
    .description("set a key of a stack in the sandbox only, e.g. `config dr epoch 2`")
    .argument("<stack>", stackHelp())
    .argument("<key>")
    .argument("<value>")
    .action(async (name: string, key: string, value: string) => {
      const stack = known(name);
      await syncProject();
      await setConfig(stack, key, value);
      console.log(`${stack}: ${key} = ${value} (in the sandbox; Pulumi.${stack}.yaml is unchanged)`);
    });

  sandbox
    .command("env")
    .description('print the variables for plain `pulumi` commands: eval "$(npx dr sandbox env)"')
    .option("--json", "print them as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { shellEnvironment } = await import("../../sandbox/lifecycle.js");
      const variables = await shellEnvironment(new Progress());
      if (json) return console.log(JSON.stringify(variables, undefined, 2));
      for (const [name, value] of Object.entries(variables))
        console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
      console.log(`# now: cd '${projectDir()}' and use pulumi, e.g. pulumi preview --stack dr`);
      console.log(
        "# policies run in `npx dr sandbox …`; in plain pulumi only where Pulumi's own language host is installed",
      );
    });

  sandbox
    .command("install")
    .description("get the engine and the emulator ready, and start nothing")
    .action(async () => {
      const progress = new Progress();
      const engine = await findEngine(progress);
      await installEmulator(progress);
      console.log(
        `engine ${engine.version} (${engine.origin === "built" ? "built from its Go modules" : "found on PATH"}), emulator ready`,
      );
    });

  sandbox
    .command("start")
    .description("start the emulator (every operation does it when needed)")
    .action(async () => {
      const { endpoint, pid } = await startEmulator(new Progress());
      console.log(`emulator on ${endpoint}, process ${pid}`);
    });

  sandbox
    .command("status")
    .description("is the emulator running, and where")
    .option("--json", "print it as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const emulator = await runningEmulator();
      if (json) return console.log(JSON.stringify({ emulator: emulator ?? null }));
      console.log(
        emulator
          ? `emulator on ${emulator.endpoint}, process ${emulator.pid}`
          : "the emulator is not running",
      );
    });

  sandbox
    .command("stop")
    .description("stop the emulator; what it held is gone, Pulumi's state stays and the next up heals")
    .action(async () =>
      console.log((await stopEmulator()) ? "emulator stopped" : "the emulator was not running"),
    );

  sandbox
    .command("reset")
    .description("stop the emulator and forget everything of this sandbox")
    .action(async () => {
      const { resetSandbox } = await import("../../sandbox/lifecycle.js");
      await resetSandbox();
      console.log("the sandbox is empty");
    });
}

async function runOperation(
  operation: "up" | "preview" | "refresh" | "destroy",
  name: string,
  flags: RunFlags,
): Promise<void> {
  const stack = known(name);
  const progress = new Progress(process.stderr);
  // Loaded on use: Pulumi and the AWS clients take a second that `--help` needn't wait for.
  const { Sandbox } = await import("../../sandbox/sandbox.js");
  const sandbox = await Sandbox.open(progress);
  const onChange = (change: Change) => progress.line(`  ${changeLine(change)}`);
  const result = await progress.during(`${operation} ${stack}`, () =>
    sandbox[operation](stack, { policies: flags.policies, onChange }),
  );
  if (flags.json) {
    console.log(JSON.stringify(result, undefined, 2));
    return;
  }
  console.log(summary(result));
  for (const line of outputLines(result.outputs)) console.log(`  ${line}`);
  progress.note(STAND_IN_NOTE);
}

function known(name: string): StackName {
  assertStackName(name);
  return name;
}

const stackHelp = () => STACK_NAMES.join(" | ");
