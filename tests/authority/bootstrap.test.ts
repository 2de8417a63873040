import { X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BootstrapArgs, bootstrapAuthority } from "../../authority/bootstrap.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "dr-ca-")), "ca");
  lines = [];
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const bootstrap = (args: Partial<BootstrapArgs>, database: Record<string, unknown> = {}) =>
  bootstrapAuthority({
    settings: parseSharedSettings("global", { ...BASE_SETTINGS, database }),
    publish: false,
    report: (line) => lines.push(line),
    ...args,
  });
const mode = (path: string) => statSync(join(folder, path)).mode & 0o777;
const leaf = (node: string) => JSON.parse(readFileSync(join(folder, "nodes", `${node}.json`), "utf8"));

test("a new authority and a certificate per node, in files that only their owner may read", async () => {
  await bootstrap({ out: folder }, { readReplicas: 1 });
  expect(readdirSync(join(folder, "nodes"))).toEqual([
    "drs-eu-central-1-db-1.json",
    "drs-eu-central-1-db-2.json",
    "drs-eu-central-1-db-3.json",
    "drs-eu-central-1-read-1.json",
    "drs-eu-central-1-restore.json",
    "drs-eu-west-1-db-1.json",
    "drs-eu-west-1-db-2.json",
    "drs-eu-west-1-db-3.json",
    "drs-eu-west-1-read-1.json",
    "drs-eu-west-1-restore.json",
  ]);
  expect([mode("."), mode("authority.key"), mode("nodes/drs-eu-west-1-db-1.json")]).toEqual([
    0o700, 0o600, 0o600,
  ]);
  const { certificate, authority } = leaf("drs-eu-west-1-read-1");
  expect(new X509Certificate(certificate).checkIssued(new X509Certificate(authority))).toBe(true);
  expect(new X509Certificate(certificate).checkIP("10.10.200.20")).toBe("10.10.200.20");
  // No machine connects to the restore machine, and its address is dynamic.
  const restore = new X509Certificate(leaf("drs-eu-west-1-restore").certificate);
  expect(restore.subjectAltName).toBe("DNS:drs-eu-west-1-restore, DNS:localhost, IP Address:127.0.0.1");
  expect(readFileSync(join(folder, "authority.crt"), "utf8")).toBe(authority);
  expect(lines.join("\n")).not.toContain("PRIVATE KEY");
});

test("the same authority issues for a new read replica alone, and renews", async () => {
  await bootstrap({ out: folder });
  const before = leaf("drs-eu-west-1-db-1");
  const database = { readReplicas: 1 };
  await bootstrap({ authority: folder, nodes: ["drs-eu-west-1-read-1"] }, database);
  expect(leaf("drs-eu-west-1-read-1").authority).toBe(before.authority);
  expect(leaf("drs-eu-west-1-db-1")).toEqual(before);
  await bootstrap({ authority: folder, days: 30 });
  const { certificate } = leaf("drs-eu-west-1-db-1");
  expect(certificate).not.toBe(before.certificate);
  const days = (Date.parse(new X509Certificate(certificate).validTo) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(30);
});

describe("one clear error, and nothing written over", () => {
  test("the folder is there", async () => {
    await bootstrap({ out: folder });
    const key = readFileSync(join(folder, "authority.key"), "utf8");
    await expect(bootstrap({ out: folder })).rejects.toThrow(/is there already and isn't empty/);
    expect(readFileSync(join(folder, "authority.key"), "utf8")).toBe(key);
  });

  test("the folder is a file, or holds no authority", async () => {
    const parent = join(folder, "..");
    writeFileSync(join(parent, "file"), "");
    await expect(bootstrap({ out: join(parent, "file") })).rejects.toThrow(/can't be used/);
    await expect(bootstrap({ authority: parent })).rejects.toThrow(/has no authority\.key/);
  });

  test("others may read the key", async () => {
    await bootstrap({ out: folder });
    chmodSync(join(folder, "authority.key"), 0o640);
    await expect(bootstrap({ authority: folder })).rejects.toThrow(/has mode 0640/);
  });

  test("both folders, or none", async () => {
    await expect(bootstrap({})).rejects.toThrow(/neither --out nor --authority/);
    await expect(bootstrap({ out: folder, authority: folder })).rejects.toThrow(/both given/);
  });

  test("a node that the settings don't name", async () => {
    await expect(bootstrap({ out: folder, nodes: ["drs-eu-west-1-read-1"] })).rejects.toThrow(
      /there is no database node drs-eu-west-1-read-1/,
    );
    expect(() => statSync(folder)).toThrow();
  });
});

test.each([undefined, 30])(
  "the regions' certificates end apart, so that a forgotten renewal never stops both: with --days %s",
  async (days) => {
    const nodes = ["drs-eu-west-1-db-1", "drs-eu-central-1-db-1"];
    await bootstrap({ out: folder, nodes, days });
    const [home, recovery] = nodes.map(
      (node) => (Date.parse(new X509Certificate(leaf(node).certificate).validTo) - Date.now()) / 86_400_000,
    ) as [number, number];
    expect(Math.round(home)).toBe(days ?? 365);
    expect(recovery - home).toBeGreaterThan(30);
  },
);
