#!/usr/bin/env node
// The `dr` command. TypeScript is run as it stands, without a build.
import { register } from "tsx/esm/api";

// The SDK warns that Node 20 will be left behind in 2027; the locked version is made for it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

register();
await import("./main.ts");
