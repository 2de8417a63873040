#!/usr/bin/env node
// The `dr` command. It runs TypeScript directly, without a build.

import { continueOnNode } from "../lab/setup/node.mjs";

await continueOnNode();
try {
  const { register } = await import("tsx/esm/api");
  register();
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error(
    "error: the project's packages are not installed\n  The commands need them.\n  → npm ci (npm run demo and npm test install them by themselves)",
  );
  process.exit(1);
}
await import("./main.ts");
