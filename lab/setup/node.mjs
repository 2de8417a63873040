// The Node that this project runs on: the host's when it is new enough, else one that npm brings, once, into the user's
// cache. Every entry point comes through here first, so it needs nothing but an older Node and the npm beside it.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const REPO = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Package and lock file of the Node that the machines run, too: exact version, and the packages' integrity. */
const LOCK = join(REPO, "lab/setup/node");

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Ends the process with one clear message. */
export function give(what, reason, remedy) {
  console.error(`error: ${what}\n  ${reason}\n  → ${remedy}`);
  process.exit(1);
}

const required = () => readJson(join(REPO, "package.json")).engines.node.replace(/^>=/, "");

/** @param {string} version e.g. 20.20.2  @param {string} least e.g. 22.12 */
function atLeast(version, least) {
  const [major, minor] = version.split(".").map(Number);
  const [leastMajor, leastMinor = 0] = least.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/**
 * Continues on the project's Node. On a Node that is new enough it returns, after it has seen to it that child
 * processes find the same Node. On an older one it runs the same command again on the Node from the cache, and ends
 * as that ends.
 */
export async function continueOnNode() {
  if (atLeast(process.versions.node, required())) {
    if (!isOnPath(process.execPath)) putFirst(dirname(process.execPath));
    return;
  }
  const bin = cachedNode();
  putFirst(bin);
  await handOver(join(bin, "node"), process.argv.slice(1));
}

/** Whether `node` on PATH is this very Node. */
function isOnPath(node) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const found = join(folder || ".", "node");
    try {
      accessSync(found, constants.X_OK);
      return realpathSync(found) === realpathSync(node);
    } catch {
      // Not in this folder.
    }
  }
  return false;
}

const putFirst = (folder) => {
  process.env.PATH = [folder, process.env.PATH].filter(Boolean).join(delimiter);
};

/** @returns the folder of the `node` that npm installed from the lock file. */
function cachedNode() {
  const least = required();
  const name = `node-${process.platform}-${process.arch}`;
  const version = readJson(join(LOCK, "package-lock.json")).packages[`node_modules/${name}`]?.version;
  const remedy = `install Node ${least} or newer and run the command again`;
  const old = `This project needs Node ${least} or newer`;
  if (!version) {
    give(
      `Node ${process.versions.node} is too old`,
      `${old}, and brings its own only on Linux with an x64 or arm64 processor. This is ${process.platform} on ${process.arch}.`,
      remedy,
    );
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "disaster-recovery");
  const target = join(cache, `node-${version}`);
  const bin = join(target, "node_modules", name, "bin");
  if (existsSync(join(bin, "node"))) return bin;

  console.error(
    `… Node ${process.versions.node} is older than ${least}: install Node ${version} for this project, once, into ${target} (120 MB)`,
  );
  // Installed elsewhere and moved into place, so that an install that was cut short never looks finished.
  const scratch = `${target}.${process.pid}`;
  const fail = (...message) => {
    rmSync(scratch, { recursive: true, force: true });
    give(...message);
  };
  mkdirSync(scratch, { recursive: true });
  writeLock(scratch, name);
  const flags = ["--ignore-scripts", "--no-fund", "--no-audit", "--no-update-notifier", "--loglevel=error"];
  const npm = spawnSync("npm", ["ci", "--prefix", scratch, ...flags], {
    cwd: scratch,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (npm.error) fail("npm could not be started", npm.error.message, `install npm; or ${remedy}`);
  if (npm.status !== 0) {
    fail(
      `Node ${version} could not be installed`,
      `npm ci ended with ${npm.status ?? npm.signal}; its own message is above. ${old}.`,
      `see that npm reaches its registry (npm ping); or ${remedy}`,
    );
  }
  const tried = spawnSync(join(scratch, "node_modules", name, "bin/node"), ["--version"], {
    encoding: "utf8",
  });
  if (tried.stdout?.trim() !== `v${version}`) {
    fail(
      `Node ${version} does not run on this host`,
      `${(tried.error?.message ?? tried.stderr).trim().split("\n").at(-1)}. It needs glibc 2.28 or newer.`,
      remedy,
    );
  }
  try {
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    // Another process was quicker; its Node is the same.
    if (!existsSync(join(bin, "node"))) throw error;
  }
  return bin;
}

/**
 * Writes package and lock file of that one package. Not as optional, as it is in the lock for all architectures: npm
 * goes on without an optional package whose checksum is wrong.
 */
function writeLock(folder, name) {
  const lock = readJson(join(LOCK, "package-lock.json"));
  const path = `node_modules/${name}`;
  const { optional: _, ...entry } = lock.packages[path];
  const root = { name: lock.name, version: lock.version, dependencies: { [name]: entry.version } };
  const write = (file, content) => writeFileSync(join(folder, file), JSON.stringify(content));
  write("package.json", root);
  write("package-lock.json", { ...lock, packages: { "": root, [path]: entry } });
}

/** Runs a command with the terminal and the signals handed over, and ends as it ends. */
export async function handOver(command, args) {
  let child;
  const forwarded = {
    // A terminal sends it to every process of the group, so to the child, too.
    SIGINT: () => process.stdin.isTTY || child.kill("SIGINT"),
    SIGTERM: () => child.kill("SIGTERM"),
    SIGHUP: () => child.kill("SIGHUP"),
  };
  // Before the child exists: a signal in between would end this process alone. Handlers run only after the spawn.
  for (const [signal, forward] of Object.entries(forwarded)) process.on(signal, forward);
  child = spawn(command, args, { stdio: "inherit" });
  const [code, signal] = await new Promise((done) => {
    child.once("exit", (...end) => done(end));
    child.once("error", (error) =>
      give(
        `${command} could not be started`,
        `${error.message}.`,
        "see that it is on PATH: npm run puts the project's packages there",
      ),
    );
  });
  if (!signal) process.exit(code);
  // As the child ended, so that callers see the same.
  for (const [name, forward] of Object.entries(forwarded)) process.off(name, forward);
  process.kill(process.pid, signal);
  // A signal takes a moment to arrive.
  await new Promise(() => setInterval(() => {}, 1000));
}
