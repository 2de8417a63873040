/** The program of every stack: which one is built follows from the stack's name. */
import * as pulumi from "@pulumi/pulumi";
import { isUserError } from "../common/errors.js";
import { parseRegionSettings, parseSharedSettings } from "../settings/parse.js";
import { readRawSettings } from "../settings/pulumi.js";
import { assertStackName } from "../settings/stacks.js";
import { copyStack } from "./copy.js";
import { globalStack } from "./global.js";
import { linkStack } from "./link.js";
import type { StackOutputs } from "./outputs.js";
import { regionStack } from "./region.js";

/**
 * Declares the resources of the selected stack and returns its outputs.
 * @throws pulumi.RunError, which is shown without a stack trace, for errors that the user can fix: an unknown stack,
 * bad settings, a handoff that `global` hasn't published yet.
 */
export async function program(): Promise<StackOutputs> {
  try {
    return await declare(pulumi.getStack());
  } catch (error) {
    throw isUserError(error) ? new pulumi.RunError(error.message) : error;
  }
}

async function declare(stack: string): Promise<StackOutputs> {
  assertStackName(stack);
  const raw = readRawSettings();
  switch (stack) {
    case "copy":
      return copyStack(parseSharedSettings(stack, raw));
    case "global":
      return globalStack(parseSharedSettings(stack, raw));
    case "link":
      return linkStack(parseSharedSettings(stack, raw));
    case "prod":
    case "dr":
      return regionStack(stack, parseRegionSettings(stack, raw));
  }
}
