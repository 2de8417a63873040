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
const STARTED_MILLIS = 300_000;

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

const script = (text: string, path: string) => ({ path, mode: "0755" as const, content: `#!/bin/bash\n${text}\n` });
const HOOKS = [
  script(`echo '${JSON.stringify({ databases: [{ name: "app", owner: "app", secret: "s" }] })}'`, "/usr/local/sbin/dr-get-parameter"),
  script(`echo '{"password": "secret"}'`, "/usr/local/sbin/dr-get-secret"),
  script('file=/tmp/vault/${2#s3://}; mkdir -p "$(dirname "$file")"; cp "$1" "$file"', "/usr/local/sbin/dr-put-artifact"),
  script('cp "/tmp/vault/${1#s3://}" "$2"', "/usr/local/sbin/dr-get-artifact"),
  // Lists a repository's objects; anything else succeeds.
  script(
    `[[ $* == *repo-ls* ]] || exit 0
    cd /tmp/vault/bucket/one/dump && find . -name done.json | sed 's,^./,,' | jq -Rn '[inputs | {(.): {type: "file"}}] | add'`,
    "/usr/bin/pgbackrest",
  ),
];

let outcomes: Outcome[];
let output: string;
const of = (job: string): Outcome => {
  const found = outcomes.find((each) => each.job === job);
  if (!found) throw new Error(`no job ${job} in:\n${output}`);
  return found;
};

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
        ["traps.sql", "refused.sql", "stops.sql", "checks.py", "run.sh"].map(async (name) => file(`/test/${name}`, await read(name))),
      )),
    ],
    "bash /test/run.sh",
    [],
    STARTED_MILLIS,
  );
  output = result.output;
  (await import("node:fs")).writeFileSync("/tmp/sql-outcomes.txt", output);
  outcomes = output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Outcome);
}, 600_000);

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
    expect({ code, errors, failures: code === 0 ? [] : failures }).toEqual({ code: 0, errors: expect.any(String), failures: [] });
  });
});
