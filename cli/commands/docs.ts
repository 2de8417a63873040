import type { Command } from "commander";

export function addDocs(dr: Command): void {
  dr.command("docs")
    .description("regenerate the reference pages in docs/")
    .action(async () => {
      const { writeReferences } = await import("../../references/write.js");
      for (const file of await writeReferences()) console.log(file);
    });
}
