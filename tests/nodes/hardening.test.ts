import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { REPO } from "../../common/paths.js";
import { IMAGE_KINDS } from "../../nodes/image/component-document.js";
import { PACKAGED_SERVICES } from "../../nodes/image/services.js";
import { machinesOf, restoreMachine } from "../../nodes/machines.js";
import { UNITS } from "../../nodes/render/units.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

/** The project's own units. */
const SERVICES = Object.keys(UNITS).filter((name) => /^[^/]+\.service$/.test(name));
const DROP_INS = Object.keys(UNITS).filter((name) => name.includes("/"));
const textOf = (name: string) => UNITS[name] as string;

/** Units of the packages, as they come. tests/lab/twin/node-files.test.ts compares those that the twin's image has. */
const PACKAGED = join(REPO, "tests/nodes/packaged-units");
const packaged = [...new Set(Object.values(PACKAGED_SERVICES).flat())].map((name) => `${name}.service`);

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
    await cp(PACKAGED, folder, { recursive: true });
    for (const name of [...SERVICES, ...DROP_INS]) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), textOf(name));
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Ends with an error above that exposure, times ten. systemd finds the drop-ins beside the unit. */
  const exposure = async (name: string) => {
    const argv = ["security", "--offline=true", "--no-pager", "--threshold=49", join(folder, name)];
    const { exitCode, all } = await execa("systemd-analyze", argv, { all: true, reject: false });
    return { exitCode, last: all.split("\n").at(-1) };
  };

  test.each([...SERVICES, ...packaged])("finds %s below 5", async (name) => {
    const { exitCode, last } = await exposure(name);
    expect(last).toContain(`Overall exposure level for ${name}: `);
    expect(exitCode, last).toBe(0);
  });

  test("would find a unit that takes nothing from its processes", async () => {
    await writeFile(join(folder, "open.service"), "[Service]\nExecStart=/bin/true\n");
    expect((await exposure("open.service")).exitCode).not.toBe(0);
  });
});

describe("every service of an image is judged", () => {
  /** Their work is to run any command as root: user data, and the named commands of operators. */
  const UNCONFINED = [
    "amazon-ssm-agent",
    "cloud-config",
    "cloud-final",
    "cloud-init",
    "cloud-init-local",
  ] as const;

  /** Package that an install script names → services that it enables, directly or by a timer. */
  const ENABLED_BY: Readonly<Record<string, readonly string[]>> = {
    "amazon-cloudwatch-agent": ["amazon-cloudwatch-agent"],
    chrony: ["chrony"],
    "cloud-init": ["cloud-config", "cloud-final", "cloud-init", "cloud-init-local"],
    "etcd-server": ["etcd"],
    haproxy: ["haproxy"],
    logrotate: ["logrotate"],
    "postgresql-15": ["postgresql"],
    rsyslog: ["rsyslog"],
    tomcat10: ["tomcat10"],
  };
  /** Enable none. */
  const WITHOUT_SERVICE =
    "awscli ca-certificates curl etcd-client gnupg iproute2 jq libpostgresql-jdbc-java nftables " +
    "openjdk-17-jre-headless openssl pgbackrest procps python3 python3-venv ssl-cert util-linux xfsprogs zstd";

  const settings = parseSharedSettings("global", { ...BASE_SETTINGS, database: { readReplicas: 1 } });
  const contract = contractOf(settings, "123456789012");
  const machines = [
    ...machinesOf(settings, contract, "home", { tomcats: 1 }),
    restoreMachine(settings, contract, "home"),
  ];
  /** In the shell script, the words after each call of a command. */
  const wordsAfter = (script: string, command: RegExp): string[] =>
    [...script.replaceAll("\\\n", " ").matchAll(new RegExp(`^${command.source} (.*)$`, "gm"))].flatMap(
      ([, words]) => (words as string).split(/\s+/).filter((word) => word && !word.startsWith("-")),
    );
  const nameOf = (unit: string) => unit.replace(/\.(service|timer)$/, "");

  test.each(IMAGE_KINDS)("%s", (kind) => {
    const scripts = ["common.sh", `install-${kind}.sh`, "install-aws.sh"]
      .map((name) => readFileSync(join(REPO, "nodes/image", name), "utf8"))
      .join("\n");
    const packages = [
      ...wordsAfter(scripts, /install_packages/),
      ...wordsAfter(scripts, /install_signed/).filter((word) => word in ENABLED_BY),
    ];
    expect(packages.length).toBeGreaterThan(15);
    expect(
      packages.filter((name) => !(name in ENABLED_BY) && !WITHOUT_SERVICE.split(" ").includes(name)),
    ).toEqual([]);
    const disabled = wordsAfter(scripts, /disable_services/).map(nameOf);
    const byUserData = machines
      .filter(({ role }) => (role === "tomcat") === (kind === "tomcat"))
      .flatMap(({ userData }) => (parse(userData, { version: "1.1" }) as { runcmd: string[][] }).runcmd)
      .flatMap((argv) => argv.filter((word) => /\.(service|timer)$/.test(word)));
    const enabled = new Set([
      ...packages.flatMap((name) => ENABLED_BY[name] ?? []).filter((name) => !disabled.includes(name)),
      ...wordsAfter(scripts, /systemctl enable/).map(nameOf),
      ...byUserData.map(nameOf),
    ]);
    const foreign = [...enabled].filter((name) => !SERVICES.includes(`${name}.service`));
    expect(foreign.toSorted()).toEqual([...PACKAGED_SERVICES[kind], ...UNCONFINED].toSorted());
  });
});

describe("every unit", () => {
  test.each([...SERVICES, ...DROP_INS])(
    "%s gains no privileges, and says which capabilities it keeps",
    (name) => {
      const directives = directivesOf(textOf(name));
      expect(directives).toEqual(
        expect.arrayContaining([
          "NoNewPrivileges",
          "CapabilityBoundingSet",
          "SystemCallFilter",
          "RestrictAddressFamilies",
        ]),
      );
    },
  );

  test.each([...SERVICES, ...DROP_INS])("%s has no directive twice that counts once", (name) => {
    const directives = directivesOf(textOf(name)).filter(
      (key) => !["EnvironmentFile", "ExecStart", "ExecStartPre"].includes(key),
    );
    expect(directives).toEqual([...new Set(directives)]);
  });

  test.each(packaged)("%s keeps what its package already takes from it", async (name) => {
    const own = await readFile(join(PACKAGED, name), "utf8");
    const dropIn = UNITS[`${name}.d/dr.conf`] ?? "";
    const strict = (text: string) => /^ProtectSystem=(\w+)$/m.exec(text)?.[1];
    if (strict(own) === "strict") expect(strict(dropIn) ?? "strict").toBe("strict");
    // A list in both would be the union.
    const lists = ["CapabilityBoundingSet", "SystemCallFilter", "RestrictAddressFamilies"];
    const inBoth = lists.filter((key) => [own, dropIn].every((text) => directivesOf(text).includes(key)));
    expect(inBoth).toEqual([]);
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
  for (const name of SERVICES) expect(textOf(name)).not.toMatch(/^(RemoveIPC|MemoryDenyWriteExecute)=/m);
});

test("the twin's init knows every directive, as one that it follows or as one that only systemd can", () => {
  const machine = (file: string) => readFileSync(join(REPO, "lab/twin/machine", file), "utf8");
  const python = machine("units.py") + machine("service.py");
  const [, only = ""] = /^ONLY_SYSTEMD = \(([\s\S]*?)^\)/m.exec(python) ?? [];
  const onlySystemd = [...only.matchAll(/"(\w+)"/g)].map(([, key]) => key);
  const follows = [...python.matchAll(/\("Service", "(\w+)"/g)].map(([, key]) => key);
  const used = new Set([...SERVICES, ...DROP_INS].flatMap((name) => directivesOf(textOf(name))));
  expect([...used].filter((key) => !follows.includes(key) && !onlySystemd.includes(key))).toEqual([]);
  expect(onlySystemd.filter((key) => follows.includes(key) || !used.has(key as string))).toEqual([]);
});
