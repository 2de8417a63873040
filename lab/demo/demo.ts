/** `npm run demo`: the whole stack at work on one machine, told step by step. */
import { join, relative } from "node:path";
import pc from "picocolors";
import { sandboxDir } from "../../common/paths.js";
import { Progress } from "../../common/progress.js";
import { outputLines, STAND_IN_NOTE, summary } from "../../operations/engine/render.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
import { ACCOUNT_STACKS } from "../../settings/stacks.js";
import type { DrillResult } from "../drills/report.js";
import { EMULATED_ACCOUNT } from "../sandbox/emulator/emulator.js";
import { projectDir } from "../sandbox/project.js";
import { type RunResult, Sandbox } from "../sandbox/sandbox.js";
import { temporarySandbox } from "../sandbox/temporary.js";
import { whyNoTwin } from "../twin/host.js";
import { beginWithHomeActive } from "./beginning.js";
import { renderClosing } from "./closing.js";
import type { Scene } from "./demo-scene.js";
import { driftVault } from "./drift.js";
import { startMachines } from "./machines.js";
import { showNodeFailover } from "./node-failover.js";
import { promote } from "./promotion.js";
import { showProtection } from "./protection.js";
import { showRefusal } from "./refusal.js";
import { showRegionFailover } from "./region-failover.js";
import { globalPicture, regionPicture, topology } from "./topology.js";

export interface DemoOptions {
  /** Run the machines of both regions, where the host can. */
  readonly machines: boolean;
  /** End with the time of each step. */
  readonly verbose?: boolean;
}

/** @throws Error when anything doesn't turn out as it must: a demo that shrugs shows nothing. */
export async function demo({ machines, verbose }: DemoOptions): Promise<void> {
  const progress = new Progress();
  const begun = performance.now();
  // Outside the demo's own sandbox, which the next demo empties.
  const reports = join(sandboxDir(), "drills", `demo-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`);
  await temporarySandbox("demo", async () => {
    progress.heading("1  Get the engine and the emulated AWS ready");
    const sandbox = await Sandbox.open(progress, 0);
    const say = (text: string) => progress.line(text);
    await beginWithHomeActive(say);
    const settings = parseSharedSettings("global", await readStackFiles("global", projectDir()));
    const contract = contractOf(settings, EMULATED_ACCOUNT);
    const scene: Scene = { sandbox, progress, settings, contract, say, reports };
    scene.say(`  emulator on ${sandbox.emulator.endpoint}`);
    scene.say(`  ${STAND_IN_NOTE}`);

    progress.heading("2  Deploy the four stacks, policies on");
    for (const stack of ACCOUNT_STACKS) await deploy(scene, stack);

    progress.heading("3  What is there now");
    await picture(scene);

    progress.heading("4  A change that breaks a policy is refused");
    await showRefusal(scene);

    progress.heading("5  A change behind Pulumi's back is found and repaired");
    await driftVault(scene);

    const notShown = machines ? whyNoTwin() : "--no-machines was given";
    if (notShown) await withoutMachines(scene, notShown);
    const results = notShown ? [] : await withMachines(scene);

    progress.heading("9  What holds data can't be destroyed");
    await showProtection(scene);

    const seconds = (performance.now() - begun) / 1000;
    if (verbose) {
      progress.heading("Time of each step; some are parts of others");
      for (const { step, seconds } of progress.timings)
        progress.line(`  ${seconds.toFixed(1).padStart(6)} s  ${step}`);
    }
    const closing = renderClosing({
      ...{ results, seconds, reports: relative(process.cwd(), reports) },
      ...(notShown && { notShown }),
    });
    progress.line();
    for (const [index, line] of closing.entries()) progress.line(index === 0 ? pc.green(line) : line);
  });
}

async function withMachines(scene: Scene): Promise<DrillResult[]> {
  const { progress } = scene;
  progress.heading("6  The machines of both regions run, for real");
  const running = await startMachines(scene);
  try {
    progress.heading("7  The database leader's machine is lost");
    const node = await showNodeFailover(scene, running);
    progress.heading("8  The home region is lost; promote the other by one config change, then move back");
    const region = await showRegionFailover(scene, running);
    await picture(scene);
    return [node, region];
  } finally {
    await running.close();
  }
}

async function withoutMachines(scene: Scene, reason: string): Promise<void> {
  const { progress, say } = scene;
  progress.heading("6, 7  Machines");
  say(`  NOT SHOWN: ${reason}. They run as root on Linux.`);
  progress.heading("8  Promote the recovery region by one config change");
  await promote(scene, "recovery", 2);
  await picture(scene);
}

async function deploy(
  { sandbox, progress, say }: Scene,
  stack: (typeof ACCOUNT_STACKS)[number],
): Promise<void> {
  let count = 0;
  const result: RunResult = await progress.during(`up ${stack}`, () =>
    sandbox.up(stack, {
      onChange: () => {
        count++;
        if (count % 25 === 0) progress.note(`${count} resources`);
      },
    }),
  );
  say(`  ${summary(result)}`);
  for (const line of outputLines(result.outputs)) say(`    ${line}`);
}

async function picture({ sandbox, say }: Scene): Promise<void> {
  const [global, prod, dr] = await Promise.all([
    sandbox.state("global"),
    sandbox.state("prod"),
    sandbox.state("dr"),
  ]);
  say("");
  say(topology(globalPicture(global), regionPicture("prod", prod), regionPicture("dr", dr)));
}
