/** A region's endpoint of DynamoDB in front of a table's server that only counts: what passes, what doesn't, what is answered. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { requireFaults } from "../../../../lab/twin/claims/faults.js";
import { ClaimsProxy } from "../../../../lab/twin/claims/proxy.js";

let dir: string;
let socket: string;
let table: Server;
let arrived: IncomingMessage[];
let proxy: ClaimsProxy;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "dr-claims-"));
  socket = join(dir, "home.sock");
  arrived = [];
  table = createServer((incoming, outgoing) => {
    arrived.push(incoming);
    incoming.resume();
    outgoing.writeHead(200, { "x-amzn-requestid": "one" }).end('{"Items": []}');
  });
  table.listen(0, "127.0.0.1");
  await once(table, "listening");
  const { port } = table.address() as AddressInfo;
  proxy = await ClaimsProxy.start(socket, { endpoint: `http://127.0.0.1:${port}`, region: "eu-west-1" });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await proxy.close();
  table.close();
  await rm(dir, { recursive: true, force: true });
});

async function ask(region = "eu-west-1") {
  const outgoing = request({
    socketPath: socket,
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/dynamodb/aws4_request, Signature=0`,
      "x-amz-target": "DynamoDB_20120810.Query",
    },
  });
  outgoing.end("{}");
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of incoming) body += chunk;
  return { status: incoming.statusCode, headers: incoming.headers, body };
}

test("a request goes to the one copy, whichever region it was signed for", async () => {
  const answer = await ask("eu-central-1");
  expect(answer).toMatchObject({
    status: 200,
    body: '{"Items": []}',
    headers: { "x-amzn-requestid": "one" },
  });
  await ask("eu-west-1");
  for (const { headers } of arrived) {
    expect(headers.authorization).toContain("Credential=test/20260101/eu-west-1/dynamodb/aws4_request");
    expect(headers["x-amz-target"]).toBe("DynamoDB_20120810.Query");
  }
  expect(proxy.requests).toBe(2);
});

test("of requests that fail, one half has been carried out", async () => {
  proxy.faults = { failShare: 1 };
  const random = vi.spyOn(Math, "random");
  for (const [draw, carriedOut] of [
    [0.4, 0],
    [0.6, 1],
  ] as const) {
    random.mockReturnValue(draw);
    const { status, body } = await ask();
    expect(status).toBe(500);
    expect(JSON.parse(body).__type).toMatch(/#InternalServerError$/);
    expect(arrived).toHaveLength(carriedOut);
  }
});

test("too many requests are refused before they are carried out", async () => {
  proxy.faults = { throttleShare: 1 };
  const { status, body } = await ask();
  expect(status).toBe(400);
  expect(JSON.parse(body).__type).toMatch(/#ThrottlingException$/);
  expect(arrived).toHaveLength(0);
});

test("a slow one waits before it is carried out, and a restored one doesn't", async () => {
  proxy.faults = { delayMillis: 150 };
  const start = performance.now();
  const slow = ask();
  await expect.poll(() => proxy.requests).toBe(1);
  expect(arrived).toHaveLength(0);
  expect((await slow).status).toBe(200);
  expect(performance.now() - start).toBeGreaterThan(145);
  proxy.faults = {};
  expect((await ask()).status).toBe(200);
});

test("a table's server that is gone is a connection that ends, not an answer", async () => {
  table.close();
  table.closeAllConnections();
  await expect(ask()).rejects.toThrow(/socket hang up|ECONNRESET/);
});

test("impossible faults are refused with their values", () => {
  requireFaults({ cut: true, refused: true, delayMillis: 0, failShare: 1, throttleShare: 0 });
  expect(() => requireFaults({ failShare: 1.5 })).toThrow("failShare = 1.5");
  expect(() => requireFaults({ throttleShare: Number.NaN })).toThrow("throttleShare = NaN");
  expect(() => requireFaults({ delayMillis: -1 })).toThrow("delayMillis = -1");
});

test("a socket's path that the kernel would cut short is refused", async () => {
  const long = join(dir, "a".repeat(108), "home.sock");
  await expect(
    ClaimsProxy.start(long, { endpoint: "http://127.0.0.1:1", region: "eu-west-1" }),
  ).rejects.toThrow(/a socket would have \d+ bytes[\s\S]*DR_TWIN_DIR/);
});
