import type { Handler } from "../../resource-plugin.js";
import type { AwsContext } from "../context.js";

/** How one AWS resource type is made in the emulator. */
export type AwsHandler = Handler<AwsContext>;
