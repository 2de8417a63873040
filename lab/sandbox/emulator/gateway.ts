/**
 * A reverse proxy in front of the emulator that knows each call's region, writes it down, and can take a
 * region away. It shows which regions a command needs, and what it does when one is gone.
 *
 * The region is the one that the caller signed for (the credential scope of Signature Version 4); a client
 * can't reach another region with it, neither here nor on AWS. IAM and Route 53 count as us-east-1, which
 * is where their control planes are. Requests without a signature belong to no region: they pass, uncounted.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Call {
  /** Region that the call was signed for. */
  readonly region: string;
  /** Service that the call was signed for, such as `ec2`. */
  readonly service: string;
  /** The operation's name where the protocol says it (`RunInstances`), else method and path. */
  readonly action: string;
  /** The region was out of reach: the call never arrived. */
  readonly denied: boolean;
}

export interface GatewayOptions {
  /** Endpoint of the emulator. */
  readonly target: string;
  /** Regions that are out of reach from the start. */
  readonly denied: Iterable<string>;
}

export interface Gateway {
  /** What clients take for the emulator. */
  readonly endpoint: string;
  /** Every call so far, oldest first. Empty it to restart the count. */
  readonly calls: Call[];
  /** Takes a region away: from now on its connections are reset, as by a region that is gone. */
  deny(region: string): void;
  allow(region: string): void;
  close(): Promise<void>;
}

/** Starts the gateway on a free port of the loopback. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const target = new URL(options.target);
  const denied = new Set(options.denied);
  const calls: Call[] = [];

  const server = createServer(async (incoming, answer) => {
    const scope = scopeOf(incoming);
    const gone = scope !== undefined && denied.has(scope.region);
    try {
      const body = await bodyOf(incoming);
      if (scope) calls.push({ ...scope, action: actionOf(incoming, body), denied: gone });
      if (gone) incoming.socket.destroy();
      else forward(target, incoming, body, answer);
    } catch {
      // The client hung up.
      answer.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    deny: (region) => void denied.add(region),
    allow: (region) => void denied.delete(region),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Region and service of `Credential=<key>/<date>/<region>/<service>/aws4_request`, in the header or the query. */
function scopeOf({ headers, url }: IncomingMessage): { region: string; service: string } | undefined {
  const credential =
    /Credential=([^,\s]+)/.exec(headers.authorization ?? "")?.[1] ??
    new URL(url ?? "/", "http://gateway").searchParams.get("X-Amz-Credential");
  const [, , region, service, end] = credential?.split("/") ?? [];
  return region && service && end === "aws4_request" ? { region, service } : undefined;
}

function actionOf({ headers, method, url = "/" }: IncomingMessage, body: Buffer): string {
  const { pathname, searchParams } = new URL(url, "http://gateway");
  const target = headers["x-amz-target"];
  if (typeof target === "string") return target.split(".").at(-1) as string;
  const form = headers["content-type"]?.startsWith("application/x-www-form-urlencoded")
    ? new URLSearchParams(body.toString()).get("Action")
    : undefined;
  return form ?? searchParams.get("Action") ?? `${method} ${pathname}`;
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The host header goes along unchanged: the signature covers it. */
function forward(target: URL, incoming: IncomingMessage, body: Buffer, answer: ServerResponse): void {
  const { method, url: path, headers } = incoming;
  const outgoing = request(
    { host: target.hostname, port: target.port, method, path, headers },
    (response) => {
      answer.writeHead(response.statusCode as number, response.rawHeaders);
      response.pipe(answer);
      response.once("error", () => answer.destroy());
    },
  );
  // The emulator died: no answer is what the client gets, too.
  outgoing.once("error", () => answer.destroy());
  outgoing.end(body);
}
