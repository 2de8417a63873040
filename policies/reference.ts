/** The table of all rules, `docs/policies.md`. */
import type { Rule } from "./rule.js";
import { RULES, RULES_BY_DOMAIN } from "./rules.js";

export function policiesReference(): string {
  const mandatory = RULES.filter(({ level }) => level === "mandatory").length;
  return `# Policies

Generated from \`policies/\` by \`npx dr docs\`. Do not edit.

The pack has ${RULES.length} rules. A \`mandatory\` one (${mandatory}) stops the deployment, an \`advisory\` one is printed.
How to add one: [policies/README.md](../policies/README.md).

${Object.entries(RULES_BY_DOMAIN)
  .map(([domain, rules]) => section(domain, rules))
  .join("\n")}`;
}

const section = (domain: string, rules: readonly Rule[]): string => `## ${domain}

| rule | what holds | level | severity | reference |
|-|-|-|-|-|
${rules.map(row).join("\n")}
`;

const row = ({ name, description, level, severity, reference }: Rule): string =>
  `| \`${name}\` | ${description} | ${level} | ${severity} | [${reference.id}](${reference.url}) |`;
