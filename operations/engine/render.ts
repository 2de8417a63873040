/** Lines that show a run to a person. */
import pc from "picocolors";
import { wrapAt } from "../../common/wrap.js";
import type { Change } from "./events.js";

/** Shown wherever a reader could mistake a run here for proof. */
export const STAND_IN_NOTE = "emulated AWS, stand-in provider: no proof that AWS accepts the program";

const SIGNS: Readonly<Record<string, string>> = {
  create: pc.green("+ create "),
  update: pc.yellow("~ update "),
  delete: pc.red("- delete "),
  forget: pc.yellow("- forget ") + pc.dim("(stays in AWS)"),
  replace: pc.magenta("± replace"),
  "create-replacement": pc.magenta("± replace"),
  "delete-replaced": pc.red("- delete "),
  "discard-replaced": pc.red("- forget "),
  import: pc.cyan("= import "),
};

/** The longest line that fits 80 columns with the callers' indentation. */
const WIDTH = 68;

/** One line, or two if the names of the changed properties don't fit. */
export function changeLine({ operation, type, name, properties }: Change): string {
  const what = `${SIGNS[operation] ?? operation} ${shortType(type)} ${pc.bold(name)}`;
  if (properties.length === 0) return what;
  const details = `(${properties.join(", ")})`;
  const fits = `${operation} ${shortType(type)} ${name} ${details}`.length + 2 <= WIDTH;
  return fits
    ? `${what} ${pc.dim(details)}`
    : [what, ...wrapAt(details, WIDTH).map((line) => pc.dim(`      ${line}`))].join("\n");
}

/** Outputs of a stack: one line per value, and one per entry of a list or group. */
export function outputLines(outputs: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(outputs).flatMap(([name, value]) => {
    if (value === null || typeof value !== "object") return [`${pc.bold(name)}: ${value}`];
    const inner = Array.isArray(value)
      ? value.map(String)
      : Object.entries(value).map(([key, one]) => `${key}: ${one}`);
    return [`${pc.bold(name)}:`, ...inner.map((line) => `  ${line}`)];
  });
}

/** `aws:s3/bucket:Bucket` → `s3.Bucket` */
const shortType = (type: string): string => {
  const [pkg, module = "", kind = ""] = type.split(":");
  return pkg === "aws" ? `${module.split("/")[0]}.${kind}` : `${pkg}.${kind}`;
};

export interface RunSummary {
  readonly stack: string;
  readonly changes: readonly Change[];
  readonly seconds: number;
}

/** @param conditional for a preview, which changes nothing. */
export function summary({ stack, changes, seconds }: RunSummary, conditional = false): string {
  const counts = new Map<string, number>();
  for (const { operation } of changes) {
    // A replacement is reported as three steps.
    if (operation === "create-replacement" || operation === "delete-replaced") continue;
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
  }
  const text = [...counts].map(([operation, count]) => `${operation} ${count}`).join(", ");
  const what = text === "" ? "no changes" : conditional ? `would ${text}` : text;
  return `${stack}: ${what} (${seconds.toFixed(1)} s)`;
}
