// How many drills passed and how many did not, from their summary: `count-drills.mjs <exit code> <summary>` prints two numbers,
// and on stderr each that did not pass, with its reason and its steps.
import { pathToFileURL } from "node:url";
import { read } from "./count.mjs";

/**
 * @param exitCode of the run; one that failed without a drill that did (a crash, no root) counts as one failure.
 * @param results parsed summary; undefined, or without a drill, counts as one failure.
 */
export function countDrills(exitCode, results) {
  const passed = (results ?? []).filter(({ outcome }) => outcome === "passed").length;
  const failed = (results ?? []).length - passed;
  const nothing = passed + failed === 0 || (exitCode !== 0 && failed === 0);
  return { passed, failed: nothing ? failed + 1 : failed };
}

/**
 * What did not pass: drill, outcome and reasons in a line, then its steps in seconds since the fault, because the log above
 * may be cut. And what passed only when it was played again.
 */
export const drillNotes = (results) =>
  (results ?? []).flatMap(({ name, outcome, reasons, replayed, steps }) => [
    ...(replayed ? [`${name}: played again: ${replayed}`] : []),
    ...(outcome === "passed"
      ? []
      : [`${name}: ${outcome}: ${(reasons ?? []).join("; ")}`, ...(steps ?? []).map(stepLine)]),
  ]);

const stepLine = ({ from, to, title, error }) =>
  `  ${from.toFixed(1).padStart(7)} to ${to.toFixed(1).padStart(7)} s  ${title}${error ? ` FAILED: ${error}` : ""}`;

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const results = read(process.argv[3]);
  const { passed, failed } = countDrills(Number(process.argv[2]), results);
  for (const line of drillNotes(results)) console.error(line);
  console.log(`${passed} ${failed}`);
}
