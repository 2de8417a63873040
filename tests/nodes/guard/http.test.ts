import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createAuthority, issueLeaf, type NodeCertificate } from "../../../authority/authority.js";
import { CONNECTIONS_PER_SOURCE, type Door, serveOrders, serveStatus } from "../../../nodes/guard/http.js";

/** Not the machine's usual loopback address: a guard may treat that one differently. */
const ELSEWHERE = "127.0.0.2";

let folder: string;
let leaf: NodeCertificate;
let port: number;
let orders: string;
let given: (string | undefined)[];
let doors: Door[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "guard-http-"));
  leaf = await issueLeaf(await createAuthority(), { name: "db-1" });
  for (const name of ["authority", "certificate", "key"] as const)
    writeFileSync(join(folder, name), leaf[name]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  given = [];
  orders = join(folder, "orders", "socket");
  const tls = {
    authority: join(folder, "authority"),
    certificate: join(folder, "certificate"),
    key: join(folder, "key"),
  };
  const status = serveStatus({ tls, port: 0, isActive: () => true, status: () => ({ node: "db-1" }) });
  const local = serveOrders(orders, async (candidate) => {
    given.push(candidate);
    return { to: candidate ?? "chosen" };
  });
  doors = [status, local];
  await Promise.all(doors.map(async (door) => door.listening || (await once(door, "listening"))));
  port = (status.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const door of doors) door.closeAllConnections();
  await Promise.all(doors.map((door) => new Promise((resolve) => door.close(resolve))));
});

const dial = (options: ConnectionOptions = {}): TLSSocket =>
  connect({
    host: "127.0.0.1",
    localAddress: ELSEWHERE,
    port,
    ca: leaf.authority,
    ...options,
  } as ConnectionOptions);

/** Sends a request over this connection, whose answer ends the connection. */
async function over(socket: TLSSocket, method: string, path: string, body = ""): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: db-1\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await once(socket, "end");
  socket.destroy();
  return text.split("\r\n")[0] ?? "";
}

describe("the guard's HTTPS port", () => {
  test("answers health checks and status without a client certificate", async () => {
    expect(await over(dial(), "GET", "/dr/active")).toBe("HTTP/1.1 200 OK");
    expect(await over(dial(), "GET", "/status")).toBe("HTTP/1.1 200 OK");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "takes no order over a resumed session of %s",
    async (version) => {
      const socket = dial({ maxVersion: version });
      const session = once(socket, "session");
      await over(socket, "GET", "/status");
      const resumed = dial({ maxVersion: version, session: (await session)[0] as Buffer });
      await once(resumed, "secureConnect");
      expect(resumed.isSessionReused()).toBe(true);
      expect(await over(resumed, "POST", "/switchover", "{}")).toBe("HTTP/1.1 404 Not Found");
      expect(given).toEqual([]);
    },
  );

  test("takes no order from this machine, or with a certificate of the authority", async () => {
    expect(
      await over(dial({ localAddress: "127.0.0.1" } as ConnectionOptions), "POST", "/switchover", "{}"),
    ).toBe("HTTP/1.1 404 Not Found");
    expect(await over(dial({ cert: leaf.certificate, key: leaf.key }), "POST", "/switchover", "{}")).toBe(
      "HTTP/1.1 404 Not Found",
    );
    expect(given).toEqual([]);
  });

  test("serves only some connections of a source at a time, and other sources meanwhile", async () => {
    const held = Array.from({ length: CONNECTIONS_PER_SOURCE }, () =>
      connectPlain({ host: "127.0.0.1", localAddress: ELSEWHERE, port }),
    );
    await Promise.all(held.map((socket) => once(socket, "connect")));
    await expect(over(dial(), "GET", "/dr/active")).rejects.toThrow();
    expect(await over(dial({ localAddress: "127.0.0.3" } as ConnectionOptions), "GET", "/dr/active")).toBe(
      "HTTP/1.1 200 OK",
    );
    const closed = held.map((socket: Socket) => once(socket.resume(), "close"));
    for (const socket of held) socket.end();
    await Promise.all(closed);
    await expect.poll(() => over(dial(), "GET", "/dr/active").catch(String)).toBe("HTTP/1.1 200 OK");
  });
});

describe("the guard's socket for orders", () => {
  /** @returns the answer's status code and body */
  const give = async (path: string, body: string): Promise<[number | undefined, unknown]> => {
    const outgoing = request({ socketPath: orders, method: "POST", path });
    outgoing.end(body);
    const [incoming] = await once(outgoing, "response");
    let text = "";
    for await (const chunk of incoming) text += chunk;
    return [incoming.statusCode, JSON.parse(text)];
  };

  test("takes a switchover", async () => {
    expect(await give("/switchover", '{"candidate":"db-2"}')).toEqual([200, { to: "db-2" }]);
    expect(await give("/switchover", "")).toEqual([200, { to: "chosen" }]);
    expect(given).toEqual(["db-2", undefined]);
  });

  test("refuses what it doesn't understand", async () => {
    expect(await give("/switchover", '{"candidate":7}')).toEqual([
      409,
      { error: "candidate must be a node's name" },
    ]);
    expect((await give("/status", ""))[0]).toBe(404);
    expect(given).toEqual([]);
  });

  test("is in a folder that only its owner may enter", () => {
    expect(statSync(dirname(orders)).mode & 0o777).toBe(0o700);
  });

  test("opens again after a guard that was killed", async () => {
    const again = serveOrders(orders, async () => ({ to: "again" }));
    doors.push(again);
    await once(again, "listening");
    expect(await give("/switchover", "{}")).toEqual([200, { to: "again" }]);
  });
});
