/** What the images get from elsewhere than Debian. Whether pip accepts its part, the build of the twin's image shows. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("AWS's agent is of one version, not of the day's latest", () => {
  const script = read("install-aws.sh").replaceAll("\\\n", " ");
  const calls = [...script.matchAll(/^install_signed (\S+) +"\$agent_version" (.*)$/gm)];
  expect(calls.map(([, name]) => name)).toEqual(["amazon-cloudwatch-agent"]);
  expect(script).toMatch(/^agent_version=\d+\.\d+\.\d+b\d+$/m);
  expect(script.match(/\$agent\S*\.deb(\.sig)?(?=")/g)).toEqual([
    "$agent/debian/$arch/$agent_version/amazon-cloudwatch-agent.deb",
    "$agent/debian/$arch/$agent_version/amazon-cloudwatch-agent.deb.sig",
  ]);
  expect(script).not.toMatch(/\/latest\/amazon/);
});

describe("install_signed", () => {
  const FINGERPRINT = "937616F3450B7D806CBD9725D58167303B789C72";
  const [definition = ""] = /^install_signed\(\) \{[\s\S]*?^\}/m.exec(read("install-aws.sh")) ?? [];

  /** Runs it with these programs in place of the machine's. @returns whether apt-get installs the package. */
  const run = (programs: { installed: string; file: string; signedBy: string }) => {
    const folder = mkdtempSync(join(tmpdir(), "signed-"));
    const program = (name: string, text: string) => {
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, name), 0o755);
    };
    program("dpkg-query", programs.installed ? `printf '%s' 'ok installed ${programs.installed}'` : "exit 1");
    program("dpkg-deb", `echo '${programs.file}'`);
    program(
      "gpg",
      `case "$*" in *--verify*) echo '[GNUPG:] VALIDSIG ${programs.signedBy} 2026-08-11';; esac`,
    );
    program("apt-get", `echo "$@" >> ${folder}/apt`);
    const { status, stderr } = spawnSync(
      "bash",
      [
        "-c",
        `set -euo pipefail; work=${folder}; fetch() { :; }
         ${definition}
         install_signed agent 1.2.0b34 url signature key ${FINGERPRINT}`,
      ],
      { encoding: "utf8", env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } },
    );
    const asked = spawnSync("cat", [join(folder, "apt")], { encoding: "utf8" }).stdout;
    rmSync(folder, { recursive: true });
    return { status, stderr, installs: asked.includes("agent.deb") };
  };
  const good = { installed: "", file: "1.2.0b34-1", signedBy: FINGERPRINT };

  test("installs the version that it names", () => {
    expect(run(good)).toEqual({ status: 0, stderr: "", installs: true });
    expect(run({ ...good, installed: "1.2.0b33-1" })).toEqual({ status: 0, stderr: "", installs: true });
  });

  test("leaves the version that it names as it is", () => {
    expect(run({ ...good, installed: "1.2.0b34-1" })).toEqual({ status: 0, stderr: "", installs: false });
  });

  test("refuses a package that another key signed", () => {
    const { status, stderr, installs } = run({ ...good, signedBy: "0".repeat(40) });
    expect({ status, installs }).toEqual({ status: 1, installs: false });
    expect(stderr).toContain(`agent has no valid signature of key ${FINGERPRINT}`);
  });

  test("refuses an older package, although the same key signed it", () => {
    for (const file of ["1.1.0b20-1", "1.2.0b345-1"]) {
      const { status, stderr, installs } = run({ ...good, file });
      expect({ status, installs }).toEqual({ status: 1, installs: false });
      expect(stderr).toContain(`the package says version ${file}, not 1.2.0b34`);
    }
  });
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
