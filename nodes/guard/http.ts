/** The guard's HTTPS port: health for load balancers, status for people, and the switchover request. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { TLSSocket } from "node:tls";
import type { Guard } from "./leader/guard.js";
import type { Patroni } from "./leader/patroni.js";
import { switchover } from "./leader/switchover.js";
import type { Region } from "./region/region.js";
import { log } from "./shared/log.js";
import { guardStatus } from "./status.js";

export function serve(guard: Guard, patroni: Patroni, region: Region): Server {
  const { authority, certificate, key } = guard.config.tls;
  let moving = false;
  const server = createServer(
    {
      ca: readFileSync(authority),
      cert: readFileSync(certificate),
      key: readFileSync(key),
      // Load balancers have no certificate; only a request that changes something needs one.
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const route = `${request.method} ${request.url?.split("?")[0]}`;
      if (route === "GET /dr/active" || route === "HEAD /dr/active" || route === "OPTIONS /dr/active") {
        answer(response, guard.isActive ? 200 : 503, { active: guard.isActive });
      } else if (route === "GET /status") {
        answer(response, 200, guardStatus(guard, region));
      } else if (route === "POST /switchover") {
        if (!mayChange(request)) {
          answer(response, 403, {
            error: "this request needs a client certificate signed by the cluster's authority",
          });
        } else if (moving) {
          answer(response, 409, { error: "a switchover is already in progress" });
        } else {
          candidateOf(request)
            .then(async (candidate) => {
              // Only now: a request whose body never ends must not block others.
              if (moving) throw new Error("a switchover is already in progress");
              moving = true;
              return await switchover(guard, patroni, candidate).finally(() => {
                moving = false;
              });
            })
            .then(
              (done) => answer(response, 200, done),
              (error: Error) => answer(response, 409, { error: error.message }),
            );
        }
      } else {
        answer(response, 404, { error: `unknown request: ${route}` });
      }
    },
  );
  server.on("error", (error) => log("http-failed", { error: String(error) }));
  server.listen(guard.config.ports.guard);
  return server;
}

/** From the node itself, or with a certificate that the authority signed. */
function mayChange({ socket }: IncomingMessage): boolean {
  const { remoteAddress = "" } = socket;
  return (socket as TLSSocket).authorized || ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(remoteAddress);
}

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
