import { wrapAt } from "../../common/wrap.js";
import { OperationFailed } from "../../operations/engine/events.js";
import type { Scene } from "./demo-scene.js";

/** Leaves room for the indentation. */
const WIDTH = 68;

export async function showProtection({ sandbox, progress, say }: Scene): Promise<void> {
  const count = async () => (await sandbox.state("global")).deployment.resources.length as number;
  const before = await count();
  const refused = await progress.during("destroy global", () =>
    sandbox.destroy("global").then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (!(refused instanceof OperationFailed)) throw new Error("destroy of stack global was not refused");
  const named = refused.failure.diagnostics.find((text) => text.includes("protected"));
  if (!named) throw new Error(`destroy of global failed, but not because of protection: ${refused.message}`);
  say("  refused, as the first of what is protected says:");
  for (const line of wrapAt(named.split("\n")[0] as string, WIDTH)) say(`    ${line}`);
  if ((await count()) !== before) throw new Error("a refused destroy deleted something");
  say(`  all ${before} resources of global are still there`);
}
