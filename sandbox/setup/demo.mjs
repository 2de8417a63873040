// `npm run demo`: installs what is missing, then shows the whole stack at work.
import { ensureDependencies, run } from "./ensure.mjs";
import { continueOnNode } from "./node.mjs";

// The dependencies first: they are installed by the host's npm, on the host's Node.
ensureDependencies();
await continueOnNode();
process.exit(run(process.execPath, ["cli/dr.mjs", "demo", ...process.argv.slice(2)]));
