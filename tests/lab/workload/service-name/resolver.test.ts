/** The name server, asked by Node's own resolver. */
import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NameCache } from "../../../../lab/workload/name-cache.js";
import { type DnsRecord, reply } from "../../../../lab/workload/service-name/message.js";
import { type NameServer, serveNames } from "../../../../lab/workload/service-name/resolver.js";

const NAME = "app.example.com";
const HOME = "eu-west-1.app.example.com";
const RECORDS: Record<string, DnsRecord[]> = {
  [NAME]: [
    { name: NAME, type: "CNAME", ttl: 10, value: HOME },
    { name: HOME, type: "A", ttl: 60, value: "10.10.0.10" },
  ],
  [HOME]: [{ name: HOME, type: "A", ttl: 60, value: "10.10.0.10" }],
};

let server: NameServer;
let resolver: Resolver;
beforeEach(async () => {
  server = await serveNames("127.0.0.1:0", (name) => RECORDS[name]);
  resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([server.address]);
});
afterEach(() => server.close());

test("a name leads to its region's address, for as long as the shorter of the two records", async () => {
  expect(await resolver.resolve4(NAME, { ttl: true })).toEqual([{ address: "10.10.0.10", ttl: 10 }]);
  expect(await resolver.resolveCname(NAME)).toEqual([HOME]);
  expect(await resolver.resolve4(HOME, { ttl: true })).toEqual([{ address: "10.10.0.10", ttl: 60 }]);
});

test("capitals don't matter", async () => {
  expect(await resolver.resolve4("APP.Example.com")).toEqual(["10.10.0.10"]);
});

test("there is no IPv6 address, and no other name", async () => {
  await expect(resolver.resolve6(HOME)).rejects.toMatchObject({ code: "ENODATA" });
  await expect(resolver.resolve4("www.example.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
});

test.each([
  ["nothing", Buffer.alloc(0)],
  ["half a header", Buffer.alloc(7)],
  ["an answer", Buffer.from("00018400000100000000000003777777000001 0001".replaceAll(" ", ""), "hex")],
  ["a name without an end", Buffer.from("0001010000010000000000003f777777", "hex")],
  ["a pointer for a name", Buffer.from("000101000001000000000000c00c00010001", "hex")],
  ["a question without a type", Buffer.from("000101000001000000000000037777770000", "hex")],
])("%s is not answered", (_, message) => {
  expect(reply(message, () => [])).toBeUndefined();
});

test("what a client keeps it asks for again when its time is over, and once for all who wait", async () => {
  let clock = 0;
  let asked = 0;
  const cache = new NameCache(
    async () => [{ address: `10.0.0.${++asked}`, ttl: 10 }],
    () => clock,
  );
  expect(await Promise.all([cache.lookup(), cache.lookup()])).toEqual(["10.0.0.1", "10.0.0.1"]);
  clock = 9_999;
  expect(await cache.lookup()).toBe("10.0.0.1");
  clock = 10_000;
  expect(await cache.lookup()).toBe("10.0.0.2");
});

test("an old answer is not used beyond its time, though no new one comes", async () => {
  let clock = 0;
  const answers = [[{ address: "10.0.0.1", ttl: 10 }]];
  const cache = new NameCache(
    async () => answers.pop() ?? Promise.reject(new Error("queryA ETIMEOUT")),
    () => clock,
  );
  await cache.lookup();
  clock = 10_001;
  await expect(cache.lookup()).rejects.toThrow("ETIMEOUT");
});
