// `npm run demo`: installs what is missing, then shows the whole stack at work.
import { ensureDependencies, run } from "./ensure.mjs";

ensureDependencies();
process.exit(run(process.execPath, ["cli/dr.mjs", "demo", ...process.argv.slice(2)]));
