/** The place on which a command works. Each is loaded on use: the SDK and the twin take a second. */
import { UserError } from "../common/errors.js";
import type { Place } from "../operations/places/place.js";
import { projectFolder } from "../settings/stack-files.js";

export interface PlaceFlags {
  readonly aws?: boolean;
  readonly twin?: boolean;
  readonly sandbox?: boolean;
}

/** @returns undefined without a flag. @throws UserError for two flags. */
export function placeKind({ aws, twin, sandbox }: PlaceFlags): Place["kind"] | undefined {
  const named = Object.entries({ aws, twin, sandbox }).filter(([, yes]) => yes);
  if (named.length > 1) {
    throw new UserError(
      named.map(([name]) => `--${name}`).join(" "),
      "They name different places.",
      "pass one of them",
    );
  }
  return named[0]?.[0] as Place["kind"] | undefined;
}

/** @param kind left out: the twin when one runs here, else AWS */
export async function openPlace(kind: Place["kind"] | undefined): Promise<Place> {
  // Of the lab only its record: an operator's machine may lack the lab's packages.
  const { twinRuns } = await import("../lab/twin/record.js");
  const chosen = kind ?? ((await twinRuns()) ? "twin" : "aws");
  if (chosen === "twin") return (await import("../lab/twin/place.js")).twinPlace();
  if (chosen === "sandbox") return (await import("../lab/sandbox/place.js")).sandboxPlace();
  return (await import("../operations/places/aws.js")).awsPlace(projectFolder());
}
