// How many drills passed and how many did not, from their summary: `count-drills.mjs <exit code> <summary>` prints two numbers,
// and on stderr each that did not with its reason.
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

/** What did not pass, one line each: drill, outcome, reasons. */
export const failedDrills = (results) =>
  (results ?? [])
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ name, outcome, reasons }) => `${name}: ${outcome}: ${(reasons ?? []).join("; ")}`);

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const results = read(process.argv[3]);
  const { passed, failed } = countDrills(Number(process.argv[2]), results);
  for (const line of failedDrills(results)) console.error(line);
  console.log(`${passed} ${failed}`);
}
