/** The claim table as the machines of both regions reach it, and what ends with the twin. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { commandLine } from "../../../common/processes.js";
import { linkUrl } from "../../../lab/twin/claims/link.js";
import { LocalTwin } from "../../../lab/twin/local-twin.js";
import type { Machine } from "../../../lab/twin/types.js";
import { NO_STATUS } from "../../../nodes/guard/region/region-facts.js";
import { askClaims, type BareTwin, openBareTwin } from "./support/bare-twin.js";

const KILLED = join(import.meta.dirname, "support/killed-claims.ts");

let bare: BareTwin;
let home: Machine;
let away: Machine;

beforeAll(async () => {
  bare = await openBareTwin();
  [home, away] = await Promise.all([
    bare.add("a", "home", "10.10.0.10"),
    bare.add("b", "recovery", "10.20.0.10"),
  ]);
  await bare.claims.claim("home", 1);
}, 300_000);
afterEach(async () => {
  await bare.claims.proxy("home").heal();
  await bare.claims.proxy("recovery").heal();
  await bare.twin.wire?.heal();
});
afterAll(() => bare?.twin.close());

const ask = (machine: Machine, region: "home" | "recovery", timeoutSeconds?: number) =>
  askClaims(machine, linkUrl(bare.contract[region]), bare.contract, timeoutSeconds);

const CLAIM = expect.stringMatching(/^200 .*claim#/);

test("holds claims and overrides, each written once, and says what is greatest", async () => {
  const { claims } = bare;
  expect(await claims.claim("home", 1)).toBe(false);
  expect(await claims.claim("recovery", 2)).toBe(true);
  expect(await claims.override("recovery", "fenced", 2)).toBe(true);
  expect(await claims.override("recovery", "fenced", 2)).toBe(false);
  expect(await claims.override("recovery", "acceptDataLoss", 2)).toBe(true);
  expect(await claims.read()).toEqual({
    epoch: { home: 1, recovery: 2 },
    status: { home: NO_STATUS, recovery: NO_STATUS },
  });
});

test("is one table, through the own region's endpoint and across the wire through the other region's", async () => {
  for (const machine of [home, away]) {
    for (const region of ["home", "recovery"] as const) expect(await ask(machine, region)).toEqual(CLAIM);
  }
});

test("with the wire cut each region has its own endpoint, and the other region's endpoint is silent", async () => {
  await bare.twin.wire?.cut();
  expect(await Promise.all([ask(home, "home"), ask(away, "recovery")])).toEqual([CLAIM, CLAIM]);
  expect(await Promise.all([ask(home, "recovery"), ask(away, "home")])).toEqual(["curl 28", "curl 28"]);
});

test("an endpoint that is cut is silent for both regions, one that refuses says so, and a restored one answers", async () => {
  const proxy = bare.claims.proxy("home");
  await proxy.set({ cut: true });
  expect(await Promise.all([ask(home, "home"), ask(away, "home")])).toEqual(["curl 28", "curl 28"]);
  expect(await ask(home, "recovery")).toEqual(CLAIM);
  await proxy.set({ refused: true });
  expect(await ask(home, "home")).toBe("curl 7");
  await proxy.set({});
  expect(await ask(home, "home")).toEqual(CLAIM);
});

test("is slow, fails and throttles on request", async () => {
  const proxy = bare.claims.proxy("recovery");
  await proxy.set({ delayMillis: 1500 });
  expect(await ask(away, "recovery")).toBe("curl 28");
  expect(await ask(away, "recovery", 5)).toEqual(CLAIM);
  await proxy.set({ failShare: 1 });
  expect(await ask(away, "recovery")).toMatch(/^500 .*InternalServerError/);
  await proxy.set({ throttleShare: 1 });
  expect(await ask(away, "recovery")).toMatch(/^400 .*ThrottlingException/);
});

test("a request under way when the endpoint is cut hears nothing; one when it refuses is reset", async () => {
  const proxy = bare.claims.proxy("home");
  for (const [change, heard] of [
    [{ cut: true }, "curl 28"],
    [{ refused: true }, "curl 56"],
  ] as const) {
    await proxy.set({ delayMillis: 1000 });
    const before = proxy.requests;
    const asked = ask(home, "home", 3);
    await expect.poll(() => proxy.requests).toBe(before + 1);
    await proxy.set(change);
    expect(await asked).toBe(heard);
    await proxy.heal();
  }
});

test("the guard's service has both endpoints, also where one region runs", async () => {
  const { contract, claims } = bare;
  expect(claims.environment.DR_CLAIMS_ENDPOINTS).toBe(
    `${contract.home.region}=http://10.10.16.5:8000,${contract.recovery.region}=http://10.20.16.5:8000`,
  );
  const single = await openBareTwin(["home"]);
  try {
    const alone = await single.add("c", "home", "10.10.0.10");
    await single.claims.claim("home", 1);
    expect(single.claims.environment).toEqual(claims.environment);
    for (const region of ["home", "recovery"] as const) {
      expect(await askClaims(alone, linkUrl(contract[region]), contract)).toEqual(CLAIM);
    }
  } finally {
    await single.twin.close();
  }
});

test("neither its emulator nor its links outlive a twin that is killed", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dr-twin-"));
  const child = spawn(process.execPath, ["--import", "tsx", KILLED, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [said] = await Promise.race([once(child.stdout, "data"), exited]);
  const pids = String(said).trim().split(" ").map(Number);
  const lines = (await Promise.all(pids.map((pid) => commandLine(pid)))).join("\n");
  expect(lines).toContain("ministack");
  expect(lines.match(/forward\.py/g)).toHaveLength(2);

  child.kill("SIGKILL");
  await exited;
  for (const pid of pids) await expect.poll(() => commandLine(pid), { timeout: 60_000 }).toBe("");
  const next = await LocalTwin.open({ dir, regions: ["home"], layers: [] });
  await next.close();
  await expect(readFile(dir)).rejects.toThrow("ENOENT");
}, 300_000);
