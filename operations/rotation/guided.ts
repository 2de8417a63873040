/** A rotation on a real terminal: chooses place and machines, writes progress to standard error. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";
import { newPassword } from "../../credentials/secret-values.js";
import type { Place } from "../places/place.js";
import { askToConfirm, requireTerminal } from "../promotion/confirm.js";
import { type Credential, PLATFORM_LOGINS, type RotationResult, runRotation } from "./run.js";

export interface GuidedRotation {
  readonly open: () => Promise<Place>;
  /** `login`, `superuser`, `replication`, `rewind` or `all`. */
  readonly what: string;
  /** With `login`. */
  readonly owner?: string;
  readonly endSessions?: boolean;
  readonly yes?: boolean;
}

/** @throws UserError for anything but a credential */
export function credentialsNamed(
  { what, owner }: Pick<GuidedRotation, "what" | "owner">,
  owners: readonly string[],
): Credential[] {
  if (what === "login") {
    if (owner === undefined)
      throw new UserError("rotate login", "It needs the owner of a database.", `pass ${owners.join(" or ")}`);
    return [{ kind: "login", owner }];
  }
  if (owner !== undefined)
    throw new UserError(`rotate ${what} ${owner}`, `Only login takes a name.`, `leave ${owner} out`);
  const one = PLATFORM_LOGINS.find((kind) => kind === what);
  if (one) return [{ kind: one }];
  if (what === "all")
    return [
      ...PLATFORM_LOGINS.map((kind) => ({ kind })),
      ...owners.map((each) => ({ kind: "login" as const, owner: each })),
    ];
  throw new UserError(
    `rotate ${what}`,
    "There is no such credential.",
    `pass login <owner>, ${PLATFORM_LOGINS.join(", ")} or all`,
  );
}

export async function guidedRotation({
  open,
  endSessions,
  yes = false,
  ...named
}: GuidedRotation): Promise<RotationResult> {
  requireTerminal({ input: process.stdin, yes });
  const progress = new Progress(process.stderr);
  const place = await open();
  try {
    const { contract, settings } = place;
    const owners = [...new Set(settings.databases.map(({ owner }) => owner))];
    const credentials = credentialsNamed(named, owners);
    const [machines, services] = [await place.restoreMachines(), await place.rotation()];
    try {
      return await runRotation(
        {
          ...{ contract, owners, machines, newPassword },
          ...{ secrets: services.secrets, fleets: services.fleets },
          confirm: (question) =>
            askToConfirm(question, { input: process.stdin, output: process.stderr, yes }),
          say: (text) => progress.line(text),
          sleep: async (millis) => void (await sleep(millis)),
        },
        { credentials, endSessions },
      );
    } finally {
      machines.close();
      services.close();
    }
  } finally {
    place.close();
  }
}
