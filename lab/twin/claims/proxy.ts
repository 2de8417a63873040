/** DynamoDB as one region's machines see it: the one table, which can be slow, fail or have too much to do. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../common/errors.js";
import type { ClaimFaults } from "./faults.js";
import type { ClaimStore } from "./store.js";

/** The kernel's limit for a socket's path, its end included. */
const SOCKET_PATH_BYTES = 108;

interface Answer {
  readonly status: number;
  readonly headers?: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type RequestFaults = Pick<ClaimFaults, "delayMillis" | "failShare" | "throttleShare">;

export class ClaimsProxy {
  /** Takes the place of what was set before. */
  faults: RequestFaults = {};
  /** Requests that arrived since the start. */
  requests = 0;

  private constructor(
    private readonly server: Server,
    private readonly store: ClaimStore,
  ) {}

  /**
   * Listens on a socket of the host.
   * @throws UserError when the kernel takes no path of that length.
   */
  static async start(socket: string, store: ClaimStore): Promise<ClaimsProxy> {
    const bytes = Buffer.byteLength(socket);
    if (bytes >= SOCKET_PATH_BYTES) {
      throw new UserError(
        `the path of a socket would have ${bytes} bytes: ${socket}`,
        `The kernel takes ${SOCKET_PATH_BYTES - 1}.`,
        "set DR_TWIN_DIR to a folder with a shorter path",
      );
    }
    const server = createServer();
    // A connection that ends here just as the next request sets out would look like an outage.
    server.keepAliveTimeout = 0;
    const self = new ClaimsProxy(server, store);
    server.on("request", (incoming, outgoing) => {
      self.requests++;
      // The client hung up, or the table's server did: it hears nothing more.
      self.serve(incoming, outgoing).catch(() => outgoing.destroy());
    });
    server.listen(socket);
    await once(server, "listening");
    return self;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { delayMillis = 0, failShare = 0, throttleShare = 0 } = this.faults;
    if (delayMillis > 0) await sleep(delayMillis);
    const { status, headers, body: text } = await this.answer(incoming, body, failShare, throttleShare);
    const id = headers?.["x-amzn-requestid"];
    outgoing.writeHead(status, {
      "content-type": "application/x-amz-json-1.0",
      ...(id && { "x-amzn-requestid": id }),
    });
    outgoing.end(text);
  }

  private async answer(
    incoming: IncomingMessage,
    body: Buffer,
    failShare: number,
    throttleShare: number,
  ): Promise<Answer> {
    if (Math.random() < throttleShare) return THROTTLED;
    const fails = Math.random() < failShare;
    if (fails && Math.random() < 0.5) return FAILED;
    const answer = await this.ask(incoming.headers, body);
    return fails ? FAILED : answer;
  }

  /**
   * The emulator keeps a copy per region and takes the region from what the caller signed for. So that both regions
   * see one copy, that is rewritten; the emulator doesn't check signatures of its root user.
   */
  private async ask(headers: IncomingHttpHeaders, body: Buffer): Promise<Answer> {
    const authorization = (headers.authorization ?? "").replace(
      /(Credential=[^/]+\/\d+\/)[^/]+\//,
      `$1${this.store.region}/`,
    );
    const kept = Object.fromEntries(
      PASSED_ON.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])),
    );
    const outgoing = request(this.store.endpoint, {
      // The emulator closes idle connections, and might do so just as the next request sets out.
      agent: false,
      method: "POST",
      headers: { ...kept, authorization, "content-length": body.length },
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await bodyOf(incoming) };
  }
}

const PASSED_ON = ["content-type", "x-amz-target", "x-amz-date", "x-amz-security-token"] as const;

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const failure = (status: number, name: string, message: string): Answer => ({
  status,
  body: Buffer.from(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message })),
});

const FAILED = failure(
  500,
  "InternalServerError",
  "The request processing has failed because of an unknown error.",
);
const THROTTLED = failure(400, "ThrottlingException", "Rate of requests exceeds the allowed throughput.");
