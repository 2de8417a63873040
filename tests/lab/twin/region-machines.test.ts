/** What happens to a whole region, on machines without a database: gone, back, alone, frozen. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { linkUrl } from "../../../lab/twin/claims/link.js";
import { RegionMachines } from "../../../lab/twin/region-machines.js";
import type { Machine } from "../../../lab/twin/types.js";
import { askClaims, type BareTwin, openBareTwin } from "./support/bare-twin.js";

let bare: BareTwin;
let region: RegionMachines;
let first: Machine;
let second: Machine;
let server: Machine;
let away: Machine;

beforeAll(async () => {
  bare = await openBareTwin();
  [first, second, server, away] = await Promise.all([
    bare.add("a1", "home", "10.10.0.10"),
    bare.add("a2", "home", "10.10.0.11", "read-replica"),
    bare.add("a3", "home", "10.10.0.12", "tomcat"),
    bare.add("b", "recovery", "10.20.0.10"),
  ]);
  await bare.claims.claim("home", 1);
  region = new RegionMachines("home", bare.twin);
}, 300_000);
afterAll(() => bare?.twin.close());

/** Whether a machine says that its port is closed. Nothing else counts: an address that isn't found is silence too. */
const hears = async (from: Machine, to: Machine): Promise<boolean> => {
  const { stdout } = await from.run([
    "python3",
    "-c",
    `import socket
s = socket.socket(); s.settimeout(1)
try: s.connect(("${to.address}", 9))
except ConnectionRefusedError: print("closed")
except OSError: pass`,
  ]);
  return stdout.trim() === "closed";
};
/** After a cut: an address that was looked up in vain is looked up again after a second. */
const hearsAgain = (from: Machine, to: Machine) =>
  expect.poll(() => hears(from, to), { timeout: 60_000 }).toBe(true);
const claimsOf = (from: Machine, id: "home" | "recovery") =>
  askClaims(from, linkUrl(bare.contract[id]), bare.contract);

const CLAIM = expect.stringMatching(/^200 /);
const SILENCE = "curl 28";

test("a region that is alone goes on inside, and reaches neither the other nor the claims of either", async () => {
  expect(region.machines).toHaveLength(3);
  await region.isolate();
  expect(await Promise.all([hears(first, second), hears(first, away), hears(away, first)])).toEqual([
    true,
    false,
    false,
  ]);
  expect(
    await Promise.all([
      claimsOf(first, "home"),
      claimsOf(first, "recovery"),
      claimsOf(away, "home"),
      claimsOf(away, "recovery"),
    ]),
  ).toEqual([SILENCE, SILENCE, SILENCE, CLAIM]);
  await region.heal();
  await Promise.all([hearsAgain(first, away), hearsAgain(away, first)]);
  await expect.poll(() => claimsOf(first, "home"), { timeout: 60_000 }).toEqual(CLAIM);
});

test("reconnecting it leaves alone what others cut", async () => {
  await bare.claims.proxy("home").set({ cut: true });
  await first.cut({ peers: [second.address] });
  await region.isolate();
  await region.heal();
  expect(await claimsOf(second, "home")).toBe(SILENCE);
  expect(await hears(first, second)).toBe(false);
  await hearsAgain(first, away);
  await bare.claims.proxy("home").heal();
  await first.heal();
  await hearsAgain(first, second);
});

test("frozen are its database machines and no others", async () => {
  await region.freeze();
  const asked = Promise.all([first.run(["true"]), second.run(["true"])]);
  const early = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 300, "silence"))]);
  expect(early).toBe("silence");
  expect((await server.run(["true"])).exitCode).toBe(0);
  await region.thaw();
  expect((await asked).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
});

test("one that is gone is silent until it is back, even when one of its machines starts before", async () => {
  await region.kill();
  expect(region.machines.some(({ alive }) => alive)).toBe(false);
  expect(away.alive).toBe(true);
  expect(await claimsOf(away, "home")).toBe(SILENCE);
  expect(await claimsOf(away, "recovery")).toEqual(CLAIM);

  await first.boot();
  await second.boot();
  expect(await hears(first, second)).toBe(true);
  expect(await hears(away, first)).toBe(false);

  await region.boot();
  expect(region.machines.every(({ alive }) => alive)).toBe(true);
  await Promise.all([hearsAgain(away, first), hearsAgain(server, first)]);
  await expect.poll(() => claimsOf(away, "home"), { timeout: 60_000 }).toEqual(CLAIM);
});

test("one that is killed while it is alone or frozen comes back alone, and reconnects", async () => {
  await region.isolate();
  await region.freeze();
  await region.kill();
  await region.boot();
  expect(await Promise.all([hears(first, second), hears(first, away)])).toEqual([true, false]);
  await region.heal();
  await hearsAgain(first, away);
});

test("falls silent at one instant: no machine outside sees a death before the link is gone", async () => {
  // A listener whose peer is killed would receive a reset, if any link outlived a process.
  await server.run(["sh", "-c", "nohup python3 -m http.server 90 > /dev/null 2>&1 &"]);
  await expect
    .poll(() =>
      away.run(["curl", "-s", "-m", "1", `http://${server.address}:90`]).then(({ exitCode }) => exitCode),
    )
    .toBe(0);
  const watch = away.run(
    [
      "python3",
      "-c",
      `import socket
s = socket.create_connection(("${server.address}", 90)); s.settimeout(3)
try: print("ended" if s.recv(1) == b"" else "data")
except TimeoutError: print("silence")
except OSError: print("reset")`,
    ],
    { timeoutMillis: 10_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  await region.kill();
  expect((await watch).stdout.trim()).toBe("silence");
  await region.boot();
});
