/** Which role for people each verb needs on AWS. Help, docs/access.md and the tests of the roles' rights follow from this. */
import type { Command } from "commander";
import type { PersonRole } from "../settings/people.js";

/** `administrator`: what a person deploys by hand takes an administrator of the account, or break-glass. */
export type Needed = PersonRole | "administrator";

export const ROLE_OF_VERB: Readonly<Record<string, Needed>> = {
  status: "dr-operator",
  promote: "dr-operator",
  switchover: "dr-operator",
  restore: "restore-operator",
  "vault inspect": "vault-operator",
  "vault unhide": "vault-operator",
  "vault roll-back": "vault-operator",
  "vault protect": "vault-operator",
  rotate: "administrator",
  "bootstrap ca": "administrator",
  "bootstrap escrow": "administrator",
  "bootstrap secrets": "administrator",
  "bootstrap state-bucket": "administrator",
};

/** Verbs that call nothing on AWS. */
export const LOCAL_VERBS = ["bench", "check-epoch", "demo", "docs", "drill", "sandbox", "twin"];

/** Adds the role to the help of each verb that needs one. */
export function nameRoles(command: Command, path = ""): void {
  const needed = ROLE_OF_VERB[path];
  if (needed)
    command.addHelpText(
      "after",
      needed === "administrator"
        ? "\nOn AWS: as an administrator of the account, or <name>-break-glass. See docs/access.md."
        : `\nOn AWS: as <name>-${needed}. See docs/access.md.`,
    );
  for (const verb of command.commands) nameRoles(verb, `${path} ${verb.name()}`.trim());
}
