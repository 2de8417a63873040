/** `dr restore --from copy` on a real terminal. */
import { readFile } from "node:fs/promises";
import { UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";
import { type Escrow, identitiesIn, open as openEscrow } from "../../escrow/sealed.js";
import type { Place } from "../places/place.js";
import { askToConfirm, requireTerminal } from "../promotion/confirm.js";
import { requireTime } from "../restore/request.js";
import { awsDeployment } from "./aws.js";
import { amount, renderPlan } from "./render.js";
import { type BeginResult, runBegin } from "./run.js";
import type { Progressed } from "./transfer.js";

export interface GuidedBegin {
  readonly open: () => Promise<Place>;
  /** Files. */
  readonly escrow: string;
  readonly identity: string;
  readonly to?: string;
  readonly asOf?: string;
  readonly yes?: boolean;
}

const REPORT_MILLIS = 5_000;

export async function guidedBegin({
  open,
  to = "latest",
  asOf,
  yes = false,
  ...files
}: GuidedBegin): Promise<BeginResult> {
  const request = {
    to: to === "latest" ? "latest" : new Date(requireTime("--to", to)).toISOString(),
    asOf: asOf === undefined ? undefined : Date.parse(requireTime("--as-of", asOf)),
  };
  requireTerminal({ input: process.stdin, yes });
  const escrow = await opened(files);
  const progress = new Progress(process.stderr);
  const place = await open();
  try {
    if (place.kind !== "aws")
      throw new UserError(
        "--from copy",
        "It fills the vault of a new account.",
        "leave --twin out; in the twin the drill account-gone does it",
      );
    const { ports, close } = await awsDeployment(place, escrow);
    try {
      return await runBegin(
        {
          ...ports,
          async confirm(plan) {
            for (const line of renderPlan(plan)) progress.line(line);
            const input = process.stdin;
            return (await askToConfirm("Go on? ", { input, output: process.stderr, yes })) === "yes";
          },
          report: everySeconds(progress),
          now: () => new Date(),
        },
        { escrow, ...request },
      );
    } finally {
      close();
    }
  } finally {
    place.close();
  }
}

async function opened({ escrow, identity }: Pick<GuidedBegin, "escrow" | "identity">): Promise<Escrow> {
  const [sealed, keys] = await Promise.all([read("--escrow", escrow), read("--identity", identity)]);
  return openEscrow(sealed, identitiesIn(Buffer.from(keys).toString()));
}

async function read(option: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UserError(`${option} ${file}`, (error as Error).message, "name a file that exists");
  }
}

/** One line every few seconds, and the last one. */
function everySeconds(progress: Progress): (done: Progressed, all: Progressed) => void {
  let saidAt = performance.now();
  return (done, all) => {
    if (done.objects < all.objects && performance.now() - saidAt < REPORT_MILLIS) return;
    saidAt = performance.now();
    progress.note(`copied ${amount(done)} of ${amount(all)}`);
  };
}
