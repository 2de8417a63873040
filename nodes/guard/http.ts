/**
 * The guard's two doors. The HTTPS port answers every client that reaches it (health for load balancers, status for people)
 * and takes no orders. Orders come over a Unix socket that only root of this machine can open.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import { dirname } from "node:path";
import { log } from "./shared/log.js";
import type { TlsFiles } from "./shared/tls.js";

/** Node's HTTP and HTTPS servers alike. */
export type Door = NetServer & { closeAllConnections(): void };

/** At a time. A health check needs one, and a source of many would leave none for the others. */
export const CONNECTIONS_PER_SOURCE = 32;
/** A client that sends nothing must not keep its connection. */
const REQUEST_MILLIS = 10_000;

export interface StatusDoor {
  readonly tls: TlsFiles;
  readonly port: number;
  isActive(): boolean;
  status(): unknown;
}

export function serveStatus({ tls, port, isActive, status }: StatusDoor): Door {
  const server = createServer(
    {
      cert: readFileSync(tls.certificate),
      key: readFileSync(tls.key),
      handshakeTimeout: REQUEST_MILLIS,
      headersTimeout: REQUEST_MILLIS,
      requestTimeout: REQUEST_MILLIS,
    },
    (request, response) => {
      const route = routeOf(request);
      if (route === "GET /dr/active" || route === "HEAD /dr/active" || route === "OPTIONS /dr/active") {
        const active = isActive();
        answer(response, active ? 200 : 503, { active });
      } else if (route === "GET /status") {
        answer(response, 200, status());
      } else {
        answer(response, 404, { error: `unknown request: ${route}` });
      }
    },
  );
  limitSources(server, CONNECTIONS_PER_SOURCE);
  server.on("error", (error) => log("http-failed", { error: String(error) }));
  return server.listen(port);
}

/**
 * @param socket its folder, which is the guard's own, lets only root in
 * @param order answers 409 with the error's message when it fails
 */
export function serveOrders(
  socket: string,
  order: (candidate: string | undefined) => Promise<unknown>,
): Door {
  let moving = false;
  const server = createPlainServer((request, response) => {
    const route = routeOf(request);
    if (route !== "POST /switchover") {
      answer(response, 404, { error: `unknown request: ${route}` });
      return;
    }
    candidateOf(request)
      .then(async (candidate) => {
        // Only now: a request whose body never ends must not block others.
        if (moving) throw new Error("a switchover is already in progress");
        moving = true;
        return await order(candidate).finally(() => {
          moving = false;
        });
      })
      .then(
        (done) => answer(response, 200, done),
        (error: Error) => answer(response, 409, { error: error.message }),
      );
  });
  server.on("error", (error) => log("orders-failed", { error: String(error) }));
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  chmodSync(dirname(socket), 0o700);
  // A killed guard leaves it.
  rmSync(socket, { force: true });
  return server.listen(socket);
}

/** Counts connections from before their handshake, which costs more than a request. */
function limitSources(server: NetServer, limit: number): void {
  const counts = new Map<string, number>();
  server.prependListener("connection", (socket: Socket) => {
    const source = socket.remoteAddress ?? "";
    const count = (counts.get(source) ?? 0) + 1;
    counts.set(source, count);
    socket.once("close", () => {
      const left = (counts.get(source) ?? 1) - 1;
      if (left > 0) counts.set(source, left);
      else counts.delete(source);
    });
    if (count > limit) socket.destroy();
  });
}

const routeOf = ({ method, url }: IncomingMessage): string => `${method} ${url?.split("?")[0]}`;

async function candidateOf(request: IncomingMessage): Promise<string | undefined> {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 4096) throw new Error("the request body is too long");
  }
  const { candidate } = JSON.parse(body || "{}") as { candidate?: unknown };
  if (candidate !== undefined && typeof candidate !== "string")
    throw new Error("candidate must be a node's name");
  return candidate;
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
