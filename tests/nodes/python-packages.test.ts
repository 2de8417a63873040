/** What pip installs into the images. Whether pip accepts it, the build of the twin's image shows. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const read = (name: string) => readFileSync(`nodes/image/${name}`, "utf8");

/** Requirements, each with its continuation lines. */
const requirementsOf = (text: string): string[] =>
  text
    .replace(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .trim()
    .split("\n");

describe.each(["requirements.txt", "node-requirements.txt"])("%s", (file) => {
  test.each(requirementsOf(read(file)))("is exact and has its checksum: %s", (line) => {
    expect(line).toMatch(/^[\w-]+==[\w.]+ (--hash=sha256:[0-9a-f]{64}\s*)+$/i);
  });
});

test("nothing is installed on AWS without a signature: each package is Debian's, or goes through the check", () => {
  const script = read("install-aws.sh");
  const [check = "", ...others] = script.split("apt-get install").slice(0, -1);
  expect(others).toEqual([]);
  expect(check).toMatch(/VALIDSIG[^\n]*\$fingerprint[\s\S]*exit 1/);
  expect(script.replaceAll("\\\n", " ").match(/^install_signed (?!.*\b[0-9A-F]{40}$).*/gm)).toBeNull();
});

test("pip refuses what has no checksum, and fetches nothing to build with", () => {
  const calls = read("install-database.sh")
    .replaceAll("\\\n", " ")
    .match(/bin\/pip install [^\n]*/g);
  expect(calls).toHaveLength(2);
  for (const call of calls as string[]) {
    expect(call).toContain("--require-hashes");
    expect(call).toMatch(/--no-build-isolation|--only-binary :all:/);
  }
});
