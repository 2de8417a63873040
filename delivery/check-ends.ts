// `npm run check:ends [-- --on YYYY-MM-DD]`: fails when a part that we ship or run on is within six months of the end of its
// support, or past it.
import { parseArgs } from "node:util";
import { endsReport, PARTS } from "./ends-of-life.js";

const { on = new Date().toISOString().slice(0, 10) } = parseArgs({
  options: { on: { type: "string" } },
}).values;
if (!/^\d{4}-\d\d-\d\d$/.test(on) || Number.isNaN(Date.parse(on))) {
  console.error(`error: --on ${on}\n  This is not a date.\n  → write it as YYYY-MM-DD`);
  process.exit(2);
}
const { lines, failing } = endsReport(PARTS, on);
console.log(lines.join("\n"));
process.exitCode = failing ? 1 : 0;
