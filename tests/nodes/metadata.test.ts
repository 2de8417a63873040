/** Who reaches the instance metadata. tests/lab/twin/metadata.test.ts tries it in the kernel. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { REPO } from "../../common/paths.js";
import { IMAGE_KINDS, renderComponentDocument } from "../../nodes/image/component-document.js";
import { payloadFiles } from "../../nodes/image/payload.js";
import { METADATA_FILE, METADATA_USERS, renderMetadataRules } from "../../nodes/render/metadata.js";
import { UNITS } from "../../nodes/render/units.js";

const script = readFileSync(join(REPO, "nodes/image/install-aws.sh"), "utf8");
const document = (kind: (typeof IMAGE_KINDS)[number]) =>
  parse(
    renderComponentDocument({
      kind,
      build: { bundle: "", hash: "0" },
      bucket: "bucket",
      accountId: "123456789012",
      region: "eu-west-1",
    }),
  ) as { phases: { name: string; steps: { inputs: { commands: string[] } }[] }[] };

test("only root reaches it, and where pgBackRest needs the role, postgres", () => {
  expect(METADATA_USERS).toEqual({ database: ["root", "postgres"], tomcat: ["root"] });
});

describe.each(IMAGE_KINDS)("a %s machine", (kind) => {
  test("has rules that name its users, and refuse every other", () => {
    const rules = renderMetadataRules(kind);
    expect(rules).toContain(`meta skuid { ${METADATA_USERS[kind].join(", ")} } accept`);
    expect(rules.trimEnd().split("\n").slice(-3)).toEqual(["    reject", "  }", "}"]);
    // Not the guard's table, whose leases would be gone.
    expect([...rules.matchAll(/\btable (\S+ \S+)/g)].map(([, name]) => name)).toEqual(
      Array(3).fill("inet dr_metadata"),
    );
    expect(rules).not.toContain("flush ruleset");
  });

  test("has its rules in the image", async () => {
    const file = (await payloadFiles()).find(({ path }) => path === `usr/local/lib/dr/metadata-${kind}.nft`);
    expect(file?.content).toBe(renderMetadataRules(kind));
    expect(script).toContain(`ln -sfn "/usr/local/lib/dr/metadata-$kind.nft" ${METADATA_FILE}`);
    const [build] = document(kind).phases;
    const commands = build?.steps.flatMap(({ inputs }) => inputs.commands ?? []);
    expect(commands).toContain(`bash /var/tmp/dr-image/scripts/install-aws.sh eu-west-1 ${kind}`);
  });

  test("is tested when its image is built: who must reach it does, and others don't", () => {
    for (const { steps } of document(kind).phases.filter(({ name }) => name !== "build")) {
      const commands = steps[0]?.inputs.commands.join("\n") ?? "";
      expect(commands).toContain("systemctl is-active --quiet dr-metadata.service");
      for (const user of METADATA_USERS[kind])
        expect(commands).toMatch(new RegExp(`^runuser -u ${user} -- curl .*169\\.254\\.169\\.254`, "m"));
      expect(commands).toMatch(/^if runuser -u daemon -- curl .*169\.254\.169\.254.*exit 1; fi$/m);
    }
  });
});

test("the rules are loaded before any service starts, on EC2 only", () => {
  const unit = UNITS["dr-metadata.service"] as string;
  expect(unit).toMatch(/^Before=.*\bsysinit\.target\b.*\bnetwork-pre\.target\b/m);
  expect(unit).toMatch(/^DefaultDependencies=no$/m);
  expect(unit).toContain(`ExecStart=/usr/sbin/nft -f ${METADATA_FILE}\n`);
  expect(script).toMatch(/^systemctl enable .*--now.* dr-metadata\.service$/m);
  // Debian's own unit begins and ends with `flush ruleset`.
  expect(script).toMatch(/^disable_services nftables\.service$/m);
});
