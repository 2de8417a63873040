/** Renders the reference of every setting from the schema itself, so that it can't say anything else. */
import { z } from "zod";
import { regionSchema, sharedSchema } from "./schema.js";

interface Node {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  anyOf?: Node[];
  additionalProperties?: Node | boolean;
}

interface Row {
  key: string;
  type: string;
  fallback: string;
  meaning: string;
}

/** @returns Markdown: one table of shared settings, one of those of a region's stack. */
export function settingsReference(): string {
  const shared = rowsOf(json(sharedSchema));
  const sharedKeys = new Set(shared.map(({ key }) => key));
  const region = rowsOf(json(regionSchema)).filter(({ key }) => !sharedKeys.has(key));
  return [
    "# Settings",
    "",
    "Generated from `settings/schema.ts` by `npx dr docs`. The unit is part of a key's name. A key that isn't",
    "listed here is refused, and all mistakes are reported at once.",
    "",
    "## Shared: `config:` in Pulumi.yaml",
    "",
    "Settings that both regions share are set once. A key that Pulumi.yaml doesn't have yet is added there as",
    "`<key>: { type: object, default: { … } }`; a stack file may replace a whole top-level key.",
    "",
    table(shared),
    "## One region: Pulumi.prod.yaml and Pulumi.dr.yaml",
    "",
    table(region),
    "## Checks across keys",
    "",
    "- Home, recovery and witness are three different regions of one set in which DynamoDB offers multi-Region strong consistency.",
    "- `database.voters` is 3 or 5, over three zones.",
    "- `database.volumeIops` ≤ 500 × `volumeGib`, and `volumeThroughputMibps` ≤ 0.25 × `volumeIops`: what EBS gives a gp3 volume.",
    "- The two networks don't overlap.",
    "- `retentionDays` ≥ `lockDays`, for backups and for the audit trail.",
    "- `restoreTest.maxSeconds` is less than `restoreTest.everyHours`.",
    "- `objectives.rpoSeconds` ≥ `backup.archiveTimeoutSeconds`.",
    "- `promotion.marginSeconds` ≥ the greater of read interval and `failover.leaderLeaseSeconds`, + 1 s + 1 % of (lease + margin); `promotion.leaseSeconds` > three read intervals.",
    "- `fleet.minSize` ≤ `fleet.fullSize` ≤ `fleet.maxSize`.",
    "- At least one contact pages, and every endpoint fits its protocol.",
    "- At most eight `tags`, and none of the names that the program sets itself.",
    "- Epochs of `prod` are odd and those of `dr` even (0 claims nothing); `yieldedTo` is an epoch of the other region; `fenced` and `acceptDataLoss` are epochs of this one, not above `epoch`.",
    "",
  ].join("\n");
}

const json = (schema: z.ZodType): Node => z.toJSONSchema(schema, { io: "input" }) as Node;

function rowsOf(node: Node, path = "", required = true): Row[] {
  const own: Row = {
    key: path,
    type: typeOf(node),
    fallback:
      node.default !== undefined && !node.properties
        ? `\`${JSON.stringify(node.default)}\``
        : required
          ? "required"
          : "not set",
    meaning: node.description ?? "",
  };
  if (node.properties) {
    const inner = Object.entries(node.properties).flatMap(([name, child]) =>
      rowsOf(child, path ? `${path}.${name}` : name, (node.required ?? []).includes(name)),
    );
    return path && node.description ? [{ ...own, fallback: "" }, ...inner] : inner;
  }
  if (node.items?.properties) return [own, ...rowsOf(node.items, `${path}[]`, true)];
  return [own];
}

function typeOf(node: Node): string {
  const values =
    node.enum ??
    (node.anyOf?.every((one) => one.const !== undefined) ? node.anyOf.map((one) => one.const) : undefined);
  if (values) return values.map((value) => `\`${value}\``).join(", ");
  if (node.properties) return "group";
  if (node.type === "array") return "list";
  if (node.type === "object") return "map";
  if (node.minimum !== undefined && node.maximum !== undefined)
    return `${node.type}, ${node.minimum} to ${node.maximum}`;
  return node.type ?? "";
}

function table(rows: readonly Row[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "| key | type, bounds | default | meaning |",
    "|-|-|-|-|",
    ...rows.map(
      ({ key, type, fallback, meaning }) =>
        `| \`${key}\` | ${cell(type)} | ${cell(fallback)} | ${cell(meaning)} |`,
    ),
    "",
  ].join("\n");
}
