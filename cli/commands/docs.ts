import type { Command } from "commander";
import { writeReferences } from "../../docs/references.js";

export function addDocs(dr: Command): void {
  dr.command("docs")
    .description("write the generated references in docs/ anew")
    .action(async () => {
      for (const file of await writeReferences()) console.log(file);
    });
}
