// `npm run demo`: installs what is missing, then shows the whole stack at work.
import { join } from "node:path";
import { ensureDependencies } from "./ensure.mjs";
import { continueOnNode, handOver, REPO } from "./node.mjs";

// The dependencies first: they are installed by the host's npm, on the host's Node.
ensureDependencies();
await continueOnNode();
await handOver(process.execPath, [join(REPO, "cli/dr.mjs"), "demo", ...process.argv.slice(2)]);
