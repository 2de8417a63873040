import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Psql } from "../../../../nodes/guard/shared/postgres.js";

/** Reads input like psql, and answers according to it. */
const SHELL = `while read -r line; do case "$line" in
  '\\echo '*) echo "\${line#??????}" ;;
  rows*) echo 1,a; echo 2,b ;;
  error*) echo 'ERROR:  made to fail' >&2 ;;
  warning*) echo 1; echo 'WARNING:  canceling wait for synchronous replication due to user request' >&2 ;;
  slow*) sleep 0.4; echo late ;;
  silent*) exec sleep 60 ;;
  die*) echo 'FATAL:  terminating connection' >&2; exit 2 ;;
esac; done`;

let psql: Psql;
const start = (script = SHELL) => {
  psql = new Psql(["sh", "-c", script]);
  return psql;
};
afterEach(() => psql.close());

describe("a query", () => {
  test("has rows of columns", async () => {
    expect(await start().query("rows")).toEqual([
      ["1", "a"],
      ["2", "b"],
    ]);
    expect(await psql.query("nothing")).toEqual([]);
  });

  test("fails with PostgreSQL's message, and the next one doesn't", async () => {
    start();
    // They come by another pipe than the end of the answer: no order between the two is guaranteed.
    for (let i = 0; i < 200; i++) {
      await expect(psql.query("error")).rejects.toThrow("ERROR:  made to fail");
      expect(await psql.query("rows")).toHaveLength(2);
    }
  });

  test("fails on a warning only where it shall", async () => {
    start();
    for (let i = 0; i < 100; i++) {
      expect(await psql.query("warning")).toEqual([["1"]]);
      await expect(psql.query("warning", 1000, "fail")).rejects.toThrow("canceling wait");
      expect(await psql.query("rows", 1000, "fail")).toHaveLength(2);
    }
  });

  test("is one at a time", async () => {
    const first = start().query("rows");
    await expect(psql.query("rows")).rejects.toThrow("psql takes one query at a time");
    await first;
  });

  test("without an answer in time ends psql: a late answer must not go to another query", async () => {
    await expect(start().query("slow", 100)).rejects.toThrow("no answer from PostgreSQL within 100 ms");
    expect(psql.hasEnded).toBe(true);
    await expect(psql.query("rows")).rejects.toThrow("no answer from PostgreSQL within 100 ms");
  });

  test("that was answered while this process was paused gets its answer", async () => {
    await start().query("rows");
    const answer = psql.query("slow", 800);
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
    expect(await answer).toEqual([["late"]]);
  });
});

describe("psql ended", () => {
  test("during a query, with its last message", async () => {
    await expect(start().query("die")).rejects.toThrow("psql ended: FATAL:  terminating connection");
    expect(psql.hasEnded).toBe(true);
  });

  test("before a query: nothing waits for an answer", async () => {
    start("echo 'psql: error: no server' >&2; exit 2");
    await expect.poll(() => psql.hasEnded).toBe(true);
    await expect(psql.query("rows", 60_000)).rejects.toThrow("psql ended: psql: error: no server");
  });

  test("because it isn't there", async () => {
    psql = new Psql(["/nowhere/psql"]);
    await expect(psql.query("rows", 60_000)).rejects.toThrow("ENOENT");
    expect(psql.hasEnded).toBe(true);
  });

  test("by us", async () => {
    const folder = mkdtempSync(join(tmpdir(), "psql-"));
    start(`echo $$ > ${folder}/pid; ${SHELL}`);
    await psql.query("rows");
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    const asked = psql.query("silent", 60_000);
    psql.close();
    await expect(asked).rejects.toThrow("psql was closed");
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
