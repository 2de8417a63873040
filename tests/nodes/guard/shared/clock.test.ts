import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitRequest } from "../../../../nodes/guard/shared/clock.js";

/** Answers `/<millis>` after that time; a separate process, because the test pauses this one. */
const SERVER = `require("node:http").createServer((request, response) =>
  setTimeout(() => response.end("answer"), Number(request.url.slice(1)))
).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;

const server = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
let port: number;
beforeAll(async () => {
  port = Number(String((await once(server.stdout, "data"))[0]));
});
afterAll(() => server.kill());

const ask = (answersAfter: number, limit: number) =>
  new Promise<string>((resolve, reject) => {
    const outgoing = get({ host: "127.0.0.1", port, path: `/${answersAfter}` }, (answer) =>
      answer.on("data", (data) => resolve(String(data))).on("error", reject),
    ).on("error", reject);
    limitRequest(outgoing, limit);
  });

const standStill = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);

test("an answer that came while this process was paused counts, though its time is over", async () => {
  const answer = ask(100, 300);
  // So that the request is on its way.
  await new Promise((resolve) => setTimeout(resolve, 30));
  // The event loop comes to its timers next, before it reads.
  await new Promise((resolve) => setImmediate(resolve));
  standStill(600);
  expect(await answer).toBe("answer");
});

test("what is not answered in time is given up", async () => {
  await expect(ask(60_000, 100)).rejects.toThrow("no answer within 100 ms");
});
