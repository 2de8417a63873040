// Checks the words of this repository's prose: `npm run lint:prose`, which passes `--sources`. By default all Markdown.
// `--sources` adds the comments and strings of TypeScript, and scripts and YAML as a whole. With paths it checks only these.
// `--count` prints the number of hits per folder.
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import kernel from "@textlint/kernel";
import markdown from "@textlint/textlint-plugin-markdown";
import { execa } from "execa";
import { RULES } from "./rules.mjs";
import typescript from "./typescript.mjs";

const { TextlintKernel } = kernel;

/** Generated from the sources, where `--sources` finds the words; or an example of what the rules find. */
const EXCLUDED = /^tests\/golden\/|^\.ci\/prose\/|^tests\/prose\.test\.ts$/;
const MARKDOWN = /\.md$/;
const SOURCE = /\.(?:md|ts|mjs|py|sh|ya?ml|java)$/;

/** In code, a line break inside a phrase brings the next line's comment sign with it. */
const GAP = String.raw`(?:\s+(?:(?://|\*|#)\s*)?)`;
const compiled = RULES.map(({ pattern, instead }) => ({
  expression: new RegExp(String.raw`(?<![\w-])(?:${pattern.replaceAll(" ", GAP)})(?![\w-])`, "gi"),
  instead,
}));

/** Code in backticks, with its length kept. */
const withoutCode = (text) => text.replace(/`[^`\n$]+`/g, (code) => " ".repeat(code.length));

function rule({ RuleError, Syntax, getSource, report, locator }) {
  return {
    [Syntax.Str](node) {
      const source = getSource(node);
      // A template's own backticks are not code.
      const text = source.startsWith("`") || source.startsWith("}") ? source : withoutCode(source);
      for (const { expression, instead } of compiled) {
        for (const { 0: found, index } of text.matchAll(expression)) {
          const words = found.replace(/\s+(?:(?:\/\/|\*|#)\s*)?/g, " ");
          const padding = locator.range([index, index + found.length]);
          report(node, new RuleError(`"${words}": ${instead}`, { padding }));
        }
      }
    },
  };
}

const textlint = new TextlintKernel();
const options = {
  plugins: [
    { pluginId: "markdown", plugin: markdown.default ?? markdown },
    { pluginId: "typescript", plugin: typescript },
  ],
  rules: [{ ruleId: "words", rule }],
};

/** The processor for a file: a script without an extension is plain text. */
const extensionOf = (file) => /\.(?:md|ts|mjs)$/.exec(file)?.[0] ?? ".txt";

/** @returns {Promise<{ line: number; column: number; message: string }[]>} */
export async function lint(text, file) {
  const { messages } = await textlint.lintText(text, { ...options, filePath: file, ext: extensionOf(file) });
  return messages
    .map(({ loc, message }) => ({ line: loc.start.line, column: loc.start.column, message }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Scripts on the machines have no extension. */
const isSource = (file) =>
  SOURCE.test(file) || (!/\.[a-z]+$/.test(file) && readFileSync(file, "latin1").startsWith("#!"));

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sources: { type: "boolean" }, count: { type: "boolean" } },
  });
  const listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const { stdout } = await execa("git", [...listed, "--", ...positionals]);
  const texts = stdout
    .split("\0")
    .filter((file) => file && !EXCLUDED.test(file) && existsSync(file))
    .filter((file) => MARKDOWN.test(file) || ((values.sources || positionals.length > 0) && isSource(file)));
  if (texts.length === 0)
    throw new Error("No file to check. Run it in a clone of the repository, with paths that exist.");

  const perFolder = new Map();
  let hits = 0;
  for (const file of texts) {
    const found = await lint(readFileSync(file, "utf8"), file);
    hits += found.length;
    const folder = file.includes("/")
      ? file
          .split("/")
          .slice(0, file.startsWith("tests/") ? 2 : 1)
          .join("/")
      : ".";
    perFolder.set(folder, (perFolder.get(folder) ?? 0) + found.length);
    if (!values.count)
      for (const { line, column, message } of found) console.log(`${file}:${line}:${column}  ${message}`);
  }
  if (values.count) {
    for (const [folder, count] of [...perFolder].sort(([, a], [, b]) => b - a))
      console.log(String(count).padStart(5), folder);
  }
  console.log(
    `${texts.length} files, ${hits} phrases to rewrite${hits > 0 ? ": .ci/prose/rules.mjs lists them" : ""}`,
  );
  if (hits > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
