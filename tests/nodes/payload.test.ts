import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { payloadFiles, writePayload } from "../../nodes/image/payload.js";

/** In the bundle. */
const VERBS = ["check-vault", "cut-over", "logins", "reconcile", "save-diverged"];

const HOOKS = { aws: "nodes/platform/aws", twin: "lab/twin/platform" };
const programs = async (platform: keyof typeof HOOKS) =>
  (await payloadFiles(HOOKS[platform])).filter(({ path }) => path.startsWith("usr/local/sbin/"));

describe("the payload", () => {
  test("has the same programs on both platforms; only the hooks differ", async () => {
    const [aws, twin] = [await programs("aws"), await programs("twin")];
    expect(aws.map(({ path }) => path)).toEqual(twin.map(({ path }) => path));
    const different = aws.filter(({ content }, i) => content !== twin[i]?.content).map(({ path }) => path);
    expect(different).toEqual(
      [
        "attach-scratch",
        "attach-volume",
        "end-machine",
        "get-artifact",
        "get-parameter",
        "get-secret",
        "put-artifact",
        "vault-protection",
        "vault-settings",
      ].map((hook) => `usr/local/sbin/dr-${hook}`),
    );
  });

  test("only the hooks know the cloud", async () => {
    const hooks = /dr-(attach-\w+|end-machine|get-\w+|put-artifact|vault-protection|vault-settings)$/;
    const others = (await programs("aws")).filter(({ path }) => !hooks.test(path));
    const calling = others.filter(({ content }) =>
      /\baws (s3|ssm|ec2|secretsmanager)\b|169\.254/.test(content),
    );
    expect(calling.map(({ path }) => path)).toEqual([]);
  });

  test("is the same each time, or every deployment would build new images", async () => {
    expect(await payloadFiles()).toEqual(await payloadFiles());
  });

  test("is written with its modes: programs can be run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "payload-"));
    await writePayload(await payloadFiles("lab/twin/platform"), folder);
    expect(statSync(join(folder, "usr/local/sbin/dr-fetch-secrets")).mode & 0o777).toBe(0o755);
  });

  test("programs that only call the bundle name a verb that it knows", async () => {
    const files = await payloadFiles();
    const bundle = join(mkdtempSync(join(tmpdir(), "payload-")), "dr.cjs");
    writeFileSync(bundle, files.find(({ path }) => path === "usr/local/lib/dr/dr.cjs")?.content as string);
    const verbs = files.flatMap(({ path, content }) => {
      const [, verb] = /^exec node \/usr\/local\/lib\/dr\/dr\.cjs (\S+) "\$@"$/m.exec(content) ?? [];
      return verb && path.startsWith("usr/local/sbin/") ? [{ path, verb }] : [];
    });
    expect(verbs.map(({ path }) => path)).toEqual(VERBS.map((verb) => `usr/local/sbin/dr-${verb}`));
    for (const { path, verb } of verbs) {
      // Wrong arguments: it says what it takes, and does nothing.
      const { status, stderr } = spawnSync("node", [bundle, verb, "--no", "--such", "thing"], {
        encoding: "utf8",
      });
      expect(stderr, path).toContain(`dr-${verb} `);
      expect(status, path).not.toBe(0);
    }
  });

  test("shell scripts are whole", async () => {
    for (const { path, content } of await programs("aws")) {
      if (!content.startsWith("#!/bin/bash")) continue;
      expect(() => execFileSync("bash", ["-n"], { input: content, stdio: "pipe" }), path).not.toThrow();
    }
  });
});
