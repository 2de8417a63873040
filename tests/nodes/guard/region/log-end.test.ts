import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunningLog } from "../../../../nodes/guard/region/log-end.js";
import { NO_MARK } from "../../../../nodes/guard/region/region-facts.js";
import { monotonic } from "../../../../nodes/guard/shared/clock.js";
import type { Psql } from "../../../../nodes/guard/shared/postgres.js";

/** A server's answers, and the queries that it received. */
class Server {
  log: string[] | undefined = ["log", "f", "5000000000", "0000001A0000000100000000"];
  hasTable = true;
  marks: string[][] = [["mark", "3", "26"]];
  marking: string[][] = [["3", "26"]];
  fault: ((sql: string) => unknown) | undefined;
  readonly sessions: FakePsql[] = [];
  readonly open = () => {
    const session = new FakePsql(this);
    this.sessions.push(session);
    return session as unknown as Psql;
  };
  get asked(): string[] {
    return this.sessions.flatMap(({ asked }) => asked);
  }
}

class FakePsql {
  readonly asked: string[] = [];
  readonly modes: (string | undefined)[] = [];
  readonly limits: (number | undefined)[] = [];
  hasEnded = false;

  constructor(private readonly server: Server) {}

  async query(sql: string, timeoutMillis?: number, warnings?: string): Promise<string[][]> {
    if (this.hasEnded) throw new Error("psql ended");
    this.asked.push(sql);
    this.limits.push(timeoutMillis);
    this.modes.push(warnings);
    await this.server.fault?.(sql);
    if (sql.includes("INSERT")) return this.server.marking;
    if (sql.includes("FROM dr.mark") && !this.server.hasTable)
      throw new Error('ERROR:  relation "dr.mark" does not exist');
    return [
      ...(sql.includes("'log'") && this.server.log ? [this.server.log] : []),
      ...(sql.includes("to_regclass") ? [["table", this.server.hasTable ? "t" : "f"]] : []),
      ...(sql.includes("FROM dr.mark") ? this.server.marks : []),
    ];
  }

  close(): void {
    this.hasEnded = true;
  }
}

let server: Server;
let log: RunningLog;
beforeEach(() => {
  server = new Server();
  log = new RunningLog(server.open, () => true);
});
afterEach(() => log.close());

describe("the end of the log", () => {
  test("of a primary", async () => {
    const before = monotonic();
    const { startedAt, ...end } = await log.readEnd();
    expect(end).toEqual({
      isPrimary: true,
      timeline: 26,
      mark: { epoch: 3, timeline: 26 },
      lsn: 5_000_000_000,
    });
    expect(startedAt).toBeGreaterThanOrEqual(before);
  });

  test("of a standby, without its timeline", async () => {
    server.log = ["log", "t", "4000000000", "", "1764082279123", "t", "f", "f"];
    const { startedAt: _, ...end } = await log.readEnd();
    const replay = { wallMillis: 1_764_082_279_123, isStreaming: true, usesArchive: false, isWaiting: false };
    expect(end).toEqual({ isPrimary: false, mark: { epoch: 3, timeline: 26 }, lsn: 4_000_000_000, replay });
  });

  test("of a standby that has replayed no commit since its start", async () => {
    server.log = ["log", "t", "4000000000", "", "", "f", "t", "t"];
    expect((await log.readEnd()).replay).toEqual({ isStreaming: false, usesArchive: true, isWaiting: true });
  });

  test("counts from before the question", async () => {
    server.fault = () => new Promise((resolve) => setTimeout(resolve, 30));
    const { startedAt } = await log.readEnd();
    expect(monotonic() - startedAt).toBeGreaterThan(25);
  });

  test("has no mark where there is no table, or none in it", async () => {
    server.marks = [];
    expect((await log.readEnd()).mark).toEqual(NO_MARK);
    server.hasTable = false;
    log.close();
    expect((await log.readEnd()).mark).toEqual(NO_MARK);
  });

  test("is read before the mark: the mark wouldn't show the history of a position that is read later", async () => {
    await log.readEnd();
    await log.readEnd();
    const [first, , later] = server.asked as [string, string, string];
    expect(first).not.toContain("FROM dr.mark");
    expect(later.split(/;\s*/)).toEqual([
      expect.stringContaining("'log'"),
      expect.stringContaining("FROM dr.mark"),
    ]);
  });

  test("looks for the table until it is there, and no more then", async () => {
    server.hasTable = false;
    await log.readEnd();
    await log.readEnd();
    expect(server.asked.filter((sql) => sql.includes("to_regclass"))).toHaveLength(2);
    // An unknown table would be an error in the server's log.
    expect(server.asked.filter((sql) => sql.includes("FROM dr.mark"))).toEqual([]);
    server.hasTable = true;
    for (let i = 0; i < 5; i++) await log.readEnd();
    expect(server.asked.filter((sql) => sql.includes("to_regclass"))).toHaveLength(3);
    expect(server.sessions).toHaveLength(1);
  });

  test("looks for the table again once it was lost, as after a rewind", async () => {
    await log.readEnd();
    server.hasTable = false;
    await expect(log.readEnd()).rejects.toThrow("does not exist");
    expect((await log.readEnd()).mark).toEqual(NO_MARK);
  });

  test("pauses before another session after PostgreSQL refused one", async () => {
    server.fault = () => Promise.reject(new Error("the database system is shutting down"));
    await expect(log.readEnd()).rejects.toThrow("shutting down");
    server.sessions[0]?.close();
    server.fault = undefined;
    await expect(log.readEnd()).rejects.toThrow("has just refused");
    expect(server.sessions).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect((await log.readEnd()).mark).toEqual({ epoch: 3, timeline: 26 });
  });

  test("pauses for 300 ms", async () => {
    server.fault = () => Promise.reject(new Error("the database system is starting up"));
    await expect(log.readEnd()).rejects.toThrow("starting up");
    const refusedAt = monotonic();
    server.sessions[0]?.close();
    server.fault = undefined;
    while (
      await log.readEnd().then(
        () => false,
        () => true,
      )
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(monotonic() - refusedAt).toBeGreaterThan(280);
  });

  test("is read again at once in a session that is still there, and in another after one that had worked", async () => {
    server.fault = () => Promise.reject(new Error("made to fail"));
    await expect(log.readEnd()).rejects.toThrow("made to fail");
    server.fault = undefined;
    await log.readEnd();
    expect(server.sessions).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 320));
    server.fault = () => Promise.reject(new Error("made to fail"));
    await expect(log.readEnd()).rejects.toThrow("made to fail");
    server.sessions[0]?.close();
    server.fault = undefined;
    await log.readEnd();
    expect(server.sessions).toHaveLength(2);
  });

  test("opens no session while PostgreSQL is not listening, and keeps one that it has", async () => {
    let isUp = false;
    const other = new RunningLog(server.open, () => isUp);
    await expect(other.readEnd()).rejects.toThrow("not listening");
    expect(server.sessions).toEqual([]);
    isUp = true;
    await other.readEnd();
    isUp = false;
    await other.readEnd();
    expect(server.sessions).toHaveLength(1);
    other.close();
  });

  test("is waited for a second; PostgreSQL itself gives up after 800 ms", async () => {
    await log.readEnd();
    expect(new Set(server.sessions[0]?.limits)).toEqual(new Set([1000]));
    expect(server.asked[0]).toMatch(/^SET statement_timeout TO 800;/);
  });

  test("has a timeline of eight digits", async () => {
    server.log = ["log", "f", "1", "1000001A0000000100000000"];
    expect((await log.readEnd()).timeline).toBe(0x1000001a);
  });

  test("uses another psql when one has ended", async () => {
    server.hasTable = false;
    await log.readEnd();
    server.sessions[0]?.close();
    server.hasTable = true;
    expect((await log.readEnd()).mark).toEqual({ epoch: 3, timeline: 26 });
    expect(server.sessions).toHaveLength(2);
    // PostgreSQL gives up by itself: otherwise abandoned sessions would pile up.
    for (const { asked } of server.sessions) expect(asked[0]).toMatch(/^SET statement_timeout/);
    expect(server.asked.filter((sql) => sql.includes("SET"))).toHaveLength(2);
  });

  test.each<[string, string[] | undefined, string]>([
    ["nothing", undefined, "PostgreSQL reported no log position"],
    ["no position", ["log", "t", "", ""], "position is ''"],
    ["no timeline", ["log", "f", "1", ""], "file is ''"],
    ["no file's name", ["log", "f", "1", "0000001A"], "file is '0000001A'"],
    ["half a byte", ["log", "t", "1.5", ""], "position is '1.5'"],
    ["something else", ["log", "maybe", "1", ""], "pg_is_in_recovery() is 'maybe'"],
  ])("is not made up where PostgreSQL says %s", async (_, answer, message) => {
    server.log = answer;
    await expect(log.readEnd()).rejects.toThrow(message);
  });

  test("has a mark of two numbers", async () => {
    server.marks = [["mark", "3", ""]];
    await expect(log.readEnd()).rejects.toThrow("timeline is ''");
  });
});

describe("a mark", () => {
  const mark = { epoch: 3, timeline: 26 };
  const statements = () => (server.sessions[0]?.asked.at(-1) ?? "").split(/;\s*/);

  test("is written in one transaction that waits for standbys, even if the row exists", async () => {
    await log.markLog(mark);
    const sql = statements();
    const [begin, commit] = [sql.indexOf("BEGIN READ WRITE"), sql.indexOf("COMMIT")];
    expect(begin).toBeGreaterThanOrEqual(0);
    expect(commit).toBe(sql.length - 1);
    expect(sql.slice(begin, commit)).toEqual([
      "BEGIN READ WRITE",
      "SET LOCAL synchronous_commit TO on",
      expect.stringContaining("CREATE SCHEMA IF NOT EXISTS dr"),
      expect.stringContaining("CREATE TABLE IF NOT EXISTS dr.mark"),
      expect.stringMatching(/INSERT INTO dr.mark .* ON CONFLICT \(epoch, timeline\) DO UPDATE/s),
    ]);
  });

  test("fails on a warning: PostgreSQL says no more where a wait was cancelled", async () => {
    await log.markLog(mark);
    expect(server.sessions[0]?.modes).toEqual(["fail"]);
    // Or what was there already would be one.
    expect(statements()).toContain("SET client_min_messages TO warning");
  });

  test("gives up locks before its time is over, or sessions would queue behind one that waits", async () => {
    await log.markLog(mark);
    expect(statements()).toContain("SET lock_timeout TO 2500");
  });

  test("is written within 5 s, and waits half of that for locks", async () => {
    await log.markLog(mark);
    expect(server.sessions[0]?.limits).toEqual([5000]);
    expect(statements()).toContain("SET lock_timeout TO 2500");
  });

  test("may be the first of all", async () => {
    server.marking = [["1", "1"]];
    await log.markLog({ epoch: 1, timeline: 1 });
  });

  test.each([[["3", "27"]], [["4", "26"]]])("is not there where PostgreSQL returns %o", async (row) => {
    server.marking = [row];
    await expect(log.markLog(mark)).rejects.toThrow("the log is not on timeline 26");
  });

  test("is refused on another timeline", async () => {
    server.marking = [];
    await expect(log.markLog(mark)).rejects.toThrow("the log is not on timeline 26");
    expect(statements().join()).toContain("'0000001A'");
  });

  test("leaves no session behind, whatever comes of it, and doesn't keep readings waiting", async () => {
    let fail = (_: Error) => {};
    server.fault = (sql) =>
      sql.includes("INSERT")
        ? new Promise((_, reject) => {
            fail = reject;
          })
        : undefined;
    const marking = log.markLog(mark);
    await expect(log.markLog(mark)).rejects.toThrow("another mark is being written");
    expect((await log.readEnd()).isPrimary).toBe(true);
    fail(new Error("no answer"));
    await expect(marking).rejects.toThrow("no answer");
    expect(server.sessions.map(({ hasEnded }) => hasEnded)).toEqual([true, false]);
    server.fault = undefined;
    await log.markLog(mark);
  });

  test.each([
    { epoch: 0, timeline: 1 },
    { epoch: 1.5, timeline: 1 },
    { epoch: 1, timeline: -1 },
  ])("is no %o", async (wrong) => {
    await expect(log.markLog(wrong)).rejects.toThrow("is not a mark");
    expect(server.sessions).toEqual([]);
  });
});
