/** Every type that is really made in the emulator. All others are simulated (`../simulate.ts`). */
import type { Handler } from "../../resource-plugin.js";
import type { AwsContext } from "../context.js";
import { s3 } from "./s3.js";

export type AwsHandler = Handler<AwsContext>;

export const HANDLERS: Readonly<Record<string, AwsHandler>> = { ...s3 };
