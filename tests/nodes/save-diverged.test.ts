/** Where two logs part, and what is saved of the changes after it. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { controlOf } from "../../nodes/bin/verbs/control.js";
import { type Change, writeChanges } from "../../nodes/bin/verbs/decode.js";
import { parting as partingOf } from "../../nodes/bin/verbs/divergence.js";
import { linesOf } from "../../nodes/bin/verbs/lines.js";
import { upload } from "../../nodes/bin/verbs/save-diverged.js";
import { Saved } from "../../nodes/bin/verbs/saved.js";
import { switchesOf } from "../../nodes/guard/leader/timelines.js";
import type { GuardConfig } from "../../nodes/guard/shared/config.js";
import { lsnOf, lsnText } from "../../nodes/guard/shared/lsn.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "save-diverged-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("two logs part", () => {
  /** Histories as PostgreSQL has them, and each log's timeline. */
  function parting(own: string, timeline: number, theirs: string, theirTimeline: number): string | null {
    const found = partingOf(
      { history: switchesOf(own), timeline },
      { history: switchesOf(theirs), timeline: theirTimeline },
    );
    return found === undefined ? null : lsnText(found);
  }

  const UP_TO_3 = "1\t0/5000000\tno recovery target specified\n2\t1/A0\tno recovery target specified\n";

  test("where the other was promoted", () => {
    expect(parting("", 1, "1\t0/3000060\tno recovery target specified\n", 2)).toBe("0/3000060");
    expect(parting(UP_TO_3, 3, `${UP_TO_3}3\t1/B374D848\tbefore\n`, 4)).toBe("1/B374D848");
  });

  test("where this region had its own failover meanwhile, to a timeline of the same number", () => {
    expect(parting("1\t0/3000100\tmine\n", 2, "1\t0/3000060\ttheirs\n", 2)).toBe("0/3000060");
    expect(parting("1\t0/3000060\tmine\n", 2, "1\t0/3000100\ttheirs\n", 2)).toBe("0/3000060");
  });

  test("nowhere, where nothing tells them apart", () => {
    expect(parting(UP_TO_3, 3, UP_TO_3, 3)).toBeNull();
  });
});

describe("changes", () => {
  async function* all(changes: readonly Change[]): AsyncGenerator<Change> {
    yield* changes;
  }
  const transaction = (xid: number, end: string, ...rows: string[]): Change[] => [
    { lsn: "0/1", xid, data: `BEGIN ${xid}` },
    ...rows.map((row) => ({ lsn: "0/1", xid, data: `table public.t: INSERT: ${row}` })),
    { lsn: end, xid, data: `COMMIT ${xid}` },
  ];
  const CHANGES = [
    ...transaction(1, "0/300", "before"),
    ...transaction(2, "1/0", "after", "with\u2028a line\nbreak"),
    ...transaction(3, "1/100", "x".repeat(200)),
  ];
  const HEADER = { region: "r", divergedAt: "0/300" };

  test.each([16 * 1024 ** 2, 100])(
    "only those that end after the logs parted, under a header that counts them; %s bytes in memory",
    async (memoryBytes) => {
      const path = join(dir, "app.jsonl.gz");
      expect(await writeChanges(path, all(CHANGES), lsnOf("0/300"), HEADER, memoryBytes)).toEqual({
        rows: 3,
        transactions: 2,
      });
      const lines = gunzipSync(readFileSync(path)).toString().trimEnd().split("\n");
      const [header, ...changes] = lines.map((line) => JSON.parse(line));
      expect(header).toEqual({ header: { ...HEADER, rows: 3, transactions: 2 } });
      expect(changes).toEqual(CHANGES.slice(3));
      expect(readdirSync(dir)).toEqual(["app.jsonl.gz"]);
    },
  );

  test("all, where the other region doesn't say where it parted", async () => {
    const counts = await writeChanges(join(dir, "app.jsonl.gz"), all(CHANGES), undefined, HEADER);
    expect(counts).toEqual({ rows: 4, transactions: 3 });
  });

  test("a file that is not whole is not there", async () => {
    async function* broken(): AsyncGenerator<Change> {
      yield* CHANGES;
      throw new Error("the server went away");
    }
    const path = join(dir, "app.jsonl.gz");
    await expect(writeChanges(path, broken(), undefined, HEADER)).rejects.toThrow("the server went away");
    expect(existsSync(path)).toBe(false);
  });

  test("where there is no room it fails, and doesn't wait for ever", async () => {
    const path = join(dir, "no-such-folder", "app.jsonl.gz");
    const long = "x".repeat(1024 ** 2);
    async function* endless(): AsyncGenerator<Change> {
      for (let xid = 1; ; xid++) yield* transaction(xid, "2/0", `${xid}${long}`);
    }
    await expect(writeChanges(path, endless(), undefined, HEADER)).rejects.toThrow("ENOENT");
  });
});

test("lines end at line feeds only, wherever the stream is cut", async () => {
  const text = "a\u2028b\r\u2029\n\nüc\nend";
  const bytes = Buffer.from(text);
  for (const size of [1, 3, 100]) {
    async function* cut() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const lines: string[] = [];
    for await (const line of linesOf(cut())) lines.push(line);
    expect(lines).toEqual(text.split("\n"));
  }
});

describe("the record", () => {
  const config = { node: "n1", region: { own: "eu-west-1" } } as GuardConfig;

  test("is what the guard and the drills read, and is found again", () => {
    new Saved(config, 7, dir).write({ state: "saving" });
    expect(new Saved(config, 7, dir).isDone).toBe(false);
    new Saved(config, 7, dir).write({ state: "saved", files: ["f"], uploaded: false });
    const saved = new Saved(config, 7, dir);
    expect(saved.isDone).toBe(true);
    expect(saved.values).toEqual({
      ...{ epoch: 7, region: "eu-west-1", node: "n1", state: "saved", files: ["f"], uploaded: false },
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(readdirSync(dir)).toEqual(["eu-west-1-epoch7-n1.json"]);
  });

  test("one that can't be read counts for nothing", () => {
    writeFileSync(join(dir, "eu-west-1-epoch7-n1.json"), "{");
    expect(new Saved(config, 7, dir).isDone).toBe(false);
  });
});

describe("the upload", () => {
  const config = { node: "n1", region: { own: "eu-west-1" } } as GuardConfig;
  const PLACE = "s3://vault/diverged";
  const isUploaded = () => new Saved(config, 7, dir).values.uploaded;
  const unsent = () => {
    const saved = new Saved(config, 7, dir);
    saved.write({ state: "saved", files: ["a.gz", "b.gz"], uploaded: false });
    return saved;
  };

  test("puts the record last; only then this node's record says that the vault has all", async () => {
    const sent: string[] = [];
    const put = async (file: string, address: string) => {
      expect(isUploaded()).toBe(false);
      sent.push(address);
      if (address.endsWith(".json"))
        expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ state: "saved", uploaded: true });
      return true;
    };
    expect(await upload(unsent(), PLACE, put)).toBe(true);
    expect(sent).toEqual(["a.gz", "b.gz", "eu-west-1-epoch7-n1.json"].map((name) => `${PLACE}/${name}`));
    expect(isUploaded()).toBe(true);
    expect(readdirSync(dir)).toEqual(["eu-west-1-epoch7-n1.json"]);
  });

  test.each(["a.gz", "eu-west-1-epoch7-n1.json"])(
    "killed while it puts %s, this node's record still says that the vault lacks something",
    async (last) => {
      const put = async (_: string, address: string) => {
        if (address === `${PLACE}/${last}`) throw new Error("killed");
        return true;
      };
      await expect(upload(unsent(), PLACE, put)).rejects.toThrow("killed");
      expect(isUploaded()).toBe(false);
      expect(await upload(new Saved(config, 7, dir), PLACE, async () => true)).toBe(true);
      expect(isUploaded()).toBe(true);
    },
  );
});

describe("whether there are data that could be lost", () => {
  const answers =
    (code: number, stdout: string, stderr = "") =>
    async () => ({ code, stdout, stderr });
  const withData = () => {
    mkdirSync(join(dir, "global"));
    writeFileSync(join(dir, "global/pg_control"), "");
  };

  test("none, only where there is no control file", async () => {
    expect(await controlOf(dir, answers(1, ""))).toBeUndefined();
  });

  test("they are there: what pg_controldata says", async () => {
    withData();
    expect(await controlOf(dir, answers(0, "pg_control version number: 1300"))).toContain("1300");
  });

  test.each([
    ["it can't be run", answers(127, "", "setpriv: failed to execute pg_controldata")],
    ["it can't read them", answers(1, "", "could not open file: Permission denied")],
    ["it says nothing", answers(0, "")],
  ])("they are there, and %s: an error, never 'no data'", async (_, look) => {
    withData();
    await expect(controlOf(dir, look)).rejects.toThrow(/pg_controldata can't read/);
  });
});

test("a record that can't be read is an error; one that was cut short starts from the beginning", () => {
  const config = { node: "a", region: { own: "eu-west-1" } } as GuardConfig;
  const { path } = new Saved(config, 3, dir);
  writeFileSync(path, '{"state":');
  expect(new Saved(config, 3, dir).isDone).toBe(false);
  rmSync(path);
  mkdirSync(path);
  expect(() => new Saved(config, 3, dir)).toThrow(/EISDIR/);
});
