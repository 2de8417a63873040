import { expect, test } from "vitest";
import { parseUserData } from "../../../lab/twin/cloud-config.js";
import { overlay, twinSettings } from "../../../lab/twin/settings.js";

test("changes are laid over sections, and replace everything else", () => {
  const base = {
    database: { voters: 3, volumeGib: 20 },
    databases: [{ name: "app", owner: "app" }],
    name: "drs",
  };
  expect(overlay(base, { database: { voters: 5 }, databases: [], service: "shop" })).toEqual({
    database: { voters: 5, volumeGib: 20 },
    databases: [],
    name: "drs",
    service: "shop",
  });
});

test("a twin is small, and else what Pulumi.yaml says", async () => {
  const settings = await twinSettings({ database: { readReplicas: 1 } });
  expect(settings.database).toMatchObject({ instanceType: "t4g.small", readReplicas: 1, voters: 3 });
  expect(settings.regions.home).toBe("eu-west-1");
});

test.each([
  [{ database: { voters: 4 } }, "database.voters = 4"],
  [{ failover: { ttlSeconds: 10 } }, "failover.ttlSeconds = 10"],
])("bad settings are refused before anything starts: %j", async (changes, words) => {
  await expect(twinSettings(changes)).rejects.toThrow(words);
});

test("user data is read as cloud-init reads it, and nothing else is taken for it", () => {
  const text =
    "#cloud-config\nwrite_files:\n- path: /etc/a\n  content: |\n    b\nruncmd:\n- [systemctl, start, a]\n";
  expect(parseUserData(text)).toEqual({
    write_files: [{ path: "/etc/a", content: "b\n" }],
    runcmd: [["systemctl", "start", "a"]],
  });
  expect(() => parseUserData("#!/bin/sh\n")).toThrow("#cloud-config");
});
