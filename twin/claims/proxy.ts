/** DynamoDB as one region's machines see it: the one table, behind a road that can be slow, broken or closed. */
import { createServer, request, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Weather {
  /** Silence: requests are taken and never answered, those under way too. */
  readonly cut?: boolean;
  /** Added to each request. */
  readonly delayMillis?: number;
  /** Of requests that fail with a server's error, 0 to 1. Half of them have been carried out. */
  readonly failShare?: number;
}

export interface ProxyOptions {
  /** Path of the socket to listen on. */
  readonly socket: string;
  /** Of the emulator. */
  readonly endpoint: string;
  /** The region whose copy of the table is the true one: the emulator keeps one per region. */
  readonly region: string;
}

export class ClaimsProxy {
  private weather: Weather = {};
  /** Requests that were seen since the start. */
  requests = 0;

  private constructor(
    private readonly server: Server,
    private readonly options: ProxyOptions,
  ) {}

  static async start(options: ProxyOptions): Promise<ClaimsProxy> {
    const server = createServer();
    const self = new ClaimsProxy(server, options);
    server.on("request", (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        self.requests++;
        void self
          .answer(incoming.headers, Buffer.concat(chunks))
          .then((answer) => {
            if (!answer || self.weather.cut) return;
            outgoing.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" });
            outgoing.end(answer.body);
          })
          .catch((error: Error) => outgoing.writeHead(502).end(error.message));
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.socket, resolve);
    });
    return self;
  }

  /** Takes the place of what was set before; nothing set is fine weather. */
  set(weather: Weather): void {
    this.weather = weather;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async answer(headers: NodeJS.Dict<string | string[]>, body: Buffer) {
    const { cut, delayMillis = 0, failShare = 0 } = this.weather;
    if (cut) return undefined;
    if (delayMillis > 0) await sleep(delayMillis);
    const fails = Math.random() < failShare;
    if (fails && Math.random() < 0.5) return FAILURE;
    const answer = await this.ask(headers, body);
    return fails ? FAILURE : answer;
  }

  private ask(
    headers: NodeJS.Dict<string | string[]>,
    body: Buffer,
  ): Promise<{ status: number; body: Buffer }> {
    const authorization = String(headers.authorization ?? "").replace(
      /(Credential=[^/]+\/\d+\/)[^/]+\//,
      `$1${this.options.region}/`,
    );
    const passed = ["content-type", "x-amz-target", "x-amz-date", "x-amz-security-token"];
    const kept = Object.fromEntries(passed.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])));
    return new Promise((resolve, reject) => {
      const outgoing = request(
        this.options.endpoint,
        { method: "POST", headers: { ...kept, authorization, "content-length": body.length } },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () =>
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }),
          );
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}

const FAILURE = {
  status: 500,
  body: Buffer.from(
    JSON.stringify({
      __type: "com.amazonaws.dynamodb.v20120810#InternalServerError",
      message: "The request processing has failed because of an unknown error.",
    }),
  ),
};
