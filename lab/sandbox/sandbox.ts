/**
 * The sandbox: this project's program run by Pulumi's own engine, with the policy pack, against an
 * emulated AWS on this machine. The program knows nothing of it.
 */
import { mkdir } from "node:fs/promises";
import * as automation from "@pulumi/pulumi/automation/index.js";
import { UserError } from "../../common/errors.js";
import { sandboxDir } from "../../common/paths.js";
import { Progress } from "../../common/progress.js";
import { type Change, ChangeReader, OperationFailed, readFailure } from "../../operations/engine/events.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { StackName } from "../../settings/stacks.js";
import { program as stacksProgram } from "../../stacks/program.js";
import { outlived, settledUnder, startedUnder } from "./boots.js";
import {
  type Emulator,
  emulatorLog,
  runningEmulator,
  startEmulator,
  stopEmulator,
} from "./emulator/emulator.js";
import { findEngine } from "./engine/engine.js";
import { policyPack, writeLaunchers } from "./engine/launchers.js";
import { otherAccountEnvironment, sandboxEnvironment } from "./environment.js";
import { clearKilledRuns, lockHolders } from "./locks.js";
import { projectDir, syncProject } from "./project.js";

export interface RunOptions {
  /** Run the policy pack. Default true. */
  readonly policies?: boolean;
  /** Read the real state of every resource first. Default: only when the emulator was restarted since the last run. */
  readonly refresh?: boolean;
  /** Called with each change as the engine reports it. */
  readonly onChange?: (change: Change) => void;
  /** Another address of the emulator, e.g. a gateway that denies regions. */
  readonly endpoint?: string;
  /** Another program than the project's. */
  readonly program?: automation.PulumiFn;
}

export interface RunResult {
  readonly stack: string;
  readonly changes: readonly Change[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly seconds: number;
}

export class Sandbox {
  private constructor(
    readonly emulator: Emulator,
    private readonly command: automation.PulumiCommand,
    readonly environment: Readonly<Record<string, string>>,
    private readonly policyPack: string,
    private readonly progress: Progress,
  ) {}

  /** Finds or makes everything a run needs: engine, emulator, stand-in providers, the project's copy. */
  static async open(progress = new Progress(), port?: number): Promise<Sandbox> {
    await mkdir(sandboxDir(), { recursive: true });
    const engine = await findEngine(progress);
    if (await clearKilledRuns()) {
      // How far the run came is unknown: start from an empty emulator, and restore from the state.
      progress.note("an earlier run was killed: removed its lock and restarted the emulator, empty");
      progress.note("fill it again with up of global, then prod and dr, then link");
      await stopEmulator();
    }
    const emulator = await startEmulator(progress, port);
    const bin = await writeLaunchers();
    await syncProject();
    const environment = await sandboxEnvironment({ engine, endpoint: emulator.endpoint, bins: [bin] });
    const command = await automation.PulumiCommand.get({ root: engine.root });
    return new Sandbox(emulator, command, environment, policyPack(engine, bin), progress);
  }

  up(stack: StackName, options: RunOptions = {}): Promise<RunResult> {
    return this.run(stack, "up", options);
  }

  preview(stack: StackName, options: RunOptions = {}): Promise<RunResult> {
    return this.run(stack, "preview", options);
  }

  refresh(stack: StackName, options: RunOptions = {}): Promise<RunResult> {
    return this.run(stack, "refresh", options);
  }

  destroy(stack: StackName): Promise<RunResult> {
    return this.run(stack, "destroy", {});
  }

  /** The stack's state as Pulumi exports it. */
  async state(stack: StackName): Promise<automation.Deployment> {
    return (await this.select(stack, {})).exportStack();
  }

  private async run(
    stack: StackName,
    operation: "up" | "preview" | "refresh" | "destroy",
    options: RunOptions,
  ): Promise<RunResult> {
    const start = performance.now();
    const selected = await this.select(stack, options);
    const restarted = await outlived(stack, this.emulator.bootId);
    if (operation !== "preview") await startedUnder(stack, this.emulator.bootId);
    if (restarted && operation === "up") {
      this.progress.note(
        `the emulator was restarted since the last run of ${stack}: reading what is left of it first`,
      );
      await this.dropPendingOperations(selected);
    }
    const events: automation.EngineEvent[] = [];
    const changes: Change[] = [];
    const reader = new ChangeReader();
    const onEvent = (event: automation.EngineEvent) => {
      events.push(event);
      for (const change of reader.read(event)) {
        changes.push(change);
        options.onChange?.(change);
      }
    };
    const packs = options.policies === false ? undefined : [this.policyPack];
    const broken = abortOnUncaught();
    const common = { onEvent, suppressProgress: true, signal: broken.signal };
    let outputs: automation.OutputMap = {};
    try {
      switch (operation) {
        case "up":
          ({ outputs } = await selected.up({
            ...common,
            refresh: options.refresh ?? restarted,
            policyPacks: packs,
          }));
          break;
        case "preview":
          await selected.preview({ ...common, refresh: options.refresh, policyPacks: packs });
          break;
        case "refresh":
          await selected.refresh(common);
          break;
        case "destroy":
          // As the command line does: without it, whatever isn't protected is gone before the refusal.
          await selected.previewDestroy({ ...common, onEvent: (event) => void events.push(event) });
          await selected.destroy(common);
          break;
      }
      if (broken.error) throw broken.error;
    } catch (error) {
      await this.assertEmulatorLives(stack);
      await this.assertNotLocked(stack, error as Error);
      throw new OperationFailed(
        stack,
        operation,
        readFailure(error as Error, events, broken.error),
        error as Error,
      );
    } finally {
      broken.dispose();
    }
    if (operation === "up" || operation === "refresh") await settledUnder(stack, this.emulator.bootId);
    return {
      stack,
      changes,
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, { value, secret }]) => [name, secret ? "[secret]" : value]),
      ),
      seconds: Math.round(performance.now() - start) / 1000,
    };
  }

  private async select(stack: StackName, options: RunOptions): Promise<automation.Stack> {
    return automation.LocalWorkspace.createOrSelectStack(
      {
        stackName: stack,
        projectName: "disaster-recovery",
        program: options.program ?? (stacksProgram as automation.PulumiFn),
      },
      {
        workDir: projectDir(),
        pulumiCommand: this.command,
        envVars: {
          ...this.environment,
          ...(stack === "copy" ? await this.otherAccount() : {}),
          ...(options.endpoint ? { DR_SANDBOX_ENDPOINT: options.endpoint } : {}),
        },
      },
    );
  }

  /** Without a setting that names the other account, the program itself says what is missing. */
  private async otherAccount(): Promise<Record<string, string>> {
    const { backup } = await readStackFiles("copy", projectDir());
    const accountId = (backup as { copyTo?: { accountId?: string } } | undefined)?.copyTo?.accountId;
    return accountId ? otherAccountEnvironment(accountId) : {};
  }

  /** @throws UserError when the emulator died: what the engine says then would be hard to read. */
  private async assertEmulatorLives(stack: StackName): Promise<void> {
    const running = await runningEmulator();
    if (running?.bootId === this.emulator.bootId) return;
    throw new UserError(
      `the AWS emulator on ${this.emulator.endpoint} is gone`,
      `It ended while '${stack}' was being worked on; its log is ${emulatorLog()}. Pulumi's state is intact.`,
      "run the same command again: it starts a new emulator and makes what is missing",
    );
  }

  /** @throws UserError when another run holds the stack. */
  private async assertNotLocked(stack: StackName, error: Error): Promise<void> {
    if (!/currently locked/.test(error.message)) return;
    const holders = await lockHolders(stack);
    throw new UserError(
      `stack '${stack}' is being worked on by process ${holders.join(", ") || "of another machine"}`,
      "Two runs at once would overwrite each other's state; this one has changed nothing.",
      "wait for the other run to end",
    );
  }

  /** A create that a dead emulator never answered would stop every later run; nothing of it exists any more. */
  private async dropPendingOperations(selected: automation.Stack): Promise<void> {
    const state = await selected.exportStack();
    if (!state.deployment?.pending_operations?.length) return;
    await selected.importStack({ ...state, deployment: { ...state.deployment, pending_operations: [] } });
  }
}

/** How long the engine may go on after the program threw. */
const GRACE_MS = 5000;

/**
 * A program that throws inside an `apply` has resources that it will never register; the engine would wait
 * for them for ever. So the run is aborted, after a time for what is under way, and the error is the answer.
 */
function abortOnUncaught() {
  const controller = new AbortController();
  const run: { error?: Error; signal: AbortSignal; dispose(): void } = { signal: controller.signal, dispose };
  let timer: NodeJS.Timeout | undefined;
  const onError = (error: unknown) => {
    run.error ??= error instanceof Error ? error : new Error(String(error));
    timer ??= setTimeout(() => controller.abort(), GRACE_MS);
  };
  const events = ["unhandledRejection", "uncaughtException"] as const;
  for (const event of events) process.on(event, onError);
  function dispose() {
    clearTimeout(timer);
    for (const event of events) process.off(event, onError);
  }
  return run;
}
