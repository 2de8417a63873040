/** The rendered files, judged by the very programs that read them, from the machines' own image. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { REPO } from "../../../common/paths.js";
import { Progress } from "../../../common/progress.js";
import { ensureImage, type NodeImage } from "../../../lab/twin/image.js";
import type { NodeFile } from "../../../nodes/layout.js";
import { machinesOf } from "../../../nodes/machines.js";
import { databaseFiles } from "../../../nodes/render/database-files.js";
import { tomcatFiles } from "../../../nodes/render/tomcat-files.js";
import { UNITS } from "../../../nodes/render/units.js";
import { renderDatabaseUserData, renderTomcatUserData } from "../../../nodes/render/user-data.js";
import { contractOf, type DatabaseNode } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { inside } from "./support/inside.js";

const settings = parseSharedSettings("global", { ...BASE_SETTINGS, database: { readReplicas: 1 } });
const contract = contractOf(settings, "123456789012");
const voter = contract.home.databaseNodes[0] as DatabaseNode;
const standby = contract.recovery.databaseNodes[0] as DatabaseNode;
const replica = contract.home.readReplicas[0] as DatabaseNode;
const filesOf = (node: DatabaseNode) => databaseFiles(settings, contract, node);
const tomcat = tomcatFiles(settings, contract, "home");

let image: NodeImage;
beforeAll(async () => {
  image = await ensureImage(new Progress());
}, 600_000);

/** The same files, one of them changed. @throws Error when nothing was: a mutant that is none proves nothing. */
function broken(files: readonly NodeFile[], name: string, from: string | RegExp, to: string): NodeFile[] {
  const changed = files.map((file) =>
    file.path.endsWith(name) ? { ...file, content: file.content.replace(from, to) } : file,
  );
  if (changed.every(({ content }, i) => content === files[i]?.content))
    throw new Error(`${name} has no ${from}`);
  return changed;
}

describe("haproxy -c", () => {
  const check = (files: readonly NodeFile[]) =>
    inside(image, files, "haproxy -c -f /etc/haproxy/haproxy.cfg");

  test("takes haproxy.cfg without a warning", async () => {
    const { exitCode, output } = await check(tomcat);
    expect(output).not.toMatch(/\[(WARNING|ALERT)\]/);
    expect(output).toContain("Configuration file is valid");
    expect(exitCode).toBe(0);
  });

  test("would find a mistake", async () => {
    expect((await check(broken(tomcat, "haproxy.cfg", "check-ssl", "check-tls"))).exitCode).toBe(1);
  });
});

describe("patroni --validate-config", () => {
  const validate = (files: readonly NodeFile[], { address }: DatabaseNode) =>
    inside(
      image,
      files,
      `install -d -m 0700 -o postgres -g postgres /var/lib/dr/postgres
       export PATRONI_{SUPERUSER,REPLICATION,REWIND}_PASSWORD=x
       setpriv --reuid postgres --regid postgres --init-groups \\
         /opt/patroni/bin/patroni --validate-config /etc/dr/patroni.yml`,
      [address],
    );
  /** It looks for the etcd of the others, which isn't there. Nothing else may be wrong. */
  const unreachable = (nodes: readonly DatabaseNode[]) =>
    nodes.map(
      ({ address }, i) =>
        `etcd3.hosts.${i} ${address}:2379 didn't pass validation: ${address}:2379 is not reachable`,
    );

  test.each([
    ["a voter", voter, contract.home.databaseNodes],
    ["a voter of the recovery region", standby, contract.recovery.databaseNodes],
    ["a read replica", replica, contract.home.databaseNodes],
  ])("takes the file of %s but for etcd, which doesn't run", async (_, node, voters) => {
    const { output } = await validate(filesOf(node), node);
    expect(output.split("\n")).toEqual(unreachable(voters));
  });

  test.each([
    [
      "a ttl that Patroni would raise",
      /\bttl: 20/,
      "ttl: 19",
      /bootstrap\.dcs\.ttl .*didn't pass validation/,
    ],
    ["a mode that isn't one", "verify_client: optional", "verify_client: maybe", /restapi\.verify_client/],
    ["tags at odds", "tags:\n", "tags:\n  nofailover: false\n", /tags .*nofailover/],
  ])("would find %s", async (_, from, to, complaint) => {
    const { output } = await validate(broken(filesOf(voter), "patroni.yml", from, to), voter);
    expect(output).toMatch(complaint);
  });
});

describe("nft", () => {
  test("takes guard.nft in a network that has nothing yet", async () => {
    expect(await inside(image, filesOf(voter), "nft -c -f /etc/dr/guard.nft")).toEqual({
      exitCode: 0,
      output: "",
    });
  });

  test("loaded again, it neither opens anything nor ends a lease that is alive", async () => {
    const script = `
      nft -f /etc/dr/guard.nft
      nft add element inet dr open '{ 5432 timeout 50s }'
      nft add rule inet dr input tcp dport 5432 accept
      nft -f /etc/dr/guard.nft
      nft -j list table inet dr`;
    const { exitCode, output } = await inside(image, filesOf(voter), script);
    expect(exitCode, output).toBe(0);
    const { nftables } = JSON.parse(output) as {
      nftables: Record<string, { name?: string; chain?: string; elem?: unknown }>[];
    };
    const set = (name: string) => nftables.find((entry) => entry.set?.name === name)?.set?.elem;
    expect(set("open")).toEqual([{ elem: expect.objectContaining({ val: 5432, timeout: 50 }) }]);
    expect(set("until")).toBeUndefined();
    expect(set("members")).toHaveLength(2);
    // What was added by hand is gone; the file's own four are there once.
    expect(nftables.filter((entry) => entry.rule?.chain === "input")).toHaveLength(4);
  });
});

describe("cloud-init schema", () => {
  const check = (userData: string) =>
    inside(
      image,
      [{ path: "/tmp/user-data", content: userData, mode: "0644" }],
      "cloud-init schema --config-file /tmp/user-data",
    );
  const machines = machinesOf(settings, contract, "home", { tomcats: 1 });

  test.each(machines.map((machine) => [machine.name, machine.userData] as const))(
    "takes the user data of %s",
    async (_, userData) => {
      const { exitCode, output } = await check(userData);
      expect(output).toBe("Valid cloud-config: /tmp/user-data");
      expect(exitCode).toBe(0);
      // The schema lets keys pass that cloud-init doesn't know.
      expect(["hostname", "write_files", "runcmd"]).toEqual(
        expect.arrayContaining(Object.keys(parse(userData))),
      );
    },
  );

  test("would find a mistake", async () => {
    const { exitCode, output } = await check(
      machines[0]?.userData.replace('permissions: "0644"', "permissions: 0644") ?? "",
    );
    expect(output).toContain("write_files.0.permissions: 420 is not of type 'string'");
    expect(exitCode).toBe(1);
  });
});

describe("systemd-analyze verify", () => {
  const verify = (userData: string, files: readonly NodeFile[] = []) => {
    const { runcmd } = parse(userData) as { runcmd: string[][] };
    const units = runcmd
      .filter(([program, verb]) => program === "systemctl" && verb === "enable")
      .flatMap((words) => words.filter((word) => /\.(service|timer)$/.test(word)));
    expect(units.length).toBeGreaterThan(3);
    return inside(
      image,
      files,
      `SYSTEMD_COLORS=0 systemd-analyze verify --man=no --recursive-errors=no ${units.join(" ")}`,
    );
  };

  test.each([
    ["a voter", renderDatabaseUserData(settings, contract, voter)],
    ["a read replica", renderDatabaseUserData(settings, contract, replica)],
    ["a Tomcat server", renderTomcatUserData(settings, contract, "home")],
  ])("takes the units that %s starts", async (_, userData) => {
    expect(await verify(userData)).toEqual({ exitCode: 0, output: "" });
  });

  test("would find a key that isn't one", async () => {
    const path = "/etc/systemd/system/patroni.service";
    const content = UNITS["patroni.service"]?.replace("KillMode=", "KilMode=") as string;
    const wrong = [{ path, content, mode: "0644" }];
    const { output } = await verify(renderDatabaseUserData(settings, contract, voter), wrong);
    expect(output).toContain("Unknown key 'KilMode' in section [Service]");
  });
});

describe("units of the packages", () => {
  // The others come with install-aws.sh, which only AWS's images run.
  test.each(["etcd", "haproxy", "tomcat10"])(
    "%s.service is as tests/nodes/hardening.test.ts judges it",
    async (name) => {
      const { output } = await inside(image, [], `cat /lib/systemd/system/${name}.service`);
      const copy = await readFile(join(REPO, `tests/nodes/packaged-units/${name}.service`), "utf8");
      expect(output).toBe(copy.trimEnd());
    },
  );

  test("none is enabled in the image but Debian's own and cloud-init's", async () => {
    const script =
      "find /etc/systemd/system -path '*.wants/*' '(' -name '*.service' -o -name '*.timer' ')' -printf '%f\\n' | sort -u";
    const { output } = await inside(image, [], script);
    expect(output.split("\n")).toEqual([
      "apt-daily-upgrade.timer",
      "apt-daily.timer",
      "cloud-config.service",
      "cloud-final.service",
      "cloud-init-local.service",
      "cloud-init.service",
      "dpkg-db-backup.timer",
      "e2scrub_all.timer",
      "e2scrub_reap.service",
      "fstrim.timer",
      "getty@tty1.service",
      "systemd-pstore.service",
    ]);
  });
});

test("etcd knows each of its variables, and takes certificates and addresses", async () => {
  const { output } = await inside(
    image,
    filesOf(voter),
    "set -a; . /etc/default/etcd; set +a; timeout 4 etcd 2>&1 || true",
    [voter.address],
  );
  const env = filesOf(voter).find(({ path }) => path === "/etc/default/etcd")?.content ?? "";
  const names = [...env.matchAll(/^(ETCD_\w+)=/gm)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) expect(output).toContain(`recognized and used environment variable ${name}=`);
  expect(output).not.toContain("unrecognized environment variable");
  // It goes on to look for the other two: nothing in its configuration stops it.
  expect(output).toMatch(/listening for peers on .*10\.10\.200\.10:2380/);
  expect(output).toMatch(/client-cert-auth ?= ?true/);
});

test("pgBackRest knows each of its options, and has its passphrase from the environment", async () => {
  const run = (files: readonly NodeFile[], passphrase: string) =>
    inside(
      image,
      files,
      `${passphrase} timeout 20 pgbackrest --stanza=drs-eu-west-1 --io-timeout=1 --protocol-timeout=31 info`,
    );
  const { output } = await run(filesOf(voter), "PGBACKREST_REPO1_CIPHER_PASS=x");
  expect(output).not.toMatch(/invalid option|must be set|requires option/);
  // The instance's metadata, which isn't there: it got as far as asking for credentials.
  expect(output).toMatch(/169\.254\.169\.254/);
  expect((await run(filesOf(voter), "")).output).toMatch(/repo1-cipher-pass/);
  expect(
    (
      await run(
        broken(filesOf(voter), "pgbackrest.conf", "repo1-bundle", "repo1-bumble"),
        "PGBACKREST_REPO1_CIPHER_PASS=x",
      )
    ).output,
  ).toMatch(/invalid option 'repo1-bumble'/);
});
