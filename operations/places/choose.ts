/** Which place a command looks at. Each is loaded on use: the SDK and the twin take a second. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../common/errors.js";
import { REPO } from "../../common/paths.js";
import type { Place } from "./place.js";

export interface PlaceFlags {
  readonly aws?: boolean;
  readonly twin?: boolean;
  readonly sandbox?: boolean;
}

/** Folder of Pulumi.yaml: this one, else the checkout. */
export const projectFolder = (): string => (existsSync("Pulumi.yaml") ? resolve(".") : REPO);

/** @returns undefined when no flag says. @throws UserError for two at once. */
export function placeKind({ aws, twin, sandbox }: PlaceFlags): Place["kind"] | undefined {
  const named = Object.entries({ aws, twin, sandbox }).filter(([, yes]) => yes);
  if (named.length > 1) {
    throw new UserError(
      named.map(([name]) => `--${name}`).join(" "),
      "They are different places.",
      "give one of them",
    );
  }
  return named[0]?.[0] as Place["kind"] | undefined;
}

/** @param kind left out: the twin when one runs here, else AWS */
export async function openPlace(kind: Place["kind"] | undefined): Promise<Place> {
  const twin = await import("../../lab/twin/place.js");
  const chosen = kind ?? ((await twin.twinRuns()) ? "twin" : "aws");
  if (chosen === "twin") return twin.twinPlace();
  if (chosen === "sandbox") return (await import("../../lab/sandbox/place.js")).sandboxPlace();
  return (await import("./aws.js")).awsPlace(projectFolder());
}
