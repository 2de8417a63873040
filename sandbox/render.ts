/** Lines that show a run to a person. */
import pc from "picocolors";
import type { Change } from "./events.js";
import type { RunResult } from "./sandbox.js";

/** Said wherever somebody could take a run here for proof. */
export const STAND_IN_NOTE =
  "emulated AWS, stand-in provider: this does not prove that AWS accepts the program";

const SIGNS: Readonly<Record<string, string>> = {
  create: pc.green("+ create "),
  update: pc.yellow("~ update "),
  delete: pc.red("- delete "),
  replace: pc.magenta("± replace"),
  "create-replacement": pc.magenta("± replace"),
  "delete-replaced": pc.red("- delete "),
  "discard-replaced": pc.red("- forget "),
  import: pc.cyan("= import "),
};

export function changeLine({ operation, type, name, properties }: Change): string {
  const what = properties.length > 0 ? pc.dim(` (${properties.join(", ")})`) : "";
  return `${SIGNS[operation] ?? operation} ${shortType(type)} ${pc.bold(name)}${what}`;
}

/** `aws:s3/bucket:Bucket` → `s3.Bucket` */
export const shortType = (type: string): string => {
  const [pkg, module = "", kind = ""] = type.split(":");
  return pkg === "aws" ? `${module.split("/")[0]}.${kind}` : `${pkg}.${kind}`;
};

export function summary({ stack, changes, seconds }: RunResult): string {
  const counts = new Map<string, number>();
  for (const { operation } of changes) counts.set(operation, (counts.get(operation) ?? 0) + 1);
  const text = [...counts].map(([operation, count]) => `${count} ${operation}`).join(", ") || "no changes";
  return `${stack}: ${text} in ${seconds.toFixed(1)} s`;
}
