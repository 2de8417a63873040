/** A twin with a claim table. Says the processes of its emulator and of its links, then waits to be killed. */
import { readFile } from "node:fs/promises";
import { openBareTwin } from "./bare-twin.js";

await openBareTwin(["home"], process.argv[2]);
const own = `/proc/${process.pid}/task/${process.pid}/children`;
console.log((await readFile(own, "utf8")).trim());
setInterval(() => {}, 1000);
