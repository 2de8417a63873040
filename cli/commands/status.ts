import type { Command } from "commander";
import type { PlaceFlags } from "../places.js";

export function addStatus(dr: Command): void {
  dr.command("status")
    .description("both regions at a glance: who is active, how far the other is behind, what is waited for")
    .option("--json", "print it as JSON")
    .option("--aws", "look at AWS (default, unless a twin runs here)")
    .option("--twin", "look at the twin of this host (default when one runs)")
    .option("--sandbox", "look at the sandbox's claim table")
    .action(async ({ json, ...flags }: PlaceFlags & { json?: boolean }) => {
      const { openPlace, placeKind } = await import("../places.js");
      const { glanceAt } = await import("../../operations/glance.js");
      const place = await openPlace(placeKind(flags));
      try {
        const [seen, backups] = await Promise.all([place.observe(), place.backups()]);
        const glance = glanceAt(seen, place.contract, place.settings.promotion, backups);
        if (json) return console.log(JSON.stringify({ place: place.kind, ...glance }, undefined, 2));
        const { renderGlance } = await import("../../operations/render.js");
        console.log(renderGlance(glance, place.name));
      } finally {
        place.close();
      }
    });
}
