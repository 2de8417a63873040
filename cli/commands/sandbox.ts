import { type Command, Option } from "commander";
import { SettingsError, UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";
import { quote } from "../../common/quote.js";
import { runningEmulator, startEmulator, stopEmulator } from "../../lab/sandbox/emulator/emulator.js";
import { installEmulator } from "../../lab/sandbox/emulator/install.js";
import { findEngine } from "../../lab/sandbox/engine/engine.js";
import { projectDir, setConfig, syncProject } from "../../lab/sandbox/project.js";
import type { Change } from "../../operations/engine/events.js";
import { changeLine, outputLines, STAND_IN_NOTE, summary } from "../../operations/engine/render.js";
import { parseSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
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
    up: "deploy or update a stack",
    preview: "show what up would do",
    refresh: "find drift from what really exists",
    destroy: "delete a stack; keep protected data",
  } as const;
  for (const [operation, description] of Object.entries(operations) as [keyof typeof operations, string][]) {
    const command = sandbox
      .command(operation)
      .description(description)
      .argument("<stack>", stackHelp())
      .addOption(new Option("--json", "print the result as JSON on standard output"));
    if (operation === "up" || operation === "preview")
      command.option("--no-policies", "skip the policy pack");
    command.action((name: string, flags: RunFlags) => runOperation(operation, name, flags));
  }

  sandbox
    .command("config")
    .summary("show settings, or set one here only")
    .description("show a stack's settings here, or set one in the sandbox only: `config dr epoch 2`")
    .argument("<stack>", stackHelp())
    .argument("[key]", "a setting, e.g. epoch")
    .argument("[value]", "text, number or YAML")
    .option("--unset", "remove the value that was set in the sandbox")
    .action(
      async (
        name: string,
        key: string | undefined,
        value: string | undefined,
        { unset }: { unset?: boolean },
      ) => {
        const stack = known(name);
        await syncProject();
        if (key && (unset || value !== undefined)) {
          await changeSetting(stack, key, unset ? undefined : value);
          const now = value === undefined || unset ? "as in the checkout" : `= ${value}`;
          console.log(`${stack}: ${key} ${now} (in the sandbox; Pulumi.${stack}.yaml is unchanged)`);
          return;
        }
        const settings = await readStackFiles(stack, projectDir());
        for (const [one, now] of Object.entries(settings)) {
          if (!key || one === key)
            console.log(`${one}: ${typeof now === "string" ? now : JSON.stringify(now)}`);
        }
      },
    );

  sandbox
    .command("env")
    .summary("print variables for plain `pulumi`")
    .description('print the variables for plain `pulumi` commands: eval "$(npx dr sandbox env)"')
    .option("--json", "print them as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { shellEnvironment } = await import("../../lab/sandbox/lifecycle.js");
      const variables = await shellEnvironment(new Progress());
      if (json) return console.log(JSON.stringify(variables, undefined, 2));
      for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${quote(value)}`);
      // Part of the evaluated text: in the checkout's folder pulumi would mix its stack files with this state.
      console.log(`cd ${quote(projectDir())}`);
      console.error(`the shell changes to ${projectDir()}; try there: pulumi preview --stack dr`);
      console.error(
        "`npx dr sandbox …` runs the policies; plain pulumi runs them only with Pulumi's own language host",
      );
    });

  sandbox
    .command("install")
    .description("prepare engine and emulator, no start")
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
    .summary("start the emulator")
    .description("start the emulator (every operation does it when needed)")
    .action(async () => {
      const { endpoint, pid } = await startEmulator(new Progress());
      console.log(`emulator on ${endpoint}, process ${pid}`);
    });

  sandbox
    .command("status")
    .description("whether the emulator runs, and where")
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
    .summary("stop the emulator, keep the state")
    .description(
      "stop the emulator: its resources are gone, Pulumi's state stays, and the next up restores them",
    )
    .action(async () =>
      console.log((await stopEmulator()) ? "emulator stopped" : "the emulator was not running"),
    );

  sandbox
    .command("reset")
    .summary("stop the emulator, delete the state")
    .description("stop the emulator and forget everything of this sandbox")
    .action(async () => {
      const { resetSandbox } = await import("../../lab/sandbox/lifecycle.js");
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
  const { Sandbox } = await import("../../lab/sandbox/sandbox.js");
  const sandbox = await Sandbox.open(progress);
  // The engine is in the same process group, gets Ctrl-C itself and shuts down cleanly: wait for it.
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted) process.exit(130);
    interrupted = true;
    progress.line(
      "interrupted: waiting for the running operation to end (press Ctrl-C again to leave at once)",
    );
  });
  const onChange = (change: Change) => progress.line(`  ${changeLine(change)}`);
  const result = await progress
    .during(`${operation} ${stack}`, () => sandbox[operation](stack, { policies: flags.policies, onChange }))
    .catch((error: unknown) => {
      if (!interrupted) throw error;
      throw new UserError(
        `${operation} of stack '${stack}' was interrupted`,
        "The state contains everything done so far.",
        "run the same command again",
      );
    });
  if (flags.json) {
    console.log(JSON.stringify(result, undefined, 2));
    return;
  }
  console.log(summary(result, operation === "preview"));
  for (const line of outputLines(result.outputs)) console.log(`  ${line}`);
  progress.note(STAND_IN_NOTE);
}

/** Sets a key, unless the new value is bad. */
async function changeSetting(stack: StackName, key: string, value: string | undefined): Promise<void> {
  const before = (await readStackFiles(stack, projectDir()))[key];
  await setConfig(stack, key, value);
  try {
    parseSettings(stack, await readStackFiles(stack, projectDir()));
  } catch (error) {
    const own =
      error instanceof SettingsError ? error.problems.filter((one) => one.key.split(".")[0] === key) : [];
    if (own.length === 0) return;
    await setConfig(stack, key, before === undefined ? undefined : JSON.stringify(before));
    throw new SettingsError(stack, own);
  }
}

function known(name: string): StackName {
  assertStackName(name);
  return name;
}

const stackHelp = () => STACK_NAMES.join(" | ");
