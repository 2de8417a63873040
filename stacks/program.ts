/** The program of every stack: which one is built follows from the stack's name. */
import * as pulumi from "@pulumi/pulumi";
import { parseRegionSettings, parseSharedSettings } from "../settings/parse.js";
import { readRawSettings } from "../settings/pulumi.js";
import { assertStackName } from "../settings/stacks.js";
import { globalStack } from "./global.js";
import { linkStack } from "./link.js";
import { regionStack } from "./region.js";

export type StackOutputs = Record<string, unknown>;

/**
 * Declares the resources of the selected stack and returns its outputs.
 * @throws Error for a stack this project doesn't have, SettingsError for bad settings.
 */
export async function program(): Promise<StackOutputs> {
  const stack = pulumi.getStack();
  assertStackName(stack);
  const raw = readRawSettings();
  switch (stack) {
    case "global":
      return globalStack(parseSharedSettings(stack, raw));
    case "link":
      return linkStack(parseSharedSettings(stack, raw));
    case "prod":
    case "dr":
      return regionStack(stack, parseRegionSettings(stack, raw));
  }
}
