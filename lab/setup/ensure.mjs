// First step of `npm run demo` and `npm test`. Needs nothing but Node, so that it works in a fresh clone.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { give, REPO } from "./node.mjs";

/** Installs the locked dependencies when they are missing or older than the lock file. */
export function ensureDependencies() {
  const installed = join(REPO, "node_modules/.package-lock.json");
  const lock = join(REPO, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const start = performance.now();
  console.error("… install the locked npm dependencies (about 500 MB)");
  const npm = spawnSync(
    "npm",
    ["ci", "--no-fund", "--no-audit", "--no-update-notifier", "--loglevel=error"],
    {
      cwd: REPO,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  if (npm.error) give("npm could not be started", npm.error.message, "install npm, which comes with Node");
  if (npm.status !== 0)
    give(
      `npm ci ended with ${npm.status}`,
      "Its own message is above.",
      "see that npm reaches its registry (npm ping) and run the command again",
    );
  console.error(
    `✓ install the locked npm dependencies (${((performance.now() - start) / 1000).toFixed(1)} s)`,
  );
}

/** Runs one command with the terminal handed over, and ends as it ends. @returns its exit code. */
export function run(command, args, env = {}) {
  const child = spawnSync(command, args, { cwd: REPO, stdio: "inherit", env: { ...process.env, ...env } });
  return child.status ?? 1;
}
