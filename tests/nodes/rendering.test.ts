import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { renderDatabaseCloudwatch, renderTomcatCloudwatch } from "../../nodes/render/cloudwatch.js";
import { clusterConfig } from "../../nodes/render/cluster-config.js";
import { renderEtcd } from "../../nodes/render/etcd.js";
import { renderGuardConfig } from "../../nodes/render/guard-config.js";
import { renderHaproxy } from "../../nodes/render/haproxy.js";
import { renderNftables } from "../../nodes/render/nftables.js";
import { renderPatroni } from "../../nodes/render/patroni.js";
import { renderPgbackrest } from "../../nodes/render/pgbackrest.js";
import { tomcatFiles } from "../../nodes/render/tomcat-files.js";
import { UNITS } from "../../nodes/render/units.js";
import {
  renderDatabaseUserData,
  renderRestoreUserData,
  renderTomcatUserData,
  USER_DATA_LIMIT_BYTES,
} from "../../nodes/render/user-data.js";
import { contractOf, type DatabaseNode } from "../../settings/contract.js";
import { parseRegionSettings, parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const settings = parseSharedSettings("global", BASE_SETTINGS);
const contract = contractOf(settings, "123456789012");
const home1 = contract.home.databaseNodes[0] as DatabaseNode;
const recovery1 = contract.recovery.databaseNodes[0] as DatabaseNode;
const grown = parseSharedSettings("global", { ...BASE_SETTINGS, database: { readReplicas: 1 } });
const readReplica = contractOf(grown, "123456789012").home.readReplicas[0] as DatabaseNode;
/** JSON as a reviewer wants to see it. */
const pretty = (json: string) => `${JSON.stringify(JSON.parse(json), null, 2)}\n`;
const golden = (name: string) => `../golden/nodes/${name}`;

describe("files of a node, as reviewed", () => {
  test.each([
    ["patroni.home.yml", renderPatroni(settings, contract, home1)],
    ["patroni.recovery.yml", renderPatroni(settings, contract, recovery1)],
    ["etcd.env", renderEtcd(settings, contract, home1)],
    ["pgbackrest.conf", renderPgbackrest(settings, contract, home1)],
    ["haproxy.cfg", renderHaproxy(settings, contract, "home")],
    ["guard.nft", renderNftables(settings, contract)],
    ["guard.json", renderGuardConfig(settings, contract, home1)],
    [
      "units.txt",
      Object.entries(UNITS)
        .map(([name, text]) => `# ${name}\n${text}`)
        .join("\n"),
    ],
    ["cluster-config.json", pretty(JSON.stringify(clusterConfig(settings, contract, "home")))],
    ["cloudwatch.database.json", pretty(renderDatabaseCloudwatch(contract, home1))],
    ["cloudwatch.tomcat.json", pretty(renderTomcatCloudwatch(contract, "home"))],
    ["patroni.read-replica.yml", renderPatroni(grown, contractOf(grown, "123456789012"), readReplica)],
    [
      "read-replica.user-data.yml",
      renderDatabaseUserData(grown, contractOf(grown, "123456789012"), readReplica),
    ],
    ["database.user-data.yml", renderDatabaseUserData(settings, contract, home1)],
    ["restore.user-data.yml", renderRestoreUserData(settings, contract, "home")],
    ["tomcat.user-data.yml", renderTomcatUserData(settings, contract, "home")],
  ])("%s", async (name, text) => {
    await expect(text).toMatchFileSnapshot(golden(name));
  });
});

describe("patroni.yml", () => {
  const config = parse(renderPatroni(settings, contract, home1), { version: "1.1" });
  const { dcs } = config.bootstrap;

  test("keeps what Patroni demands of its timers, or it would change them silently", () => {
    expect(dcs.ttl).toBeGreaterThanOrEqual(20);
    expect(dcs.loop_wait + 2 * dcs.retry_timeout).toBeLessThanOrEqual(dcs.ttl);
  });

  test("no acknowledged write is lost with a node, and no region writes without its etcd", () => {
    expect(dcs).toMatchObject({ synchronous_mode: "quorum", failsafe_mode: false, primary_start_timeout: 0 });
  });

  test("the home region starts as a primary, the recovery region as a standby of all home nodes", () => {
    expect(dcs.standby_cluster).toBeUndefined();
    const standby = parse(renderPatroni(settings, contract, recovery1)).bootstrap.dcs.standby_cluster;
    expect(standby.host).toBe("10.10.200.10,10.10.201.10,10.10.202.10");
    // The slot must be the one that the home region keeps.
    expect(Object.keys(dcs.slots)).toEqual([standby.primary_slot_name]);
  });

  test("a standby region that is gone can't fill the disk", () => {
    const megabytes = Number.parseInt(dcs.postgresql.parameters.max_slot_wal_keep_size, 10);
    expect(megabytes).toBeLessThanOrEqual((settings.database.volumeGib * 1024) / 4);
  });

  test("nothing comes in over the network without TLS and a password", () => {
    for (const line of dcs.postgresql.pg_hba as string[]) {
      const [type, , , from, method] = line.split(" ");
      if (type === "local") continue;
      expect(method).toBe("scram-sha-256");
      expect(type === "hostssl" || from === "127.0.0.1/32", line).toBe(true);
      expect(from).not.toBe("0.0.0.0/0");
    }
  });

  test("only members may change the cluster over the REST API", () => {
    expect(config.restapi).toMatchObject({ allowlist: ["127.0.0.1"], allowlist_include_members: true });
  });

  test("a node that the contract doesn't know is refused", () => {
    expect(() => renderPatroni(settings, contract, { ...home1, name: "stranger" })).toThrow(
      "node 'stranger' is in neither region of the contract",
    );
  });
});

test("etcd's members are the region's own nodes", () => {
  const env = renderEtcd(settings, contract, home1);
  for (const { name, address } of contract.home.databaseNodes)
    expect(env).toContain(`${name}=https://${address}:2380`);
  for (const { address } of contract.recovery.databaseNodes) expect(env).not.toContain(address);
});

test("HAProxy prefers its own region's nodes and keeps the other region's as backup", () => {
  const servers = renderHaproxy(settings, contract, "recovery")
    .split("\n")
    .filter((line) => line.includes(":5432") && line.includes("server "));
  expect(servers).toHaveLength(9);
  for (const line of servers) expect(line.endsWith(" backup")).toBe(line.includes("eu-west-1"));
});

test("each region has its own repository path", () => {
  const path = (node: DatabaseNode) =>
    /repo1-path=(.*)/.exec(renderPgbackrest(settings, contract, node))?.[1];
  expect(path(home1)).not.toBe(path(recovery1));
});

describe("user data", () => {
  const largest = (() => {
    const raw = { ...BASE_SETTINGS, name: "a-long-name1", database: { voters: 5 } };
    const five = parseSharedSettings("global", raw);
    const theirs = contractOf(five, "123456789012");
    return [
      ...theirs.recovery.databaseNodes.map((node) => renderDatabaseUserData(five, theirs, node)),
      renderTomcatUserData(five, theirs, "recovery"),
    ];
  })();

  test("stays within EC2's limit, even with five voters and the longest names", () => {
    for (const text of largest) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(USER_DATA_LIMIT_BYTES);
  });

  test("that EC2 would refuse is refused here, with the reason", () => {
    const names = [..."abcdefghijklmnop"].map((letter) => `a_rather_long_extension_name.parameter_${letter}`);
    const parameters = Object.fromEntries(names.map((name) => [name, "x".repeat(300)]));
    const long = parseSharedSettings("global", { ...BASE_SETTINGS, database: { parameters } });
    expect(() => renderDatabaseUserData(long, contract, home1)).toThrow(
      /user data of drs-eu-west-1-db-1 would have \d{5} bytes\n.*database\.parameters/,
    );
  });

  test("is the same whatever the epoch, or a promotion would replace machines", () => {
    const at = (epoch: number) => {
      const promoted = parseRegionSettings("dr", { ...BASE_SETTINGS, epoch });
      return [
        renderDatabaseUserData(promoted, contract, recovery1),
        renderTomcatUserData(promoted, contract, "recovery"),
      ];
    };
    expect(at(2)).toEqual(at(0));
  });

  test("names secrets and holds none", () => {
    for (const text of largest) {
      expect(text).not.toMatch(/password\s*[:=]\s*["']?[A-Za-z0-9+/]{12,}/i);
      expect(text).not.toMatch(/AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|cipher-pass\s*=/);
    }
    const patroni = parse(renderPatroni(settings, contract, home1));
    for (const user of Object.values(patroni.postgresql.authentication))
      expect(user).not.toHaveProperty("password");
    expect(renderDatabaseUserData(settings, contract, home1)).toContain("drs/postgres/superuser");
  });

  test("a Tomcat server gets only the application's secret", () => {
    const env = tomcatFiles(settings, contract, "home").find(({ path }) =>
      path.endsWith("node.env"),
    )?.content;
    expect(env).toContain("drs/postgres/application");
    expect(env).not.toMatch(/superuser|replication|rewind|cipher/);
  });
});
