// with-node.mjs COMMAND [ARGUMENT…]: runs a command on the project's Node, as the npm scripts do.
import { continueOnNode, handOver } from "./node.mjs";

await continueOnNode();
const [command, ...args] = process.argv.slice(2);
await handOver(command, args);
