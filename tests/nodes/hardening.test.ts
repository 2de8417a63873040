import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { UNITS } from "../../nodes/render/units.js";

/** Not the drop-ins: the packages' own units, which Debian hardens, are not in this repository. */
const SERVICES = Object.entries(UNITS).filter(([name]) => /^[^/]+\.service$/.test(name));
const textOf = (name: string) => UNITS[name] as string;
const names = SERVICES.map(([name]) => name);

const directivesOf = (text: string, section = "Service"): string[] => {
  const part = text.split(/^\[/m).find((each) => each.startsWith(`${section}]`)) ?? "";
  return part
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => line.slice(0, line.indexOf("=")));
};

describe("systemd-analyze security", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "units-"));
    for (const [name, text] of SERVICES) await writeFile(join(folder, name), text);
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Ends with an error above that exposure, times ten. */
  const exposure = async (name: string) => {
    const argv = ["security", "--offline=true", "--no-pager", "--threshold=49", join(folder, name)];
    const { exitCode, all } = await execa("systemd-analyze", argv, { all: true, reject: false });
    return { exitCode, last: all.split("\n").at(-1) };
  };

  test.each(names)("finds %s below 5", async (name) => {
    const { exitCode, last } = await exposure(name);
    expect(last).toContain(`Overall exposure level for ${name}: `);
    expect(exitCode, last).toBe(0);
  });

  test("would find a unit that takes nothing from its processes", async () => {
    await writeFile(join(folder, "open.service"), "[Service]\nExecStart=/bin/true\n");
    expect((await exposure("open.service")).exitCode).not.toBe(0);
  });
});

describe("every unit", () => {
  test.each(names)("%s gains no privileges, and says which capabilities it keeps", (name) => {
    const directives = directivesOf(textOf(name));
    expect(directives).toEqual(
      expect.arrayContaining([
        "NoNewPrivileges",
        "CapabilityBoundingSet",
        "SystemCallFilter",
        "RestrictAddressFamilies",
      ]),
    );
  });

  test.each(names)("%s has no directive twice that counts once", (name) => {
    const directives = directivesOf(textOf(name)).filter(
      (key) => !["EnvironmentFile", "ExecStart", "ExecStartPre"].includes(key),
    );
    expect(directives).toEqual([...new Set(directives)]);
  });
});

/** Each of these gives a unit its own view of the file systems: a mount in it appears nowhere else. */
const OWN_MOUNTS =
  /^(Private(Tmp|Devices)|Protect(System|Home|Proc|ControlGroups|Kernel\w+)|ReadOnlyPaths)=/m;

test.each(["dr-volume.service", "dr-scratch.service"])("%s mounts for the whole machine", (name) => {
  expect(textOf(name)).not.toMatch(OWN_MOUNTS);
  expect(textOf("dr-secrets.service")).toMatch(OWN_MOUNTS);
});

test("Patroni may use a watchdog, and PostgreSQL's shared memory outlives each unit of its user", () => {
  expect(textOf("patroni.service")).not.toMatch(/^(PrivateDevices|ProtectClock|DevicePolicy)=/m);
  for (const name of names) expect(textOf(name)).not.toMatch(/^(RemoveIPC|MemoryDenyWriteExecute)=/m);
});

test("the twin's init knows every directive, as one that it follows or as one that only systemd can", () => {
  const machine = (file: string) => readFileSync(join(REPO, "lab/twin/machine", file), "utf8");
  const python = machine("units.py") + machine("service.py");
  const [, only = ""] = /^ONLY_SYSTEMD = \(([\s\S]*?)^\)/m.exec(python) ?? [];
  const onlySystemd = [...only.matchAll(/"(\w+)"/g)].map(([, key]) => key);
  const follows = [...python.matchAll(/\("Service", "(\w+)"/g)].map(([, key]) => key);
  const used = new Set(SERVICES.flatMap(([, text]) => directivesOf(text)));
  expect([...used].filter((key) => !follows.includes(key) && !onlySystemd.includes(key))).toEqual([]);
  expect(onlySystemd.filter((key) => follows.includes(key) || !used.has(key as string))).toEqual([]);
});
