import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { METRIC_INTERVAL_SECONDS, METRICS, nodeDimensions } from "../../components/alarms/metrics.js";
import { roleOf, standbyCluster, withRole } from "../../nodes/guard/region/standby-cluster.js";
import { isReadReplica, regionOfNode, STATSD } from "../../nodes/layout.js";
import { machinesOf, restoreMachine } from "../../nodes/machines.js";
import {
  renderDatabaseCloudwatch,
  renderRestoreCloudwatch,
  renderTomcatCloudwatch,
} from "../../nodes/render/cloudwatch.js";
import { clusterConfig } from "../../nodes/render/cluster-config.js";
import { databaseFiles } from "../../nodes/render/database-files.js";
import { guardConfig } from "../../nodes/render/guard-config.js";
import { renderPatroni } from "../../nodes/render/patroni.js";
import { restoreFiles } from "../../nodes/render/restore-files.js";
import { renderRestoreTest } from "../../nodes/render/restore-test.js";
import { UNITS } from "../../nodes/render/units.js";
import { contractOf, type DatabaseNode } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const settings = parseSharedSettings("global", { ...BASE_SETTINGS, database: { readReplicas: 2 } });
const contract = contractOf(settings, "123456789012");
const [voter, second] = contract.home.databaseNodes as [DatabaseNode, DatabaseNode];
const replica = contract.home.readReplicas[0] as DatabaseNode;
const paths = (node: DatabaseNode) => databaseFiles(settings, contract, node).map(({ path }) => path);
const unit = (name: string) => UNITS[name] ?? "";

describe("the machines of a region", () => {
  const machines = machinesOf(settings, contract, "home", { tomcats: 4 });

  test("are its voters, its read replicas and as many servers as asked for", () => {
    expect(machines.map(({ name, role, address }) => `${name} ${role} ${address}`)).toEqual([
      "drs-eu-west-1-db-1 database 10.10.200.10",
      "drs-eu-west-1-db-2 database 10.10.201.10",
      "drs-eu-west-1-db-3 database 10.10.202.10",
      "drs-eu-west-1-read-1 read-replica 10.10.200.20",
      "drs-eu-west-1-read-2 read-replica 10.10.201.20",
      "drs-eu-west-1-web-1 tomcat 10.10.16.10",
      "drs-eu-west-1-web-2 tomcat 10.10.32.10",
      "drs-eu-west-1-web-3 tomcat 10.10.48.10",
      "drs-eu-west-1-web-4 tomcat 10.10.16.11",
    ]);
    expect(machinesOf(settings, contract, "recovery").map(({ role }) => role)).not.toContain("tomcat");
  });

  test("start all units that the image has for their kind, and nothing else", () => {
    const secrets = ["dr-secrets.service"];
    const replica = [...secrets, "dr-volume.service", "dr-guard.service", "patroni.service"];
    const units = {
      "read-replica": replica,
      database: [
        ...[...replica, "etcd.service", "dr-reconcile.timer"],
        ...["dr-backup-server.service", "dr-backup.timer", "dr-check-vault.service"],
      ],
      tomcat: [...secrets, "dr-application.service", "haproxy.service", "tomcat10.service"],
      restore: [...secrets, "dr-scratch.service", "dr-restore-test.service", "dr-restore-done.service"],
    };
    for (const { name, role, userData } of [...machines, restoreMachine(settings, contract, "home")]) {
      const { runcmd } = parse(userData, { version: "1.1" }) as { runcmd: string[][] };
      const started = runcmd.flatMap((argv) => argv.filter((word) => /\.(service|timer)$/.test(word)));
      expect(started.toSorted(), name).toEqual(units[role].toSorted());
    }
    const known = Object.values(units).flat();
    // Started by a timer, by the guard, and by the image itself.
    const others = [
      "dr-metadata.service",
      ...["rsyslog.service", "logrotate.service", "amazon-cloudwatch-agent.service"].map(
        (name) => `${name}.d/dr.conf`,
      ),
      "dr-ages.service",
      "dr-ages.timer",
      "dr-reconcile.service",
      "dr-save-diverged.service",
      "dr-backup.service",
    ];
    const files = Object.keys(UNITS).filter((file) => !others.includes(file));
    expect(files.map((file) => file.replace(/\.d\/.*/, "")).filter((name) => !known.includes(name))).toEqual(
      [],
    );
  });
});

describe("the restore machine", () => {
  const machine = restoreMachine(settings, contract, "recovery");
  const files = restoreFiles(settings, contract, "recovery");
  const content = (path: string) => files.find((file) => file.path === path)?.content ?? "";

  test("has a name and an address that no node has", () => {
    expect(machine).toMatchObject({ name: "drs-eu-central-1-restore", address: "10.20.200.30" });
    const nodes = machinesOf(settings, contract, "recovery").map(({ address }) => address);
    expect(nodes).not.toContain(machine.address);
  });

  test("knows both stanzas, each at its path in its own region's vault, and no cluster", () => {
    const config = content("/etc/pgbackrest.conf");
    expect(config).toMatch(/^repo1-s3-bucket=drs-vault-123456789012-eu-central-1$/m);
    expect(config).toMatch(/^\[drs-eu-central-1\]/m);
    expect(config).toMatch(/^\[drs-eu-west-1\]\nrepo1-path=\/eu-west-1$/m);
    expect(config).not.toMatch(/-host/);
    expect(files.map(({ path }) => path).filter((path) => /patroni|guard|etcd/.test(path))).toEqual([]);
  });

  test("gets the backups' cipher and no password", () => {
    const env = content("/etc/dr/node.env");
    expect(env).toMatch(/DR_SECRETS="PGBACKREST_REPO1_CIPHER_PASS=drs\/backup\/cipher"/);
    expect(env).not.toMatch(/superuser|replication|rewind|application/);
  });

  test("asks what the settings ask, and puts the report below its region's repository", () => {
    const checks = [{ name: "orders", database: "app", sql: "SELECT 1", expect: "1" }];
    const asked = parseSharedSettings("global", {
      ...BASE_SETTINGS,
      restoreTest: { maxSeconds: 600, checks },
    });
    expect(JSON.parse(renderRestoreTest(asked, contract, "recovery"))).toEqual({
      bucket: "drs-vault-123456789012-eu-central-1",
      prefix: "eu-central-1/restore-tests",
      stanzas: ["drs-eu-central-1", "drs-eu-west-1"],
      escrowParameter: "/drs/escrow",
      maxSeconds: 600,
      checks,
    });
  });

  test("is ended however its test went", () => {
    expect(unit("dr-restore-done.service")).toMatch(/^After=.*dr-restore-test\.service/m);
    expect(unit("dr-restore-done.service")).not.toMatch(/^Requires=/m);
  });

  test("with more questions than EC2 takes is refused, with the reason", () => {
    const checks = Array.from({ length: 20 }, (_, i) => ({
      name: `question ${i}`,
      database: "app",
      sql: "x".repeat(1000),
      expect: "",
    }));
    const asked = parseSharedSettings("global", { ...BASE_SETTINGS, restoreTest: { checks } });
    expect(() => restoreMachine(asked, contract, "home")).toThrow(
      /-restore would have \d{5} bytes\n.*restoreTest\.checks/,
    );
  });
});

describe("a read replica", () => {
  test("is a member of the cluster that never leads, never votes and is never waited for", () => {
    const config = parse(renderPatroni(settings, contract, replica));
    expect(config.tags).toEqual({ nofailover: true, nosync: true });
    expect(config.scope).toBe(parse(renderPatroni(settings, contract, voter)).scope);
    expect(guardConfig(settings, contract, replica).mayLead).toBe(false);
    expect(isReadReplica(contract.home, voter)).toBe(false);
  });

  test("asks the voters' etcd and runs none, and changes nothing in the cluster", () => {
    const config = parse(renderPatroni(settings, contract, replica));
    expect(config.etcd3.hosts).toEqual(["10.10.200.10:2379", "10.10.201.10:2379", "10.10.202.10:2379"]);
    expect(paths(replica).filter((path) => /etcd|reconcile/.test(path))).toEqual([]);
    expect(paths(voter)).toEqual(expect.arrayContaining(paths(replica)));
  });
});

describe("the guard's configuration", () => {
  test("names those that may lead, and the own etcd first", () => {
    const config = guardConfig(settings, contract, second);
    expect(config.members.map(({ name }) => name)).toEqual(
      contract.home.databaseNodes.map(({ name }) => name),
    );
    expect(config.etcd).toEqual([
      "https://10.10.201.10:2379",
      "https://10.10.200.10:2379",
      "https://10.10.202.10:2379",
    ]);
    expect(config.mayLead).toBe(true);
  });

  test("finds Patroni's keys where Patroni puts them", () => {
    const { namespace, scope } = guardConfig(settings, contract, voter);
    expect(parse(renderPatroni(settings, contract, voter))).toMatchObject({ namespace, scope });
  });

  test("renews often enough: two renewals may fail before the lease is over", () => {
    const { leaseMillis, renewMillis, timeoutMillis } = guardConfig(settings, contract, voter).leaderLease;
    expect(3 * (renewMillis + timeoutMillis)).toBeLessThan(leaseMillis);
  });
});

describe("what the guard's configuration says of the regions", () => {
  const recovery = contract.recovery.databaseNodes[0] as DatabaseNode;
  const { region } = guardConfig(settings, contract, recovery);

  test("who they are, where the claims are, the own replica first", () => {
    expect(region).toMatchObject({
      own: "eu-central-1",
      peer: "eu-west-1",
      table: contract.claimTable,
      endpoints: [
        { region: "eu-central-1", url: "https://dynamodb.eu-central-1.amazonaws.com" },
        { region: "eu-west-1", url: "https://dynamodb.eu-west-1.amazonaws.com" },
      ],
    });
    for (const node of [voter, replica])
      expect(guardConfig(settings, contract, node).region).toMatchObject({
        own: "eu-west-1",
        peer: "eu-central-1",
      });
  });

  test("the rules, in milliseconds", () => {
    expect(region.rules).toEqual({
      leaseMillis: 15_000,
      marginMillis: 5000,
      readMillis: 2000,
      lagBudgetMillis: 60_000,
    });
  });

  test("no replica that the network doesn't lead to", () => {
    const closed = { ...settings, network: { ...settings.network, egress: "endpoints" as const } };
    expect(guardConfig(closed, contract, recovery).region.endpoints.map((one) => one.region)).toEqual([
      "eu-central-1",
    ]);
  });

  test("where to follow the other from: all its voters, or the one that was demoted", () => {
    const all = standbyCluster(region.source, { kind: "region" });
    expect(all.host).toBe("10.10.200.10,10.10.201.10,10.10.202.10");
    const demoted = standbyCluster(region.source, { kind: "node", address: "10.10.201.10" });
    expect(demoted).toEqual({ ...all, host: "10.10.201.10" });
  });

  test("the same as Patroni starts with", () => {
    const { dcs } = parse(renderPatroni(settings, contract, recovery)).bootstrap;
    expect(dcs.standby_cluster).toEqual(standbyCluster(region.source, { kind: "vault" }));
  });

  test("without data also from the other region's vault, until it follows", () => {
    const config = '{"ttl":20}';
    const begins = withRole(config, { kind: "standby", source: { kind: "vault" } }, region.source);
    expect(JSON.parse(begins).standby_cluster).toMatchObject({
      host: "10.10.200.10,10.10.201.10,10.10.202.10",
      restore_command: '/usr/local/sbin/dr-get-wal drs-eu-west-1 %f "%p"',
      create_replica_methods: ["basebackup", "vault"],
    });
    expect(roleOf(begins)).toEqual({ kind: "standby", source: { kind: "vault" } });
    const follows = withRole(begins, { kind: "standby", source: { kind: "region" } }, region.source);
    expect(JSON.parse(follows).standby_cluster).not.toHaveProperty("restore_command");
    expect(roleOf(follows)).toEqual({ kind: "standby", source: { kind: "region" } });
    expect(withRole(begins, { kind: "primary" }, region.source)).toBe(config);
  });

  test("a slot that the other region keeps, in either direction and on running clusters too", () => {
    for (const [node, other] of [
      [voter, recovery],
      [recovery, voter],
    ] as const) {
      const { slot } = guardConfig(settings, contract, node).region.source;
      const { dcs } = parse(renderPatroni(settings, contract, other), { version: "1.1" }).bootstrap;
      expect(dcs.slots).toEqual({ [slot]: { type: "physical" } });
      const running = clusterConfig(settings, contract, regionOfNode(contract, other).id).patroni;
      expect(running.slots).toEqual(dcs.slots);
    }
  });
});

describe("units", () => {
  test("Patroni never runs without a guard, and takes PostgreSQL along when it ends", () => {
    const patroni = unit("patroni.service");
    expect(patroni).toMatch(/^Requires=.*\bdr-guard\.service/m);
    expect(patroni).toMatch(/^After=.*\bdr-guard\.service/m);
    expect(patroni).toMatch(/^KillMode=mixed$/m);
    expect(patroni).toMatch(/^TimeoutStopSec=30$/m);
  });

  test.each(["patroni.service", "dr-guard.service", "etcd.service.d/dr.conf", "tomcat10.service.d/dr.conf"])(
    "%s is started again, however often it ends",
    (name) => {
      expect(unit(name)).toMatch(/^Restart=always$/m);
      expect(unit(name)).toMatch(/^StartLimitIntervalSec=0$/m);
    },
  );

  test("what needs certificates waits for them", () => {
    for (const name of [
      "patroni.service",
      "dr-guard.service",
      "etcd.service.d/dr.conf",
      "haproxy.service.d/dr.conf",
    ])
      expect(unit(name), name).toMatch(/^Requires=.*dr-secrets\.service/m);
  });
});

describe("the CloudWatch agent", () => {
  const config = JSON.parse(renderDatabaseCloudwatch(contract, voter));

  test("publishes the data volume's use as the alarms read it", () => {
    const { name, unit: measure, scope } = METRICS.dataVolumeUsedPercent;
    const { disk } = config.metrics.metrics_collected;
    expect(disk.measurement).toEqual([{ name: "used_percent", rename: name, unit: measure }]);
    expect(disk.resources).toEqual(["/var/lib/dr"]);
    expect(scope).toBe("node");
    expect(disk.append_dimensions).toEqual(nodeDimensions(voter.name));
    // An alarm names all dimensions of its metric: there must be a series with these and no others.
    expect(config.metrics.aggregation_dimensions).toContainEqual(Object.keys(nodeDimensions(voter.name)));
    expect(config.metrics.namespace).toBe(contract.metricNamespaces.database);
  });

  test("takes the guard's metrics by StatsD, from this machine only, and publishes once per minute", () => {
    expect(config.metrics.metrics_collected.statsd).toEqual({
      service_address: `${STATSD.address}:${STATSD.port}`,
      metrics_collection_interval: 10,
      metrics_aggregation_interval: METRIC_INTERVAL_SECONDS,
    });
    expect(STATSD.address).toBe("127.0.0.1");
    // The agent adds `metric_type`; the alarms on a region's metrics read the series without any dimension.
    expect(config.metrics.aggregation_dimensions).toContainEqual([]);
  });

  test("a Tomcat server's agent takes metrics too, for alarms on the fleet as a whole", () => {
    const { metrics } = JSON.parse(renderTomcatCloudwatch(contract, "home"));
    expect(metrics.metrics_collected.statsd).toEqual(config.metrics.metrics_collected.statsd);
    expect(metrics.aggregation_dimensions).toEqual([["InstanceId"], []]);
  });

  test("StatsD takes every metric's name as it is", () => {
    for (const { name } of Object.values(METRICS)) expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
  });

  test("writes to the log group of its kind of machine, which the region's stack declares", () => {
    const logOf = (agent: string) => JSON.parse(agent).logs.logs_collected.files.collect_list[0];
    expect(logOf(renderDatabaseCloudwatch(contract, voter))).toMatchObject({
      log_group_name: contract.home.logGroups.database,
      log_stream_name: voter.name,
    });
    expect(logOf(renderRestoreCloudwatch(contract, "home"))).toMatchObject({
      log_group_name: contract.home.logGroups.restore,
      log_stream_name: contract.home.restoreNode,
    });
    expect(logOf(renderTomcatCloudwatch(contract, "recovery"))).toMatchObject({
      log_group_name: contract.recovery.logGroups.tomcat,
    });
  });
});
