/** Every type that is really made in the emulator. All others are simulated (`../simulate.ts`). */
import type { Handler } from "../../resource-plugin.js";
import type { AwsContext } from "../context.js";
import { iam } from "./iam.js";
import { kms } from "./kms.js";
import { s3 } from "./s3.js";

export type AwsHandler = Handler<AwsContext>;

export const HANDLERS: Readonly<Record<string, AwsHandler>> = {
  ...iam,
  ...kms,
  ...s3,
};
