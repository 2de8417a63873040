/** The whole way of a request by name, on addresses of this machine: name, load balancer, server. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Arrivals } from "../../../../lab/workload/clock.js";
import type { NameEvent, RequestEvent, WorkloadEvent } from "../../../../lab/workload/events.js";
import { request } from "../../../../lab/workload/http.js";
import type { NameConfig } from "../../../../lab/workload/service-name/config.js";
import { type NameService, openName } from "../../../../lab/workload/service-name/service.js";

/** Stands in for a Tomcat server and, behind its HAProxy, the guard. */
class Region {
  active = false;
  healthy = true;
  server!: Server;

  async open(): Promise<string> {
    this.server = createServer((request, response) => {
      request.resume();
      request.on("end", () => {
        if (request.url === "/active") response.statusCode = this.active ? 200 : 503;
        else if (request.url === "/health") response.statusCode = this.healthy ? 200 : 503;
        else response.statusCode = request.method === "POST" ? 201 : 200;
        response.end();
      });
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Of a busy machine: what is waited for comes within a second on an idle one. */
const PATIENCE = { timeout: 15_000 };
const HOME = "127.0.0.21";
const RECOVERY = "127.0.0.22";

let home: Region;
let recovery: Region;
let events: WorkloadEvent[];
let service: NameService | undefined;
let stopping: AbortController;
let port: number;

beforeEach(() => {
  home = new Region();
  recovery = new Region();
  home.active = true;
  events = [];
  stopping = new AbortController();
});
afterEach(() => {
  stopping.abort();
  service?.close();
  service = undefined;
  home.close();
  recovery.close();
});

/** Into the events of this test: the one before may still be ending. */
function teller(): (event: WorkloadEvent) => void {
  const mine = events;
  return (event) => mine.push(event);
}

async function open(change: Partial<NameConfig> = {}): Promise<void> {
  const fleet = (target: string) => ({ targets: [target], healthPath: "/health", healthIntervalMillis: 50 });
  const free = createServer().listen(0, HOME);
  await once(free, "listening");
  port = (free.address() as AddressInfo).port;
  free.close();
  await once(free, "close");
  service = await openName(
    {
      hostname: "app.example.com",
      regions: {
        home: { hostname: "a.app.example.com", address: HOME, fleet: fleet(await home.open()) },
        recovery: { hostname: "b.app.example.com", address: RECOVERY, fleet: fleet(await recovery.open()) },
      },
      ...{ primary: "home", secondary: "recovery", port, nameServer: "127.0.0.1:0", ttlSeconds: 0 },
      ...{
        activePath: "/active",
        probeIntervalMillis: 100,
        probeFailures: 3,
        probers: 4,
        propagationMillis: 50,
      },
      ...change,
    },
    teller(),
  );
}

/** Users, until the test ends. */
function use(): void {
  const around = {
    database: { user: "", password: "", name: "", authority: "" },
    arrivals: new Arrivals(),
    emit: teller(),
    stopping: stopping.signal,
  };
  const pace = { connections: 1, intervalMillis: 10, timeoutMillis: 1000 };
  void request(
    { ...pace, hostname: "app.example.com", port, nameServer: service?.nameServer as string },
    around,
  );
}

const names = () => events.filter((event): event is NameEvent => event.kind === "name");
const requests = () => events.filter((event): event is RequestEvent => event.kind === "request");

// Other systems have only one loopback address.
test.runIf(process.platform === "linux")("requests follow the region that is active", async () => {
  await open();
  use();
  await vi.waitFor(() => expect(names().at(-1)).toMatchObject({ settled: true, leadsTo: "home" }), PATIENCE);
  await vi.waitFor(
    () => expect(requests().at(-1)).toMatchObject({ target: `${HOME}:${port}`, status: 200 }),
    PATIENCE,
  );
  expect(names().at(-1)?.healthy).toEqual({ home: true, recovery: false });
  home.active = false;
  recovery.active = true;
  await vi.waitFor(() => expect(requests().at(-1)?.target).toBe(`${RECOVERY}:${port}`), PATIENCE);
  await vi.waitFor(
    () =>
      expect(names().at(-1)).toMatchObject({ leadsTo: "recovery", healthy: { home: false, recovery: true } }),
    PATIENCE,
  );
  // No request failed: both regions serve users while names move.
  expect(requests().filter(({ status }) => status >= 300 || status === 0)).toEqual([]);
  expect(requests().every(({ name }) => name === "app.example.com")).toBe(true);
});

test.runIf(process.platform === "linux")(
  "a server that is gone is the load balancer's error, and the name leaves it",
  async () => {
    await open();
    use();
    recovery.active = true;
    await vi.waitFor(() => expect(requests().at(-1)?.target).toBe(`${HOME}:${port}`), PATIENCE);
    home.close();
    await vi.waitFor(() => expect(requests().at(-1)?.status).toBe(502), PATIENCE);
    await vi.waitFor(
      () => expect(requests().at(-1)).toMatchObject({ target: `${RECOVERY}:${port}`, status: 200 }),
      PATIENCE,
    );
  },
);

test.runIf(process.platform === "linux")(
  "while neither is active the name leads to the primary",
  async () => {
    home.active = false;
    await open();
    await vi.waitFor(
      () => expect(names().at(-1)).toMatchObject({ settled: true, healthy: { home: false } }),
      PATIENCE,
    );
    expect(names().at(-1)?.leadsTo).toBe("home");
  },
);
