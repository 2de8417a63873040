import { expect, test } from "vitest";
import { parse } from "yaml";
import { PATRONI_DEFAULTS } from "../../../../lab/bench/failover/patroni.js";
import {
  renderPostgresql,
  renderRepmgr,
  renderRepmgrUserData,
} from "../../../../lab/bench/failover/repmgr/files.js";
import { twinSettings } from "../../../../lab/twin/settings.js";
import { clusterName } from "../../../../nodes/layout.js";
import { dynamicConfig } from "../../../../nodes/render/dynamic-config.js";
import { renderHaproxy } from "../../../../nodes/render/haproxy.js";
import { contractOf, type DatabaseNode } from "../../../../settings/contract.js";
import { postgresParameters } from "../../../../settings/postgres-parameters.js";

const settings = await twinSettings();
const contract = contractOf(settings, "000000000000");
const node = contract.home.databaseNodes[1] as DatabaseNode;

test("Patroni's defaults are what Patroni documents", async () => {
  const defaults = await twinSettings(PATRONI_DEFAULTS);
  expect(dynamicConfig(defaults, contract, contract.home)).toMatchObject({
    ttl: 30,
    loop_wait: 10,
    retry_timeout: 10,
    primary_start_timeout: 300,
  });
  expect(defaults.failover.leaderLease).toBe(false);
});

test("all systems have the same haproxy.cfg and the same PostgreSQL parameters", async () => {
  const defaults = await twinSettings(PATRONI_DEFAULTS);
  const name = clusterName(contract.home);
  expect(renderHaproxy(defaults, contract, "home")).toBe(renderHaproxy(settings, contract, "home"));
  expect(postgresParameters(defaults, name)).toEqual(postgresParameters(settings, name));
  const lines = renderPostgresql(settings, contract, node).split("\n");
  for (const [key, value] of Object.entries(postgresParameters(settings, name))) {
    const text = typeof value === "boolean" ? (value ? "on" : "off") : `'${value}'`;
    expect(lines).toContain(`${key} = ${text}`);
  }
});

test("repmgr has its default detection, fails over by itself, and one of two standbys is synchronous", () => {
  const lines = renderRepmgr(contract, node).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "node_id = '2'",
      "failover = 'automatic'",
      "reconnect_attempts = '6'",
      "reconnect_interval = '10'",
    ]),
  );
  const names = contract.home.databaseNodes.map(({ name }) => `"${name}"`).join(", ");
  expect(renderPostgresql(settings, contract, node)).toContain(
    `synchronous_standby_names = 'ANY 1 (${names})'`,
  );
});

test("a node's user data holds no secret and starts nothing that could become a second primary", () => {
  const text = renderRepmgrUserData(settings, contract, node);
  const { runcmd, write_files: files } = parse(text) as {
    runcmd: string[][];
    write_files: { path: string; content: string }[];
  };
  expect(runcmd.flat()).not.toContain("dr-postgres.service");
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["/etc/dr/repmgr.conf", "/usr/local/sbin/dr-repmgr", "/usr/local/sbin/check.py"]),
  );
  for (const { content } of files) expect(content).not.toMatch(/password *= *'?[0-9a-f]{16}/i);
});
