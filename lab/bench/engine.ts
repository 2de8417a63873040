/**
 * What this project's program costs in the engine: preview and up beside an empty program that registers
 * as many resources with the same provider, in one run, with policies on and off. Ratios, because
 * machines differ and are noisy.
 */
import * as aws from "@pulumi/aws";
import { UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";
import { STACKS, type StackName } from "../../settings/stacks.js";
import { program } from "../../stacks/program.js";
import { resetSandbox } from "../sandbox/lifecycle.js";
import { type RunOptions, Sandbox } from "../sandbox/sandbox.js";
import { temporarySandbox } from "../sandbox/temporary.js";

export interface Figure {
  readonly operation: "preview" | "up";
  readonly policies: boolean;
  /** Seconds of each repetition. */
  readonly ours: readonly number[];
  readonly empty: readonly number[];
  /** Median of ours over median of empty. */
  readonly ratio: number;
}

export interface EngineBench {
  readonly stack: string;
  readonly resources: number;
  readonly repetitions: number;
  readonly figures: readonly Figure[];
}

/** The ratio aimed at: no more than this times an empty program. */
const AIM = 1.3;

/** @param name stack of the region to measure, `prod` or `dr`. */
export async function benchEngine(name: string, repetitions: number): Promise<EngineBench> {
  if (name !== "prod" && name !== "dr") {
    throw new UserError(
      `stack '${name}' can't be measured`,
      "The bench measures a region.",
      `use prod or dr (not ${Object.keys(STACKS)
        .filter((s) => s !== "prod" && s !== "dr")
        .join(" or ")})`,
    );
  }
  if (!Number.isInteger(repetitions) || repetitions < 1) {
    throw new UserError(
      `--repeat ${repetitions} is not a count`,
      "At least one repetition is needed.",
      "use a whole number from 1",
    );
  }
  const stack: StackName = name;
  const other: StackName = name === "prod" ? "dr" : "prod";
  const progress = new Progress();
  const figures = new Map<string, { ours: number[]; empty: number[] }>();
  let resources = 0;
  await temporarySandbox("bench", async () => {
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      for (const policies of [true, false]) {
        await progress.during(
          `repetition ${repetition} of ${repetitions}, policies ${policies ? "on" : "off"}`,
          async () => {
            // From nothing each time: an up of what exists already measures something else.
            await resetSandbox();
            const sandbox = await Sandbox.open(progress, 0);
            await sandbox.up("global", { policies: false });
            const state = await sandbox.preview(stack, { policies: false });
            resources = state.changes.filter(({ operation }) => operation === "create").length;
            const empty = emptyProgram(resources, "eu-west-1");
            for (const operation of ["preview", "up"] as const) {
              const key = `${operation} ${policies}`;
              const times = figures.get(key) ?? { ours: [], empty: [] };
              figures.set(key, times);
              // In turns, so that neither always runs on the warmer machine.
              const runs = [
                async () => times.ours.push(await timed(sandbox, operation, stack, { policies, program })),
                async () =>
                  times.empty.push(await timed(sandbox, operation, other, { policies, program: empty })),
              ];
              for (const run of repetition % 2 === 0 ? runs.reverse() : runs) await run();
            }
          },
        );
      }
    }
  });
  return {
    stack,
    resources,
    repetitions,
    figures: [...figures].map(([key, { ours, empty }]) => {
      const [operation, policies] = key.split(" ") as ["preview" | "up", string];
      return { operation, policies: policies === "true", ours, empty, ratio: median(ours) / median(empty) };
    }),
  };
}

async function timed(
  sandbox: Sandbox,
  operation: "preview" | "up",
  stack: StackName,
  options: RunOptions,
): Promise<number> {
  return (await sandbox[operation](stack, options)).seconds;
}

/** As many resources of the smallest kind, all independent of each other, in one provider: stack and provider count, too. */
function emptyProgram(resources: number, region: aws.Region) {
  return async () => {
    const provider = new aws.Provider("aws", { region });
    for (let i = 0; i < resources - 2; i++) {
      new aws.ssm.Parameter(`empty-${i}`, { name: `/bench/${i}`, type: "String", value: "x" }, { provider });
    }
  };
}

export function renderBench({ stack, resources, repetitions, figures }: EngineBench): string {
  const seconds = (values: readonly number[]) =>
    `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
  return [
    `${stack}: ${resources} resources, ${repetitions} repetitions, median (minimum–maximum)`,
    "",
    `${"".padEnd(22)}${"this project".padEnd(22)}${"empty program".padEnd(22)}ratio`,
    ...figures.map(({ operation, policies, ours, empty, ratio }) => {
      const name = `${operation}, policies ${policies ? "on" : "off"}`;
      return `${name.padEnd(22)}${seconds(ours).padEnd(22)}${seconds(empty).padEnd(22)}${ratio.toFixed(2)}`;
    }),
    "",
    `Aim: at most ${AIM} times. An empty program registers as many SSM parameters with the same provider.`,
  ].join("\n");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
