/** Changing a setting changes exactly the lines that it should, on exactly the machines that it should. */
import { describe, expect, test } from "vitest";
import type { NodeFile } from "../../nodes/layout.js";
import { clusterConfig } from "../../nodes/render/cluster-config.js";
import { databaseFiles } from "../../nodes/render/database-files.js";
import { tomcatFiles } from "../../nodes/render/tomcat-files.js";
import { contractOf, type DatabaseNode } from "../../settings/contract.js";
import { parseSharedSettings, type RawSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

/** All files of a region that depend on settings, one line per line; JSON is laid out first. */
function filesOf(changes: RawSettings): Map<string, string[]> {
  const settings = parseSharedSettings("global", { ...BASE_SETTINGS, ...changes });
  const contract = contractOf(settings, "123456789012");
  const files = new Map<string, string[]>();
  const put = (machine: string, { path, content }: NodeFile) => {
    const text = path.endsWith(".json") ? JSON.stringify(JSON.parse(content), null, 1) : content;
    files.set(
      `${machine} ${path.split("/").slice(-2).join("/")}`,
      text.split("\n").map((line) => line.trim().replace(/,$/, "")),
    );
  };
  const voter = contract.home.databaseNodes[0] as DatabaseNode;
  for (const file of databaseFiles(settings, contract, voter)) put("voter", file);
  for (const file of tomcatFiles(settings, contract, "home")) put("tomcat", file);
  const content = JSON.stringify(clusterConfig(settings, contract, "home"));
  put("running nodes", { path: "parameter/cluster.json", content, mode: "" });
  return files;
}

/** `file: - line` and `file: + line`, in the order of the files. */
function changesOf(changes: RawSettings): string[] {
  const before = filesOf({});
  const after = filesOf(changes);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((file) => {
    const [old = [], now = []] = [before.get(file), after.get(file)];
    return [
      ...without(old, now).map((line) => `${file}: - ${line}`),
      ...without(now, old).map((line) => `${file}: + ${line}`),
    ];
  });
}

/** What stands more often in the first list than in the second. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const replaced = (files: readonly string[], from: string, to: string) =>
  files.flatMap((file) => [`${file}: - ${from}`, `${file}: + ${to}`]);
const hba = (databases: string, users: string) =>
  ["10.10.16.0", "10.10.32.0", "10.10.48.0", "10.20.16.0", "10.20.32.0", "10.20.48.0"].map(
    (network) =>
      `running nodes parameter/cluster.json: + "hostssl ${databases} ${users} ${network}/20 scram-sha-256"`,
  );

const backup = "voter dr/backup.json";
const patroni = "voter dr/patroni.yml";
const cluster = "running nodes parameter/cluster.json";
const haproxy = "tomcat haproxy/haproxy.cfg";
const tomcat = "tomcat dr/tomcat.env";
/** A value of Patroni's dynamic configuration: for a new cluster and for one that runs. */
const dynamic = (key: string, from: unknown, to: unknown) => [
  `${patroni}: - ${key}: ${from}`,
  `${patroni}: + ${key}: ${to}`,
  `${cluster}: - "${key}": ${JSON.stringify(from)}`,
  `${cluster}: + "${key}": ${JSON.stringify(to)}`,
];
/** The names that the application shows, of both regions, with so many read replicas in each. */
const nodeNames = (replicas: number): string => {
  const names = [
    ["10.10", "eu-west-1"],
    ["10.20", "eu-central-1"],
  ].flatMap(([net, region]) => [
    ...[1, 2, 3].map((n) => `${net}.${199 + n}.10=drs-${region}-db-${n}`),
    ...Array.from({ length: replicas }, (_, i) => `${net}.${200 + i}.20=drs-${region}-read-${i + 1}`),
  ]);
  return `DR_DATABASE_NODES="${names.join(" ")}"`;
};
const sorted = (lines: readonly string[]) => lines.toSorted();

describe("a change of", () => {
  test.each<[string, RawSettings, readonly string[]]>([
    ["the ttl", { failover: { ttlSeconds: 30 } }, dynamic("ttl", 20, 30)],
    ["the loop wait", { failover: { loopWaitSeconds: 2 } }, dynamic("loop_wait", 1, 2)],
    ["the retry", { failover: { retryTimeoutSeconds: 5 } }, dynamic("retry_timeout", 4, 5)],
    [
      "the wait for a crashed leader",
      { failover: { primaryStartTimeoutSeconds: 3 } },
      dynamic("primary_start_timeout", 0, 3),
    ],
    [
      "the leader lease",
      { failover: { leaderLeaseSeconds: 3 } },
      replaced(["voter dr/guard.json"], '"leaseMillis": 2000', '"leaseMillis": 3000'),
    ],
    [
      "the region lease",
      { promotion: { leaseSeconds: 20 } },
      replaced(["voter dr/guard.json"], '"leaseMillis": 15000', '"leaseMillis": 20000'),
    ],
    [
      "the way out: the other region's claims can't be read any more",
      { network: { egress: "endpoints" } },
      ["{", '"region": "eu-central-1"', '"url": "https://dynamodb.eu-central-1.amazonaws.com"', "}"].map(
        (line) => `voter dr/guard.json: - ${line}`,
      ),
    ],
    [
      "whether there is one",
      { failover: { leaderLease: false }, objectives: { nodeRtoSeconds: 60 } },
      [
        ...replaced(["voter dr/guard.json"], '"enabled": true', '"enabled": false'),
        ...[
          "tcp dport 2379 meta skuid postgres tcp dport @etcd meta time @etcd_until accept",
          "# Resets what is open too, so that a Patroni that was cut off drops its picture of the cluster.",
          "tcp dport 2379 meta skuid postgres reject with tcp reset",
        ].map((line) => `voter dr/guard.nft: - ${line}`),
      ],
    ],
    [
      "etcd's heartbeat",
      { failover: { etcdHeartbeatMillis: 100 } },
      replaced(["voter default/etcd"], "ETCD_HEARTBEAT_INTERVAL=50", "ETCD_HEARTBEAT_INTERVAL=100"),
    ],
    [
      "etcd's election",
      { failover: { etcdElectionMillis: 600 } },
      replaced(["voter default/etcd"], "ETCD_ELECTION_TIMEOUT=500", "ETCD_ELECTION_TIMEOUT=600"),
    ],
    ["work_mem", { database: { parameters: { work_mem: "64MB" } } }, dynamic("work_mem", "10MB", "64MB")],
    [
      "a parameter that had its default",
      { database: { parameters: { deadlock_timeout: "2s" } } },
      [`${patroni}: + deadlock_timeout: 2s`, `${cluster}: + "deadlock_timeout": "2s"`],
    ],
    [
      "the bound of slots",
      { database: { maxSlotWalKeepMib: 100 } },
      dynamic("max_slot_wal_keep_size", "51200MB", "100MB"),
    ],
    [
      "the volume",
      { database: { volumeGib: 100 } },
      [
        ...dynamic("max_wal_size", "10240MB", "5120MB"),
        ...dynamic("min_wal_size", "2560MB", "1280MB"),
        ...dynamic("max_slot_wal_keep_size", "51200MB", "25600MB"),
      ],
    ],
    [
      "the instance",
      { database: { instanceType: "r7g.xlarge" } },
      [
        ...dynamic("max_connections", 400, 500),
        ...dynamic("shared_buffers", "4096MB", "8192MB"),
        ...dynamic("effective_cache_size", "12288MB", "24576MB"),
        ...dynamic("work_mem", "10MB", "16MB"),
        ...dynamic("maintenance_work_mem", "1024MB", "2048MB"),
        ...dynamic("max_parallel_workers", 2, 4),
        ...dynamic("max_parallel_workers_per_gather", 1, 2),
      ],
    ],
    [
      "archiving, and how often the vault is looked at",
      { backup: { archiveTimeoutSeconds: 30 } },
      [
        ...dynamic("archive_timeout", "60s", "30s"),
        ...replaced([backup], '"archiveTimeoutSeconds": 60', '"archiveTimeoutSeconds": 30'),
      ],
    ],
    [
      "how long backups stay",
      { backup: { retentionDays: 50 } },
      replaced(["voter etc/pgbackrest.conf"], "repo1-retention-full=35", "repo1-retention-full=50"),
    ],
    [
      "the lock of backups: what the vault is compared with",
      { backup: { lockDays: 31 } },
      replaced([backup], '"lockDays": 30', '"lockDays": 31'),
    ],
    [
      "nothing but the fleet's size and the objectives",
      { fleet: { maxSize: 50 }, objectives: { rpoSeconds: 600 } },
      [],
    ],
    [
      "the databases: no machine, only what running nodes take over",
      {
        databases: [
          { name: "app", owner: "app" },
          { name: "orders", owner: "orders" },
        ],
      },
      [
        ...hba("orders", "orders,orders_alt"),
        ...["{", '"name": "orders"', '"owner": "orders"', '"secret": "drs/postgres/owner/orders"', "}"].map(
          (line) => `${cluster}: + ${line}`,
        ),
      ],
    ],
    [
      "the read replicas: no voter, only where reads go and how they are called",
      { database: { readReplicas: 1 } },
      [
        `${haproxy}: + server drs-eu-west-1-read-1 10.10.200.20:5432`,
        ...replaced([tomcat], nodeNames(0), nodeNames(1)),
      ],
    ],
    [
      "the application",
      { application: { war: "s3://mine/app.war" } },
      replaced(
        ["tomcat dr/node.env"],
        'DR_APPLICATION_WAR="s3://drs-artifacts-123456789012-eu-west-1/ROOT.war"',
        'DR_APPLICATION_WAR="s3://mine/app.war"',
      ),
    ],
    [
      "the service's name",
      { service: "shop" },
      replaced([tomcat], 'DR_SERVICE_HOSTNAME="app.example.com"', 'DR_SERVICE_HOSTNAME="shop.example.com"'),
    ],
  ])("%s", (_, changes, expected) => {
    expect(sorted(changesOf(changes))).toEqual(sorted(expected));
  });

  test("HAProxy's pace: each of its lines about a database node, and no other file", () => {
    const changed = changesOf({ failover: { checkIntervalMillis: 500, checkFall: 3 } });
    expect(changed).toHaveLength(4);
    for (const line of changed)
      expect(line).toMatch(/^tomcat haproxy\/haproxy\.cfg: [-+] default-server .*check/);
    for (const line of changed)
      expect(line.includes("inter 500ms") && line.includes("fall 3")).toBe(line.includes(": + "));
  });

  test("the number of voters: the files that name them, and how many copies a commit waits for", () => {
    const changed = changesOf({ database: { voters: 5 } });
    expect(new Set(changed.map((line) => line.slice(0, line.indexOf(":"))))).toEqual(
      new Set([
        ...[patroni, "voter dr/guard.json", "voter default/etcd", "voter etc/pgbackrest.conf"],
        ...[haproxy, tomcat, cluster],
      ]),
    );
    expect(changed).toEqual(expect.arrayContaining(dynamic("synchronous_node_count", 1, 2)));
  });
});
