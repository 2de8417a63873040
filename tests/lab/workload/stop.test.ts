/** The workload's own process, using an application that answers late. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watched } from "../../../lab/drills/lost-rows.js";
import { bundleWorkload } from "../../../lab/workload/bundle.js";
import type { WorkloadConfig } from "../../../lab/workload/config.js";
import { Ledger } from "../../../lab/workload/ledger.js";

const LATE_MILLIS = 700;

let cache: string;
let server: Server;
/** Settles when an item has been written or asked for. */
let asked: Promise<void>;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "dr-cache-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
  let tell = () => {};
  asked = new Promise((resolve) => {
    tell = resolve;
  });
  server = createServer((request, response) => {
    if (request.url === "/health") return response.end();
    tell();
    return setTimeout(() => response.end(), LATE_MILLIS);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await rm(cache, { recursive: true, force: true });
});

const config = (port: number): WorkloadConfig => ({
  database: { user: "", password: "", name: "", authority: "" },
  http: {
    targets: [`127.0.0.1:${port}`],
    connections: 1,
    intervalMillis: 10,
    timeoutMillis: 5000,
    healthPath: "/health",
    healthIntervalMillis: 100,
  },
});

test("what was watched ends with the order to stop; answers that were due are still told", async () => {
  const ledger = new Ledger();
  const child = spawn(process.execPath, [await bundleWorkload()], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  let text = "";
  child.stdout.on("data", (data: Buffer) => {
    text += data;
  });
  child.stdin.write(`${JSON.stringify(config((server.address() as AddressInfo).port))}\n`);
  await asked;
  await sleep(LATE_MILLIS / 2);
  child.stdin.end();
  expect((await ended)[0]).toBe(0);
  for (const line of text.trim().split("\n")) ledger.addLine(line);
  const last = ledger.requests.at(-1);
  expect(last?.status).toBe(200);
  expect((last?.done ?? 0) - watched(ledger).to).toBeGreaterThan(LATE_MILLIS / 4);
  expect(JSON.parse(text.trim().split("\n").at(-1) as string)).toMatchObject({ kind: "stopped" });
});

test("the same program is bundled once", async () => {
  const file = await bundleWorkload();
  expect(await bundleWorkload()).toBe(file);
  expect(await readdir(join(cache, "disaster-recovery"))).toEqual([
    expect.stringMatching(/^workload-\w{12}\.mjs$/),
  ]);
});
