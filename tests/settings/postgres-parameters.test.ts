import { describe, expect, test } from "vitest";
import { instanceSize } from "../../settings/instance-size.js";
import { parseSharedSettings, type RawSettings } from "../../settings/parse.js";
import { ownedParameter, postgresParameters } from "../../settings/postgres-parameters.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const parameters = (database: RawSettings = {}) =>
  postgresParameters(parseSharedSettings("global", { ...BASE_SETTINGS, database }), "stanza");

describe("the size of an instance", () => {
  // GiB and vCPUs as AWS's tables have them.
  test.each([
    ["t4g.nano", 0.5, 2],
    ["t4g.micro", 1, 2],
    ["t4g.small", 2, 2],
    ["t4g.2xlarge", 32, 8],
    ["m7g.medium", 4, 1],
    ["m7g.large", 8, 2],
    ["m8g.4xlarge", 64, 16],
    ["m8g.24xlarge", 384, 96],
    ["r7g.large", 16, 2],
    ["r7gd.xlarge", 32, 4],
    ["r7g.12xlarge", 384, 48],
    ["r8g.48xlarge", 1536, 192],
  ])("%s has %s GiB and %s vCPUs", (type, gib, vcpus) => {
    expect(instanceSize(type)).toEqual({ memoryMib: gib * 1024, vcpus });
  });

  test.each([
    "x2idn.large",
    "r7g.huge",
    "r7g.3xlarge",
    "r7g.24xlarge",
    "r7g.metal",
    "t4g.4xlarge",
    "m9g.large",
    "r7g",
    "t4g.constructor",
  ])("%s is not guessed at", (type) => {
    expect(instanceSize(type)).toBeUndefined();
  });
});

describe("parameters", () => {
  test("follow the instance's memory and processors", () => {
    expect(parameters()).toMatchObject({
      shared_buffers: "4096MB",
      effective_cache_size: "12288MB",
      max_connections: 400,
      max_parallel_workers: 2,
    });
    expect(parameters({ instanceType: "t4g.small" })).toMatchObject({
      shared_buffers: "512MB",
      effective_cache_size: "1536MB",
      max_connections: 50,
    });
  });

  test("log each connection, and its end", () => {
    expect(parameters()).toMatchObject({ log_connections: true, log_disconnections: true });
  });

  test.each(["t4g.nano", "t4g.medium", "m7g.large", "r8g.48xlarge"])(
    "on %s, buffers and one sort per connection fit into memory",
    (instanceType) => {
      const { shared_buffers, work_mem, max_connections } = parameters({ instanceType });
      const used =
        Number.parseInt(`${shared_buffers}`, 10) +
        Number.parseInt(`${work_mem}`, 10) * Number(max_connections);
      expect(used).toBeLessThan(instanceSize(instanceType)?.memoryMib ?? 0);
    },
  );

  test("keep WAL to what the volume has room for", () => {
    expect(parameters({ volumeGib: 20 })).toMatchObject({
      max_wal_size: "1024MB",
      max_slot_wal_keep_size: "5120MB",
    });
    expect(parameters({ volumeGib: 1000 })).toMatchObject({ max_wal_size: "16384MB" });
    expect(parameters({ maxSlotWalKeepMib: 64 })).toMatchObject({ max_slot_wal_keep_size: "64MB" });
  });

  test("leave a sender for each member and the other region", () => {
    expect(parameters({ voters: 5, readReplicas: 12 }).max_wal_senders).toBeGreaterThan(5 + 12);
  });

  test("are overridden by the settings", () => {
    expect(parameters({ parameters: { work_mem: "64MB", jit: false } })).toMatchObject({
      work_mem: "64MB",
      jit: false,
    });
  });

  test("that others rely on can't be overridden", () => {
    const others = parameters();
    const own = Object.keys(others).filter((name) => ownedParameter(name));
    expect(own).toEqual(
      expect.arrayContaining([
        "wal_level",
        "archive_mode",
        "archive_command",
        "max_slot_wal_keep_size",
        "wal_sender_timeout",
      ]),
    );
    // Not set by the project either: it would cost a second at each change of Patroni's configuration.
    expect(ownedParameter("tcp_user_timeout")).toContain("Patroni");
    expect(others).not.toHaveProperty("tcp_user_timeout");
    // Everything that the project sets for a reason other than size is owned.
    const free = Object.keys(others).filter((name) => !ownedParameter(name));
    expect(free).not.toEqual(expect.arrayContaining(["wal_log_hints"]));
    expect(free).toContain("shared_buffers");
  });
});
