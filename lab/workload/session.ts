/** One session to PostgreSQL that gives up in time, and that tells a proof of commit from anything less. */
import pg from "pg";
import type { WorkloadConfig } from "./config.js";
import type { WriteResult } from "./events.js";

/** For TLS, password and first question. HAProxy gives up on a dead server in half of it; a busy machine needs some. */
const CONNECT_MILLIS = 2000;

export interface Outcome {
  readonly result: WriteResult;
  /** First row, values as text. */
  readonly row?: readonly (string | null)[];
  readonly error?: string;
  /** Whether the session can go on. */
  readonly usable: boolean;
}

export class Session {
  private warnings: string[] = [];
  private broken: string | undefined;

  private constructor(
    private readonly client: pg.Client,
    /** The server's own address, not HAProxy's. */
    readonly node: string,
    /** Who is logged in. */
    readonly user: string,
  ) {
    // Without a listener an error of an idle session would end the process.
    client.on("error", (error) => {
      this.broken ??= describe(error);
    });
    client.on("end", () => {
      this.broken ??= "the server closed the session";
    });
    client.on("notice", ({ severity, message }) => {
      if (severity === "WARNING") this.warnings.push(message ?? "warning");
    });
  }

  /** @param setup statements to run first, e.g. a `SET`. @throws Error when there is no session in time. */
  static async open(
    { user, password, name, authority }: WorkloadConfig["database"],
    host: string,
    port: number,
    setup = "",
  ): Promise<Session> {
    const client = new pg.Client({
      host,
      port,
      user,
      password,
      database: name,
      connectionTimeoutMillis: CONNECT_MILLIS,
      keepAlive: true,
      application_name: "drill",
      // sslmode verify-ca: through HAProxy the name is 127.0.0.1, whichever node answers.
      ssl: { ca: authority, rejectUnauthorized: true, checkServerIdentity: () => undefined },
    });
    const ignore = () => undefined;
    client.on("error", ignore);
    try {
      await client.connect();
      // A server can accept and then be silent: the first question has as long.
      const answer = await within(
        CONNECT_MILLIS,
        client.query({ text: `${setup}; SELECT host(inet_server_addr())`, rowMode: "array" }),
      );
      // Several statements give several results; the types know of one.
      const last = [answer].flat().at(-1);
      return new Session(client, String(last?.rows[0]?.[0]), user);
    } catch (error) {
      destroy(client);
      throw error;
    }
  }

  /**
   * Runs one statement without parameters, in its own transaction. In the simple protocol the server
   * says CommandComplete only after its commit. A warning with it (a cancelled wait for the synchronous
   * standby) means: committed here, perhaps nowhere else. That is no acknowledgement.
   */
  async execute(sql: string, timeoutMillis: number): Promise<Outcome> {
    if (this.broken) return { result: "refused", error: this.broken, usable: false };
    this.warnings = [];
    try {
      const { rows } = await within(
        timeoutMillis,
        this.client.query<(string | null)[]>({ text: sql, rowMode: "array", types: AS_TEXT }),
      );
      const warning = this.warnings[0];
      return warning
        ? { result: "unknown", error: warning, usable: true }
        : { result: "acknowledged", row: rows[0], usable: true };
    } catch (error) {
      const refused = error instanceof pg.DatabaseError && error.severity === "ERROR";
      if (!refused) this.close();
      // ERROR rolled the transaction back. FATAL can come after the commit; a lost connection tells nothing.
      return { result: refused ? "refused" : "unknown", error: describe(error), usable: refused };
    }
  }

  /** Whether clients have another login by now; between two statements, a session changes to it as a pool does. */
  isOutdated({ user }: Pick<WorkloadConfig["database"], "user">): boolean {
    return this.user !== user;
  }

  /** At once, without a farewell: the server may be gone, and `end()` would wait for it. */
  close(): void {
    this.broken ??= "closed";
    destroy(this.client);
  }
}

const AS_TEXT = { getTypeParser: () => (value: string | Buffer) => value } as unknown as pg.CustomTypesConfig;

function destroy(client: pg.Client): void {
  // Not in the types: `end()` alone waits for the server.
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

async function within<T>(millis: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${millis} ms`)), millis);
  });
  // When the session is given up the query fails too, and no caller waits for it any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: string }).code;
  const text = error.message || error.name;
  return code && !text.includes(code) ? `${text} (${code})` : text;
}
