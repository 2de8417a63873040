#!/usr/bin/env node
// The `dr` command. TypeScript is run as it stands, without a build.

// The SDK warns that Node 20 will be left behind in 2027; the locked version is made for it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

try {
  const { register } = await import("tsx/esm/api");
  register();
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error(
    "error: the project's packages are not installed\n  Its commands run on them.\n  → npm ci (npm run demo and npm test do it by themselves)",
  );
  process.exit(1);
}
await import("./main.ts");
