/** etcd v3 through its JSON gateway: the calls that the guard needs, with one deadline per call. */
import { Agent, request } from "node:https";
import { limitRequest } from "./clock.js";
import { secureContextOf, type TlsFiles } from "./tls.js";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly lease: string;
}

export type Compare = { readonly key: string } & (
  | { readonly value: string }
  | { readonly create: string }
  | { readonly mod: string }
  | { readonly lease: string }
);

export type Operation =
  /** @property after returns only keys that have changed since this revision; only the count reveals deleted keys */
  | { readonly range: string; readonly prefix?: boolean; readonly after?: string }
  | { readonly put: string; readonly value: string; readonly lease?: string }
  | { readonly delete: string };

export interface Outcome {
  readonly succeeded: boolean;
  readonly revision: string;
  /** Revisions of different clusters can't be compared; a rebuilt cluster counts as another one. */
  readonly cluster: string;
  /** For each operation of the branch taken, the keys that it found. */
  readonly ranges: readonly (readonly KeyValue[])[];
  /** How many keys each of these ranges contains, including those that `after` leaves out. */
  readonly counts: readonly number[];
}

export interface EtcdOptions {
  /** Tried in turn, beginning with the last one that answered. The first is the nearest. */
  readonly endpoints: readonly string[];
  readonly timeoutMillis: number;
  /** Certificate files. Plain HTTP is never used. */
  readonly tls: TlsFiles;
}

export class Etcd {
  private readonly agent: Agent;
  private preferred = 0;

  constructor(private readonly options: EtcdOptions) {
    this.agent = new Agent({ keepAlive: true, maxSockets: 4, secureContext: secureContextOf(options.tls) });
  }

  /** One transaction. @throws Error when no endpoint answers in time; etcd may have carried it out nevertheless. */
  async transact(
    compare: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ) {
    const answer = await this.call("/v3/kv/txn", {
      compare: compare.map(encodeCompare),
      success: success.map(encodeOperation),
      failure: failure.map(encodeOperation),
    });
    return decodeOutcome(answer);
  }

  /** @returns the lease's id. */
  async grant(seconds: number): Promise<string> {
    const answer = await this.call("/v3/lease/grant", { TTL: String(seconds) });
    return String(answer.ID);
  }

  /** Whole seconds left; undefined when the lease has ended. */
  async timeToLive(lease: string): Promise<number | undefined> {
    const answer = await this.call("/v3/lease/timetolive", { ID: lease });
    const seconds = Number(answer.TTL ?? 0);
    return seconds > 0 ? seconds : undefined;
  }

  /** Idempotent: a lease that has ended counts as revoked. */
  async revoke(lease: string): Promise<void> {
    try {
      await this.call("/v3/lease/revoke", { ID: lease });
    } catch (error) {
      if (!/lease not found/.test(String(error))) throw error;
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private async call(path: string, body: unknown): Promise<Record<string, unknown>> {
    const deadline = performance.now() + this.options.timeoutMillis;
    const { endpoints } = this.options;
    let failure: unknown = new Error("no etcd endpoint");
    for (let tried = 0; tried < endpoints.length; tried++) {
      const left = deadline - performance.now();
      if (left < 5) break;
      const endpoint = endpoints[this.preferred] as string;
      try {
        return await this.post(new URL(path, endpoint), JSON.stringify(body), left);
      } catch (error) {
        if (error instanceof Refusal) throw error;
        failure = error;
        this.preferred = (this.preferred + 1) % endpoints.length;
      }
    }
    throw failure;
  }

  private post(url: URL, body: string, millis: number): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        {
          method: "POST",
          agent: this.agent,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            try {
              const answer = JSON.parse(text) as Record<string, unknown>;
              if (incoming.statusCode === 200) resolve(answer);
              else reject(problem(url, incoming.statusCode, answer));
            } catch {
              reject(new Error(`etcd ${url.host}: ${incoming.statusCode} ${text.slice(0, 200)}`));
            }
          });
        },
      );
      limitRequest(outgoing, millis);
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}

/** An error that any other endpoint would return as well. */
class Refusal extends Error {}

/** Another endpoint may succeed after gRPC code 4 (deadline), 13 (internal) or 14 (unavailable: no leader, leader changed). */
function problem(url: URL, status: number | undefined, answer: Record<string, unknown>): Error {
  const text = `etcd ${url.host}${url.pathname}: ${status} ${String(answer.error ?? answer.message)}`;
  return [4, 13, 14].includes(Number(answer.code)) ? new Error(text) : new Refusal(text);
}

const encode = (text: string): string => Buffer.from(text).toString("base64");
const decode = (text: unknown): string => Buffer.from(String(text ?? ""), "base64").toString();

/** The end of the range of keys with this prefix. */
function prefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) + 1;
  return bytes.toString("base64");
}

function encodeCompare(compare: Compare) {
  const key = encode(compare.key);
  if ("value" in compare) return { key, target: "VALUE", result: "EQUAL", value: encode(compare.value) };
  if ("create" in compare) return { key, target: "CREATE", result: "EQUAL", create_revision: compare.create };
  if ("mod" in compare) return { key, target: "MOD", result: "EQUAL", mod_revision: compare.mod };
  return { key, target: "LEASE", result: "EQUAL", lease: compare.lease };
}

function encodeOperation(operation: Operation) {
  if ("put" in operation) {
    return {
      request_put: {
        key: encode(operation.put),
        value: encode(operation.value),
        ...(operation.lease && { lease: operation.lease }),
      },
    };
  }
  if ("delete" in operation) return { request_delete_range: { key: encode(operation.delete) } };
  return {
    request_range: {
      key: encode(operation.range),
      ...(operation.prefix && { range_end: prefixEnd(operation.range) }),
      ...(operation.after && { min_mod_revision: String(BigInt(operation.after) + 1n) }),
    },
  };
}

/** The gateway omits fields with default values: false, 0, empty. */
function decodeOutcome(answer: Record<string, unknown>): Outcome {
  const responses = (answer.responses ?? []) as {
    response_range?: { kvs?: Record<string, unknown>[]; count?: unknown };
  }[];
  const header = answer.header as { revision?: unknown; cluster_id?: unknown };
  return {
    succeeded: answer.succeeded === true,
    revision: String(header.revision),
    cluster: String(header.cluster_id),
    ranges: responses.map((response) =>
      (response.response_range?.kvs ?? []).map((kv) => ({
        key: decode(kv.key),
        value: decode(kv.value),
        create_revision: String(kv.create_revision ?? "0"),
        mod_revision: String(kv.mod_revision ?? "0"),
        lease: String(kv.lease ?? "0"),
      })),
    ),
    counts: responses.map(({ response_range: range }) => Number(range?.count ?? 0)),
  };
}
