// How many tests passed and failed, from vitest's JSON reports: `count.mjs <exit code> <report>…` prints two numbers,
// and on stderr each failure with its first line: a log may be long, so the failures come last.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";

/**
 * @param exitCode of the run; a run that failed without a failed test (a crash, an unhandled error) counts as one.
 * @param reports parsed reports; one that is missing (undefined) or that ran no test counts as one failure.
 */
export function count(exitCode, reports) {
  let passed = 0;
  let failed = 0;
  for (const report of reports) {
    passed += report?.numPassedTests ?? 0;
    failed += report?.numFailedTests ?? 0;
    // A file that couldn't be loaded, or whose hook failed, reports no failed test.
    failed += (report?.testResults ?? []).filter(
      ({ status, assertionResults }) =>
        status === "failed" && !assertionResults.some((test) => test.status === "failed"),
    ).length;
    if (!report || report.numPassedTests + report.numFailedTests === 0) failed += 1;
  }
  if (exitCode !== 0 && failed === 0) failed = 1;
  return { passed, failed };
}

/** What failed, one line each: file, test, first line of the message. */
export function failures(reports) {
  return reports.flatMap((report) =>
    (report?.testResults ?? [])
      .filter(({ status }) => status === "failed")
      .flatMap(({ name, message, assertionResults }) => {
        const tests = assertionResults.filter((test) => test.status === "failed");
        if (tests.length === 0) return [`${relative(".", name)}: ${firstLine(message)}`];
        return tests.map(
          (test) => `${relative(".", name)}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`,
        );
      }),
  );
}

const firstLine = (text) => stripVTControlCharacters(text ?? "").split("\n")[0];

/** A JSON file; undefined when there is none that can be read. */
export function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [exitCode, ...files] = process.argv.slice(2);
  const reports = files.map(read);
  const { passed, failed } = count(Number(exitCode), reports);
  for (const line of failures(reports)) console.error(line);
  console.log(`${passed} ${failed}`);
}
