/** How a first cluster begins, with no vault and no PostgreSQL: empty, from the vault's backups, or not at all. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BeginNode, beginCluster } from "../../nodes/bin/verbs/begin-cluster.js";

const ORDER = JSON.stringify({ orderedAt: "2026-03-01T12:00:00.000Z", to: "latest" });
const BACKUP = {
  "20260228-010000F": { type: "path", size: 0, time: 0 },
  "backup.info": { type: "file", size: 1, time: 0 },
};
/** As pgBackRest's stanza-create leaves it. */
const EMPTY = { "backup.info": { type: "file", size: 1, time: 0 } };

let folder: string;
let ran: string[][];
let touched: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "begin-"));
  ran = [];
  touched = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Listed = Awaited<ReturnType<BeginNode["repository"]["listing"]>>;

function node(listed: Readonly<Record<string, Listed | Error>>, order?: string): BeginNode {
  return {
    folder,
    repository: {
      stanzas: () => ["shop-home", "shop-recovery"],
      async listing(stanza, path) {
        expect(path).toBe(`backup/${stanza}`);
        const found = listed[stanza] ?? {};
        if (found instanceof Error) throw found;
        return found;
      },
      place: () => ({ bucket: "vault", path: "/eu-west-1" }),
    },
    async fetch(bucket, key) {
      expect(`${bucket}/${key}`).toBe("vault/eu-west-1/begin.json");
      return order;
    },
    async run(argv) {
      ran.push([...argv]);
      if (argv[0] !== "dr-restore") return;
      const into = argv[2] as string;
      expect(existsSync(into), "dr-restore needs an empty folder").toBe(false);
      mkdirSync(`${into}/pg_wal/archive_status`, { recursive: true });
      for (const name of ["PG_VERSION", "patroni.dynamic.json", "pg_wal/00000004.history"])
        writeFileSync(`${into}/${name}`, "");
      writeFileSync(argv[6] as string, JSON.stringify({ code: 0, error: null, seconds: {}, timeline: 4 }));
    },
    control: async () => "000000040000000000000009",
    async touch(paths) {
      touched.push(...paths);
    },
  };
}

describe("a first cluster", () => {
  test("begins empty in an empty vault, and in one that has a stanza and no backup", async () => {
    for (const listed of [{}, { "shop-home": EMPTY }] as Readonly<Record<string, Listed>>[])
      expect(await beginCluster([], node(listed))).toBe(0);
    expect(ran.map(([program]) => program)).toEqual([
      "/usr/lib/postgresql/15/bin/initdb",
      "/usr/lib/postgresql/15/bin/initdb",
    ]);
    expect(ran[0]).toContain("--data-checksums");
  });

  test.each([["shop-home"], ["shop-recovery"]])(
    "never begins empty beside backups of %s, whether pgBackRest's list is there or hidden",
    async (stanza) => {
      const { "backup.info": _, ...hidden } = BACKUP;
      for (const found of [BACKUP, hidden])
        await expect(beginCluster([], node({ [stanza]: found }))).rejects.toThrow(
          `s3://vault has backups (1 of ${stanza}), and no cluster begins beside them: there is no order in s3://vault/eu-west-1/begin.json`,
        );
      expect(ran).toEqual([]);
    },
  );

  test("begins nowhere while the vault doesn't answer", async () => {
    await expect(beginCluster([], node({ "shop-recovery": new Error("no answer") }, ORDER))).rejects.toThrow(
      "no answer",
    );
    expect(ran).toEqual([]);
  });

  test.each(["{}", "no JSON", JSON.stringify({ orderedAt: "x", to: "latest --set=evil" })])(
    "takes %j for no order",
    async (text) => {
      await expect(beginCluster([], node({ "shop-home": BACKUP }, text))).rejects.toThrow("is no order");
      expect(ran).toEqual([]);
    },
  );

  test("an order without backups changes nothing: the cluster begins empty", async () => {
    await beginCluster([], node({}, ORDER));
    expect(ran[0]?.[0]).toMatch(/initdb$/);
  });

  test("begins from the backups as ordered, after an attempt that was killed too", async () => {
    mkdirSync(`${folder}/data.restoring`);
    writeFileSync(`${folder}/data.restoring/left`, "");
    await beginCluster(
      ["--scope=shop-home", `--datadir=${folder}/data`],
      node({ "shop-recovery": BACKUP }, ORDER),
    );
    expect(ran).toEqual([
      [
        "dr-restore",
        "--into",
        `${folder}/data.restoring`,
        "--to",
        "latest",
        "--report",
        `${folder}/begun.json`,
      ],
    ]);
    // Without the lost deployment's configuration of Patroni.
    expect(readdirSync(`${folder}/data`)).toEqual(["PG_VERSION", "pg_wal"]);
    // A later restore needs the new timeline's history.
    expect(touched).toEqual([`${folder}/data.restoring/pg_wal/archive_status/00000004.history.ready`]);
  });
});
