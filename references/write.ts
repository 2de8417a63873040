/** The references in this folder that are generated from code. `npx dr docs` writes them; a test holds them to it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { REPO } from "../common/paths.js";
import { policiesReference } from "../policies/reference.js";
import { settingsReference } from "../settings/reference.js";
import { costsReference } from "./costs.js";
import { vaultCostReference } from "./vault-cost-page.js";

export const REFERENCES: Readonly<Record<string, () => string>> = {
  "docs/costs.md": costsReference,
  "docs/policies.md": policiesReference,
  "docs/settings.md": settingsReference,
  "docs/vault-cost.md": vaultCostReference,
};

/** @returns the files that were written. */
export async function writeReferences(): Promise<string[]> {
  for (const [file, render] of Object.entries(REFERENCES)) await writeFile(join(REPO, file), render());
  return Object.keys(REFERENCES);
}
