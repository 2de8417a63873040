/** A promotion on a real terminal: chooses place and deployment, writes progress to standard error. */
import { setTimeout as sleep } from "node:timers/promises";
import { Progress } from "../../common/progress.js";
import type { RegionId, RegionStackName } from "../../settings/stacks.js";
import { changeLine } from "../engine/render.js";
import type { Place } from "../places/place.js";
import { askToConfirm, requireTerminal } from "./confirm.js";
import type { PromotionRequest } from "./request.js";
import { type PromotionResult, runPromotion } from "./run.js";
import { standbyOf } from "./switchover.js";
import { endText } from "./texts.js";

export interface GuidedOptions {
  /** Where the promotion happens. The guided promotion closes it. */
  readonly open: () => Promise<Place>;
  /** Left out: the standby region, in a planned switchover. */
  readonly stack?: RegionStackName;
  readonly epoch?: number;
  readonly fenced?: boolean;
  readonly acceptDataLoss?: boolean;
  readonly yes?: boolean;
  readonly policies: boolean;
}

export async function guidedPromotion(options: GuidedOptions): Promise<PromotionResult> {
  const { open, stack, epoch, yes = false, policies } = options;
  const progress = new Progress(process.stderr);
  requireTerminal({ input: process.stdin, yes });
  const place = await open();
  const interrupt = listenForInterrupt(progress);
  try {
    const region: RegionId = stack
      ? stack === "prod"
        ? "home"
        : "recovery"
      : standbyOf(await place.observe());
    // Its own replica first: the other region may be down.
    const observe = () => place.observe(region);
    const request: PromotionRequest = {
      region,
      epoch,
      fenced: options.fenced ?? false,
      acceptDataLoss: options.acceptDataLoss ?? false,
      plannedOnly: stack === undefined,
    };
    const result = await runPromotion(
      {
        observe,
        deployment: await place.deployment(region, await observe(), progress, policies),
        settings: place.settings,
        contract: place.contract,
        hasMachines: ({ regions: { home, recovery } }) =>
          place.kind !== "sandbox" || home.status.sequence + recovery.status.sequence > 0,
        confirm: (question) => askToConfirm(question, { input: process.stdin, output: process.stderr, yes }),
        say: (text) => progress.line(text),
        showChanges: (changes) => {
          for (const change of changes) progress.line(`  ${changeLine(change)}`);
          progress.line();
        },
        now: () => performance.now(),
        sleep: async (millis) => void (await sleep(millis)),
        interrupted: () => interrupt.happened,
      },
      request,
    );
    progress.line(endText(result.events, result.outcome));
    return result;
  } finally {
    interrupt.stop();
    place.close();
  }
}

/** The engine is in the same process group, gets Ctrl-C itself and shuts down cleanly; this process waits for it. */
function listenForInterrupt(progress: Progress) {
  const interrupt = { happened: false, stop: () => void process.off("SIGINT", onSignal) };
  function onSignal() {
    if (interrupt.happened) process.exit(130);
    interrupt.happened = true;
    progress.line(
      "interrupted: waiting for the running operation to end (press Ctrl-C again to leave at once)",
    );
  }
  process.on("SIGINT", onSignal);
  return interrupt;
}
