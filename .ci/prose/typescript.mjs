// TypeScript for textlint: its prose is in comments and in strings with a space. Scripts and YAML: all of their text.
import ts from "typescript";

/** Comments on following lines are read as one, so that a phrase is found across a line break. */
function joined(text, ranges) {
  const out = [];
  for (const [start, end] of ranges.sort(([a], [b]) => a - b)) {
    const last = out.at(-1);
    if (last?.comment && text.startsWith("//", start) && !text.slice(last.end, start).trim()) last.end = end;
    else if (!last || start >= last.end) out.push({ start, end, comment: text.startsWith("//", start) });
  }
  return out.map(({ start, end }) => [start, end]);
}

/** @returns {[start: number, end: number][]} where the prose of a source is. */
function proseOf(text, file) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false);
  const ranges = new Map();
  const comments = (found) => {
    for (const { pos, end } of found ?? []) ranges.set(pos, [pos, end]);
  };
  const visit = (node) => {
    const start = node.getStart(source);
    if (ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)) {
      if (/\s/.test(node.text)) ranges.set(start, [start, node.end]);
    }
    if (node.kind < ts.SyntaxKind.FirstNode || node.getChildCount(source) === 0) {
      comments(ts.getLeadingCommentRanges(text, node.pos));
      comments(ts.getTrailingCommentRanges(text, node.end));
    }
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return joined(text, [...ranges.values()]);
}

/** Line (from 1) and column (from 0) of each offset. */
function locator(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low] };
  };
}

class Processor {
  availableExtensions() {
    return [".ts", ".mjs", ".txt"];
  }
  processor(extension) {
    return {
      preProcess(text, file) {
        const at = locator(text);
        const node = (type, start, end, more) => ({
          type,
          raw: text.slice(start, end),
          range: [start, end],
          loc: { start: at(start), end: at(end) },
          ...more,
        });
        const prose = extension === ".txt" ? [[0, text.length]] : proseOf(text, file);
        const children = prose.map(([start, end]) =>
          node("Str", start, end, { value: text.slice(start, end) }),
        );
        return node("Document", 0, text.length, { children });
      },
      postProcess: (messages, filePath) => ({ messages, filePath }),
    };
  }
}

export default { Processor };
