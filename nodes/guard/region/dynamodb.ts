/** DynamoDB's signed JSON protocol for one region. Only what the guard needs, so that its loop waits for nothing else. */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import aws4 from "aws4";
import { limitRequest } from "../shared/clock.js";
import type { Credentials } from "./credentials.js";

export type Attribute = { readonly S: string } | { readonly N: string };
export type Item = Readonly<Record<string, Attribute>>;

/** An answer of DynamoDB with a status other than 200. */
export class DynamoError extends Error {
  constructor(
    /** E.g. `ConditionalCheckFailedException`. */
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

export class Dynamo {
  private readonly agent;
  private readonly url: URL;

  /** @param endpoint https, except for a stand-in on the same machine */
  constructor(
    private readonly region: string,
    endpoint: string,
    private readonly credentials: { get(): Promise<Credentials> },
  ) {
    this.url = new URL(endpoint);
    const options = { keepAlive: true, maxSockets: 8 };
    this.agent = this.url.protocol === "http:" ? new HttpAgent(options) : new HttpsAgent(options);
  }

  /** @throws DynamoError with DynamoDB's message, or Error when DynamoDB doesn't answer in time. */
  async call<T>(operation: string, input: object, timeoutMillis: number): Promise<T> {
    const deadline = performance.now() + timeoutMillis;
    const signed = aws4.sign(
      {
        service: "dynamodb",
        region: this.region,
        host: this.url.host,
        method: "POST",
        path: "/",
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "x-amz-target": `DynamoDB_20120810.${operation}`,
        },
        body: JSON.stringify(input),
      },
      await this.credentials.get(),
    );
    const left = deadline - performance.now();
    const { status, body } = await this.post(
      signed.headers as Record<string, string>,
      String(signed.body),
      left,
    );
    const answer = parse(body);
    if (status === 200 && answer) return answer as T;
    const type =
      String(answer?.__type ?? "")
        .split("#")
        .at(-1) || `HTTP ${status}`;
    throw new DynamoError(
      type,
      `DynamoDB in ${this.region}, ${operation}: ${type} ${String(answer?.message ?? "")}`,
    );
  }

  close(): void {
    this.agent.destroy();
  }

  private post(headers: Record<string, string>, body: string, millis: number) {
    return new Promise<{ status: number; body: string }>((resolve, reject) => {
      const failed = (error: Error) => reject(new Error(`DynamoDB in ${this.region}: ${error.message}`));
      const request = this.url.protocol === "http:" ? httpRequest : httpsRequest;
      const outgoing = request(this.url, { method: "POST", agent: this.agent, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", failed);
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      });
      limitRequest(outgoing, Math.max(millis, 1));
      outgoing.on("error", failed);
      outgoing.end(body);
    });
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
