/** `dr drill list`: one line per drill, at most 80 columns. Rendering is pure. */
import type { AnyDrill } from "./drill.js";

const WIDTH = 80;

/** Long titles are cut at a word; `--json` has them whole. */
export function renderList(
  drills: readonly (Pick<AnyDrill, "name" | "title"> & { readonly nightly: boolean })[],
): string {
  const column = Math.max(...drills.map(({ name }) => name.length)) + 1;
  return [
    ...drills.map(({ name, title, nightly }) => {
      const label = `${name}${nightly ? "*" : ""}`.padEnd(column);
      return `${label} ${clip(title, WIDTH - column - 1)}`;
    }),
    "* runs only as nightly or by name. --json: whole titles, hypotheses, runbooks",
  ].join("\n");
}

function clip(text: string, width: number): string {
  if (text.length <= width) return text;
  const cut = text.lastIndexOf(" ", width - 1);
  return `${text.slice(0, cut > 0 ? cut : width - 1).replace(/[,;:]$/, "")}…`;
}
