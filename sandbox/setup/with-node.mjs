// with-node.mjs COMMAND [ARGUMENT…]: runs a command on the project's Node, as the npm scripts do.
import { run } from "./ensure.mjs";
import { continueOnNode } from "./node.mjs";

await continueOnNode();
const [command, ...args] = process.argv.slice(2);
process.exit(run(command, args));
