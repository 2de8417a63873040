/** One ledger that the workloads of two regions fill. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { unexpectedRows, watched } from "../../../lab/drills/lost-rows.js";
import type { WorkloadConfig } from "../../../lab/workload/config.js";
import type { WorkloadEvent } from "../../../lab/workload/events.js";
import { Ledger } from "../../../lab/workload/ledger.js";
import { Workload } from "../../../lab/workload/workload.js";
import { write } from "../drills/ledgers.js";

const config = (source: string, firstWorker: number): WorkloadConfig => ({
  source,
  database: { user: "", password: "", name: "", authority: "" },
  writer: { host: "", port: 0, connections: 2, firstWorker, intervalMillis: 10, timeoutMillis: 5000 },
});
const HOME = config("home", 0);
const RECOVERY = config("recovery", 1000);

/** A workload with a fake process: its output and its exit code are the test's. */
async function fake(ledger: Ledger, of: WorkloadConfig) {
  const stdout = new PassThrough();
  let end = (_: number) => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const process = { pid: 1, stdin: new PassThrough(), stdout, kill: () => end(137), ended };
  const workload = await Workload.start({ start: async () => process }, "", of, ledger);
  return {
    workload,
    say: (event: WorkloadEvent) => stdout.write(`${JSON.stringify(event)}\n`),
    /** Its last words, perhaps half of them. */
    end: (exitCode: number, words = "") => {
      stdout.end(words);
      end(exitCode);
    },
  };
}

test("what was watched is from the first beginning to the first order to stop", () => {
  const ledger = new Ledger();
  ledger.add({ kind: "started", at: 5, source: "recovery" });
  ledger.add({ kind: "started", at: 3, source: "home" });
  ledger.add({ kind: "stopped", at: 90, source: "home" });
  ledger.add({ kind: "stopped", at: 91, source: "recovery" });
  expect(watched(ledger)).toEqual({ from: 3, to: 90 });
});

test("a workload that goes down with its region ends no watch, though its successor has begun by then", async () => {
  const ledger = new Ledger();
  ledger.add({ kind: "started", at: 0, source: "recovery" });
  const { workload, say, end } = await fake(ledger, HOME);
  workload.willBeLost();
  ledger.add({ kind: "started", at: 40, source: "home" });
  say({ kind: "stopped", at: 50, source: "home" });
  end(0);
  await workload.lost();
  for (const source of ["home", "recovery"]) ledger.add({ kind: "stopped", at: 100, source });
  expect(watched(ledger)).toEqual({ from: 0, to: 100 });
});

test("one that is lost with its region is not broken, and what it may have sent is in doubt", async () => {
  const ledger = new Ledger();
  const home = await fake(ledger, HOME);
  home.say({ kind: "started", at: 0, source: "home" });
  home.say(write(1, 10, { source: "home" }));
  home.say(write(2, 20, { source: "home" }));
  await new Promise((resolve) => setImmediate(resolve));
  home.workload.willBeLost();
  home.end(137, '{"kind":"wri');
  await home.workload.lost();
  expect(ledger.writes.filter(({ result }) => result === "unknown")).toMatchObject([
    { worker: 0, sequence: 3, sent: 22, source: "home" },
    { worker: 1, sequence: 1, sent: 0, source: "home" },
  ]);
  const row = (worker: number, sequence: number) => ({ worker, sequence });
  const rows = [row(0, 1), row(0, 2), row(0, 3), row(1, 1)];
  expect(unexpectedRows(ledger.writes, rows)).toEqual([]);
  expect(unexpectedRows(ledger.writes, [...rows, row(0, 4), row(1, 2), row(1000, 1)])).toHaveLength(3);
});

test("one that ends by itself is broken", async () => {
  const ledger = new Ledger();
  const { workload, say, end } = await fake(ledger, RECOVERY);
  say({ kind: "started", at: 0, source: "recovery" });
  end(1);
  await expect(workload.stop()).rejects.toThrow("ended with 1 before it was stopped");
});

test("one that has told its end is none, though the other has not", async () => {
  const ledger = new Ledger();
  ledger.add({ kind: "started", at: 0, source: "home" });
  const { workload, say, end } = await fake(ledger, RECOVERY);
  say({ kind: "stopped", at: 9, source: "recovery" });
  end(0);
  await workload.stop();
  expect(watched(ledger).to).toBe(9);
});
