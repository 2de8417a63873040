import type { Command } from "commander";
import type { PlaceFlags } from "../places.js";

export function addStatus(dr: Command): void {
  dr.command("status")
    .description("show both regions: which one is active, how far the other is behind, what they wait for")
    .option("--json", "print it as JSON")
    .option("--aws", "show AWS (default, unless a twin runs here)")
    .option("--twin", "show the twin of this host (default if one runs)")
    .option("--sandbox", "show the sandbox's claim table")
    .action(async ({ json, ...flags }: PlaceFlags & { json?: boolean }) => {
      const { openPlace, placeKind } = await import("../places.js");
      const { glanceAt } = await import("../../operations/glance.js");
      const place = await openPlace(placeKind(flags));
      try {
        const [seen, backups, escrow] = await Promise.all([place.observe(), place.backups(), place.escrow()]);
        const glance = glanceAt(seen, place.contract, place.settings.promotion, backups, escrow);
        if (json) return console.log(JSON.stringify({ place: place.kind, ...glance }, undefined, 2));
        const { renderGlance } = await import("../../operations/render.js");
        console.log(renderGlance(glance, place.name));
      } finally {
        place.close();
      }
    });
}
