/** Lines of at most `width` columns, broken only at spaces: an identifier stays whole. */
export function wrapAt(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 1 <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `${indent}${word}`);
  }
  return lines;
}

/** Indentation, and columns of the label that begins a row. */
const [INDENT, LABEL] = [2, 12];

/** Each text beside its label, wrapped so that no line is longer than `width`. */
export const labelled = (
  rows: readonly (readonly [label: string, text: string])[],
  width: number,
): string[] =>
  rows.flatMap(([label, text]) =>
    wrapAt(text, width - LABEL - INDENT).map(
      (line, i) => " ".repeat(INDENT) + (i === 0 ? label : "").padEnd(LABEL) + line,
    ),
  );
