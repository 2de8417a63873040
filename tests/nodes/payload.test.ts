import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { payloadFiles, writePayload } from "../../nodes/image/payload.js";

const programs = async (platform: "aws" | "twin") =>
  (await payloadFiles(platform)).filter(({ path }) => path.startsWith("usr/local/sbin/"));

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
      ].map((hook) => `usr/local/sbin/dr-${hook}`),
    );
  });

  test("only the hooks know the cloud", async () => {
    const hooks = /dr-(attach-\w+|end-machine|get-\w+|put-artifact|vault-protection)$/;
    const others = (await programs("aws")).filter(({ path }) => !hooks.test(path));
    const calling = others.filter(({ content }) =>
      /\baws (s3|ssm|ec2|secretsmanager)\b|169\.254/.test(content),
    );
    expect(calling.map(({ path }) => path)).toEqual([]);
  });

  test("is the same each time, or every deployment would build new images", async () => {
    expect(await payloadFiles("aws")).toEqual(await payloadFiles("aws"));
  });

  test("is written with its modes: programs can be run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "payload-"));
    await writePayload(await payloadFiles("twin"), folder);
    expect(statSync(join(folder, "usr/local/sbin/dr-fetch-secrets")).mode & 0o777).toBe(0o755);
  });

  test("shell scripts are whole", async () => {
    for (const { path, content } of await programs("aws")) {
      if (!content.startsWith("#!/bin/bash")) continue;
      expect(() => execFileSync("bash", ["-n"], { input: content, stdio: "pipe" }), path).not.toThrow();
    }
  });
});

/** The calculation inside dr-reconcile, which needs nothing but Python. */
describe("what dr-reconcile changes", () => {
  const script = readFileSync(new URL("../../nodes/bin/dr-reconcile", import.meta.url), "utf8");
  const library = fileURLToPath(new URL("../../nodes/bin/library", import.meta.url));
  const module = join(mkdtempSync(join(tmpdir(), "reconcile-")), "reconcile.py");
  writeFileSync(module, script);
  const patchFor = (current: unknown, wanted: unknown) =>
    JSON.parse(
      execFileSync(
        "python3",
        [
          "-c",
          "import json, runpy, sys; a = json.load(sys.stdin); print(json.dumps(runpy.run_path(sys.argv[1])['patch_for'](*a)))",
          module,
        ],
        {
          input: JSON.stringify([current, wanted]),
          encoding: "utf8",
          env: { ...process.env, PYTHONPATH: library },
        },
      ),
    );

  const wanted = { ttl: 20, postgresql: { parameters: { work_mem: "8MB" }, pg_hba: ["local all all peer"] } };

  test("nothing, where everything is as wanted", () => {
    expect(patchFor({ ...wanted, standby_cluster: { host: "10.10.0.1" } }, wanted)).toEqual({});
  });

  test("only what differs; a list as a whole", () => {
    const current = {
      ttl: 30,
      postgresql: { parameters: { work_mem: "4MB" }, pg_hba: ["local all all peer", "host all all all md5"] },
    };
    expect(patchFor(current, wanted)).toEqual({
      ttl: 20,
      postgresql: { parameters: { work_mem: "8MB" }, pg_hba: ["local all all peer"] },
    });
  });

  test("a parameter that left the settings goes; other keys that they don't name stay, the guard's above all", () => {
    const current = {
      ttl: 20,
      standby_cluster: { host: "10.10.0.1" },
      slots: { dr_changes: { type: "logical" } },
      postgresql: { ...wanted.postgresql, use_slots: true, parameters: { work_mem: "8MB", jit: "off" } },
    };
    expect(patchFor(current, wanted)).toEqual({ postgresql: { parameters: { jit: null } } });
  });

  test("true is not 1, for Patroni", () => {
    expect(patchFor({ a: 1 }, { a: true })).toEqual({ a: true });
  });
});
