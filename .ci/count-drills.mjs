// How many drills passed and how many did not, from their summary: `count-drills.mjs <exit code> <summary>` prints two numbers.
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

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { passed, failed } = countDrills(Number(process.argv[2]), read(process.argv[3]));
  console.log(`${passed} ${failed}`);
}
