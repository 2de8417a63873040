/**
 * The owner of a database plants traps in it, and every job of the platform runs over them, on real servers from the machines'
 * own image: no trap may run with more than the owner's rights.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Progress } from "../../../common/progress.js";
import { ensureImage } from "../../../lab/twin/image.js";
import { bundle } from "../../../nodes/image/payload.js";
import { clusterConfig } from "../../../nodes/render/cluster-config.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { inside } from "./support/inside.js";

const FOLDER = "tests/lab/twin/support/sessions";
const LIMIT_MILLIS = 900_000;

interface Rights {
  readonly job: "rights";
  readonly database: string;
  readonly public: string;
  readonly carried: readonly string[];
  readonly left: readonly string[] | null;
  readonly may: boolean;
  readonly schemas: boolean;
}

interface Outcome {
  readonly job: string;
  readonly code: number;
  readonly supers: string;
  readonly said: string;
  readonly errors: string;
  readonly sprung: readonly string[];
  readonly harmless: readonly string[];
  readonly failures: readonly string[];
}

const settings = parseSharedSettings("global", BASE_SETTINGS);
const config = clusterConfig(settings, contractOf(settings, "123456789012"), "home");
/** What the platform lets in over a socket. */
const local = config.patroni.postgresql.pg_hba.filter((line) => line.startsWith("local "));

const script = (text: string, path: string) => ({
  path,
  mode: "0755" as const,
  content: `#!/bin/bash\n${text}\n`,
});
const HOOKS = [
  script(
    `echo '${JSON.stringify({ databases: [{ name: "app", owner: "app", secret: "s" }] })}'`,
    "/usr/local/sbin/dr-get-parameter",
  ),
  script(`echo '{"password": "secret"}'`, "/usr/local/sbin/dr-get-secret"),
  script(
    `file=/tmp/vault/\${2#s3://}; mkdir -p "$(dirname "$file")"; cp "$1" "$file"`,
    "/usr/local/sbin/dr-put-artifact",
  ),
  script(`cp "/tmp/vault/\${1#s3://}" "$2"`, "/usr/local/sbin/dr-get-artifact"),
  // Lists a repository's objects; anything else succeeds.
  script(
    `[[ $* == *repo-ls* ]] || exit 0
    cd /tmp/vault/bucket/one/dump && find . -name done.json | sed 's,^./,,' | jq -Rn '[inputs | {(.): {type: "file"}}] | add'`,
    "/usr/bin/pgbackrest",
  ),
];

let outcomes: (Outcome | Rights)[];
let output: string;
const found = (job: string): Outcome | Rights => {
  const outcome = outcomes.find((each) => each.job === job);
  if (!outcome) throw new Error(`no job ${job} in:\n${output}`);
  return outcome;
};
const of = (job: string) => found(job) as Outcome;

beforeAll(async () => {
  const read = (name: string) => readFile(join(FOLDER, name), "utf8");
  const file = (path: string, content: string) => ({ path, mode: "0644" as const, content });
  const image = await ensureImage(new Progress());
  const result = await inside(
    image,
    [
      ...HOOKS,
      file("/etc/dr/node.env", "DR_CLUSTER_PARAMETER=/p\nDR_STANZA=one\n"),
      file("/etc/pgbackrest.conf", "[global]\nrepo1-s3-bucket=bucket\nrepo1-path=/one\n[one]\npg1-path=/x\n"),
      file("/test/live.conf", `${local.join("\n")}\nlocal all app trust\nlocal replication postgres peer\n`),
      file("/test/restored.conf", `${local.join("\n")}\n`),
      file("/test/jobs.cjs", await bundle(`${FOLDER}/jobs.ts`)),
      ...(await Promise.all(
        ["traps.sql", "refused.sql", "stops.sql", "checks.py", "run.sh"].map(async (name) =>
          file(`/test/${name}`, await read(name)),
        ),
      )),
    ],
    "bash /test/run.sh",
    [],
    LIMIT_MILLIS,
  );
  output = result.output;
  outcomes = output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Outcome | Rights);
}, LIMIT_MILLIS + 300_000);

const JOBS = [
  "reconcile",
  "slots",
  "decode",
  "log",
  "dump",
  "restore-dump",
  "inspect",
  "checks",
  "amcheck",
  "existing",
  "count",
  "carry",
  "carry-aside",
  "cut-over",
  "slots-stopped",
  "dump-stopped",
  "carry-stopped",
  "reconcile-again",
];

describe.each(JOBS)("%s over a planted database", (job) => {
  test("springs no trap", () => {
    expect(of(job).sprung).toEqual([]);
    expect(of(job).supers).toBe("");
  });

  test("succeeds", () => {
    const { code, errors, failures } = of(job);
    expect(code, `${errors}\n${failures.join("\n")}`).toBe(0);
  });
});

describe("the traps", () => {
  test("make their owner a superuser where a superuser's session is like any other", () => {
    const { sprung, supers } = of("control");
    expect(supers).toBe("app");
    expect(sprung).toEqual(
      ["aggregate count", "constant in an index", "index's predicate", "statistics"].map(
        (trap) => `${trap} as postgres (postgres)`,
      ),
    );
  });

  test("run as their owner, where they must run", () => {
    const ran = (...jobs: string[]) =>
      [...new Set(jobs.flatMap((job) => of(job).harmless))]
        .map((line) => line.replace(/ as app$/, ""))
        .sort();
    expect(ran("restore-dump", "carry")).toEqual(
      expect.arrayContaining(["cast", "domain's check", "generated column", "table's check"]),
    );
    expect(ran("checks")).toEqual(expect.arrayContaining(["aggregate count", "row security policy", "view"]));
    expect(ran("amcheck")).toEqual(expect.arrayContaining(["index's expression", "index's predicate"]));
  });

  test("that PostgreSQL itself refuses to an owner", async () => {
    const text = await readFile(join(FOLDER, "refused.sql"), "utf8");
    expect(of("refused").said).toBe(`${text.split("\n").filter((line) => /^[A-Z]/.test(line)).length}`);
  });
});

test("what the jobs report is right, whatever the owner has put in the place of the catalog's functions", () => {
  const said = (job: string) => JSON.parse(of(job).said) as unknown;
  expect(said("slots")).toEqual({ uncovered: [] });
  expect(said("decode")).toEqual({ changes: 1 });
  expect(said("count")).toBe(42);
  expect(said("existing")).toEqual(["public.carried"]);
  expect(said("carry")).toEqual([{ table: "public.carried", as: "public.carried", rows: 42 }]);
  expect(said("carry-aside")).toEqual([{ table: "public.secured", as: "restored_x.secured", rows: 7 }]);
  const { tables, checks } = said("inspect") as {
    tables: { table: string; rows: number }[];
    checks: object[];
  };
  expect(tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows])).toEqual(
    expect.arrayContaining([
      ["public.carried", 42],
      ["public.secured", 7],
      ["public.parent", 3],
      ["public.operators", 1],
    ]),
  );
  expect(checks).toEqual([
    { name: "view", expected: "42", answer: "42" },
    { name: "policies", expected: "7", answer: "7" },
  ]);
});

test("the platform owns the database, the application its schema and its tables, and no login of a job is left", () => {
  expect(found("rights")).toMatchObject({
    database: "postgres",
    public: "app",
    left: null,
    may: true,
    schemas: false,
  });
  const { carried } = found("rights") as Rights;
  expect(carried.every((line) => line.endsWith(" of app"))).toBe(true);
  expect(carried).toContain("public.carried of app");
});
