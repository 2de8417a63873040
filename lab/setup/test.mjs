// `npm test`: installs what is missing, then runs the tests that need no engine, those on the real one, and those of the machines.
// Arguments go to vitest: `npm test -- tests/settings`. With DR_TEST_REPORTS=<dir> each part also leaves a JSON report.
import { join } from "node:path";
import { ensureDependencies, run } from "./ensure.mjs";
import { continueOnNode } from "./node.mjs";

// The dependencies first: they are installed by the host's npm, on the host's Node.
ensureDependencies();
await continueOnNode();

const parts = [];
let failed = 0;
let notRun;

function part(name, work) {
  const start = performance.now();
  const status = work();
  parts.push([name, (performance.now() - start) / 1000, status]);
  if (status !== 0) failed = status;
  return status;
}

const vitest = (...args) => run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...args]);

/** All tests of projects in vitest.config.ts. The report has the name of the first. */
function project(name, ...more) {
  const { DR_TEST_REPORTS: dir } = process.env;
  const reports = dir
    ? ["--reporter=default", "--reporter=json", `--outputFile.json=${join(dir, `${name}.json`)}`]
    : [];
  return vitest(...[name, ...more].flatMap((one) => ["--project", one]), ...reports);
}

const chosen = process.argv.slice(2);
if (chosen.length > 0) {
  part("chosen tests", () => vitest(...chosen));
} else {
  part("tests of settings, components, policies, node files", () => project("unit", "program"));
  const ready = part("engine and emulator", () =>
    run(process.execPath, ["cli/dr.mjs", "sandbox", "install"]),
  );
  if (ready === 0) part("tests on the real engine and the emulated AWS", () => project("sandbox"));
  if (process.platform === "linux" && process.getuid() === 0) {
    const image = part("image of the machines", () =>
      run(process.execPath, ["cli/dr.mjs", "twin", "install"]),
    );
    if (image === 0) part("tests of machines, as namespaces", () => project("twin"));
  } else {
    notRun = "NOT RUN: tests of machines, as namespaces. They need root and Linux: sudo npm test";
  }
}

console.log("\nTime of each part:");
for (const [name, seconds, status] of parts) {
  console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${name}${status === 0 ? "" : "  FAILED"}`);
}
if (notRun) console.log(`\n${notRun}`);
process.exit(failed);
