/** What dr-check-vault tells where the vault doesn't answer, and how a program that hangs is ended. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bucketStatements } from "../../components/access/bucket-policies.js";
import { vaultExpiry } from "../../components/vault-expiry.js";
import { archived, unarchivedSeconds } from "../../nodes/bin/verbs/archiver.js";
import { tellAge } from "../../nodes/bin/verbs/check-vault.js";
import { TimedOut } from "../../nodes/bin/verbs/commands.js";
import { flawsOfSettings, type VaultSettings } from "../../nodes/bin/verbs/flaws.js";
import { linesOf } from "../../nodes/bin/verbs/gauges.js";
import { openHoles } from "../../nodes/bin/verbs/holes.js";
import { Look } from "../../nodes/bin/verbs/look.js";
import { type Backup, Repository, RepositoryFailed } from "../../nodes/bin/verbs/repository.js";
import { flawsOfBothVaults } from "../../nodes/bin/verbs/vault-settings.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "check-vault-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LAST = "000000010000000000000005";

describe("the age of what the vault lacks", () => {
  const NOW = 10_000;
  const age = (isBehind: boolean, isWaiting: boolean, archivedAt: number) => {
    mkdirSync(`${dir}/pg_wal`, { recursive: true });
    writeFileSync(`${dir}/pg_wal/${LAST}`, "");
    utimesSync(`${dir}/pg_wal/${LAST}`, archivedAt, archivedAt);
    return unarchivedSeconds(dir, { last: LAST, isBehind, isWaiting }, 60, NOW);
  };

  test("none when all is archived", () => expect(age(false, false, NOW - 500)).toBe(0));

  test("since the newest archived segment was complete, while others wait", () =>
    expect(age(true, true, NOW - 500)).toBe(500));

  test("no more than the archive timeout while none waits: a database at rest ends no segment", () => {
    expect(age(true, false, NOW - 500)).toBe(60);
    expect(age(true, false, NOW - 20)).toBe(20);
  });

  test("PostgreSQL says what is archived, and the folder beside the log what waits", async () => {
    mkdirSync(`${dir}/pg_wal/archive_status`, { recursive: true });
    writeFileSync(`${dir}/pg_wal/archive_status/000000010000000000000006.ready`, "");
    age(true, true, NOW - 500);
    expect(await archived(dir, 60, NOW, async () => [LAST, "t"])).toEqual({ last: LAST, ageSeconds: 500 });
    expect(await archived(dir, 60, NOW, async () => [LAST, "f"])).toEqual({ last: LAST, ageSeconds: 0 });
  });
});

test("after one timeout the check doesn't query the vault again, and still publishes the gauges that don't need it", async () => {
  const look = new Look();
  const asked: string[] = [];
  await look.vault("refused", async () => {
    throw new RepositoryFailed("info", 50, "ERROR: [050]: refused");
  });
  await look.vault("hung", async () => {
    asked.push("hang");
    throw new TimedOut("pgbackrest", 20_000);
  });
  await look.vault("next", async () => asked.push("next"));
  await look.part("etcd", () => asked.push("etcd"));
  expect(asked).toEqual(["hang", "etcd"]);
  expect(look.failed).toEqual([
    "refused: pgbackrest info failed with exit code 50: refused",
    expect.stringMatching(/^hung: .*timed out after 20 seconds/),
  ]);
});

test("pgBackRest's errors become one line, without its line breaks", () => {
  const words =
    "P00   INFO: begin\nP00  ERROR: [103]: unable to find a valid repository:\n            repo1: hidden\nP00   INFO: end\n";
  expect(new RepositoryFailed("info", 103, words).message).toBe(
    "pgbackrest info failed with exit code 103: unable to find a valid repository: repo1: hidden",
  );
  expect(new RepositoryFailed("info", 1, "a\nlast words\n").message).toBe(
    "pgbackrest info failed with exit code 1: last words",
  );
});

test.each([
  ["the leader", "f", [{ UnarchivedWalSeconds: 90 }]],
  ["a replica", "t", []],
])(
  "while a look waits, %s tells the age of what the vault lacks, or nothing",
  async (_, recovering, told) => {
    const said: unknown[] = [];
    await tellAge(dir, 60, {
      ask: async () => [recovering],
      archived: async () => ({ last: LAST, ageSeconds: 90 }),
      publish: async (values) => void said.push(values),
    });
    expect(said).toEqual(told);
  },
);

test("gauges as StatsD takes them: none below 0, and none that isn't known", () =>
  expect(linesOf({ BackupAgeHours: 1.23456, RestoreTestSeconds: null, DumpAgeHours: -1 })).toBe(
    "BackupAgeHours:1.235|g\nDumpAgeHours:0.000|g",
  ));

test("a hole keeps the time at which it was first noticed; those that a later full backup made up for are listed separately", async () => {
  const written: unknown[] = [];
  const store = {
    get: async () => ({ "000000010000000000000003": 500 }),
    put: async (_: string, value: unknown) => void written.push(value),
  };
  const backup = {
    type: "full",
    archive: { start: "000000010000000000000008" },
    timestamp: { start: 800 },
  } as Backup;
  const absent = ["000000010000000000000003", "000000010000000000000005"];
  expect(await openHoles({ absent, backups: [backup] }, store, 900)).toEqual({
    open: ["000000010000000000000005"],
    behind: ["000000010000000000000003"],
  });
  expect(written).toEqual([{ "000000010000000000000003": 500, "000000010000000000000005": 900 }]);
  await openHoles({ absent: ["000000010000000000000003"], backups: [] }, store, 901);
  expect(written).toHaveLength(1);
});

test("a program that hangs is ended with all that it has started", async () => {
  // As a wrapper does: it waits for a child, which a signal to it alone would leave.
  const program = `${dir}/pgbackrest`;
  writeFileSync(program, `#!/bin/sh\nsleep 300 & echo $! > ${dir}/pid\nwait\n`);
  chmodSync(program, 0o755);
  const begun = performance.now();
  const repository = new Repository(([_, ...args]) => [program, ...args]);
  await expect(repository.command(["info"], { timeoutMillis: 1000 })).rejects.toThrow(TimedOut);
  expect(performance.now() - begun).toBeLessThan(5000);
  const pid = readFileSync(`${dir}/pid`, "utf8").trim();
  // Gone, or a zombie where nothing asks for its exit code.
  const stat = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
  expect(existsSync(`/proc/${pid}`) ? stat() : "Z").toBe("Z");
});

test("stanzas and the repository's place, by what pgbackrest.conf says", () => {
  writeFileSync(
    `${dir}/conf`,
    "[global]\nrepo1-s3-bucket=vault\nrepo1-path=/eu-west-1\n\n[own]\npg1-path=/d\n\n[global:archive-get]\nx=1\n\n[other]\nrepo1-path=/eu-central-1\n",
  );
  const repository = new Repository(undefined, `${dir}/conf`);
  expect(repository.stanzas()).toEqual(["own", "other"]);
  expect(repository.place()).toEqual({ bucket: "vault", path: "/eu-west-1" });
});

describe("a vault's settings", () => {
  const HOME = "drs-vault-123456789012-eu-west-1";
  const RECOVERY = "drs-vault-123456789012-eu-central-1";
  const KEY = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1";
  const place = { region: "eu-west-1", bucket: HOME, otherRegion: "eu-central-1", otherBucket: RECOVERY };
  const declared: VaultSettings = {
    publicAccess: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    policy: { Statement: bucketStatements(HOME, KEY) },
    // As S3 writes what stack `global` declares.
    lifecycle: vaultExpiry(
      { id: "home", repositoryPath: "/eu-west-1" },
      { id: "recovery", repositoryPath: "/eu-central-1" },
      35,
    ).map(({ id, status, filter, expiration, noncurrentVersionExpiration }: any) => ({
      ID: id,
      Status: status,
      Filter: filter.and ? { And: { Prefix: filter.and.prefix } } : { Prefix: filter.prefix ?? "" },
      ...(expiration && { Expiration: { Days: expiration.days } }),
      ...(noncurrentVersionExpiration && {
        NoncurrentVersionExpiration: { NoncurrentDays: noncurrentVersionExpiration.noncurrentDays },
      }),
    })),
    replication: [
      {
        Status: "Enabled",
        Destination: { Bucket: `arn:aws:s3:::${RECOVERY}` },
        DeleteMarkerReplication: { Status: "Disabled" },
      },
    ],
    encryption: { algorithm: "aws:kms", key: KEY },
    keyState: "Enabled",
  };
  const [copies] = declared.replication as [any];
  const policy = (Statement: any[]) => ({ policy: { Statement } });
  const rule = (more: object) => ({ lifecycle: [{ ID: "x", Status: "Enabled", ...more }] });

  test("as declared have no flaw, and neither has a storage without such settings", () => {
    expect(flawsOfSettings(place, 30, declared)).toEqual([]);
    expect(flawsOfSettings(place, 30, {})).toEqual([]);
  });

  test.each<[string, VaultSettings]>([
    [`${HOME} doesn't block all public access`, { publicAccess: null }],
    [
      `${HOME} doesn't block all public access`,
      { publicAccess: { ...declared.publicAccess, RestrictPublicBuckets: false } },
    ],
    [`the policy of ${HOME} lacks DenyOtherKeys`, policy(bucketStatements(HOME, KEY).slice(0, 3))],
    [
      `the policy of ${HOME} allows somebody something`,
      policy([...bucketStatements(HOME, KEY), { Sid: "Reader", Effect: "Allow" }]),
    ],
    [
      `the policy of ${HOME} and its encryption name different keys`,
      policy(bucketStatements(HOME, "arn:aws:kms:eu-west-1:999999999999:key/1")),
    ],
    [`${HOME} doesn't encrypt under its key (AES256)`, { encryption: { algorithm: "AES256" } }],
    [`${HOME} encrypts under another key than its own`, { keyState: "denied" }],
    [`the key of ${HOME} is PendingDeletion`, { keyState: "PendingDeletion" }],
    [`the key of ${HOME} is Disabled`, { keyState: "Disabled" }],
    [`${HOME} doesn't copy to ${RECOVERY}`, { replication: null }],
    [`${HOME} doesn't copy to ${RECOVERY}`, { replication: [{ ...copies, Status: "Disabled" }] }],
    [
      `${HOME} doesn't copy to ${RECOVERY}`,
      { replication: [{ ...copies, DeleteMarkerReplication: { Status: "Enabled" } }] },
    ],
    [`${HOME} has no lifecycle`, { lifecycle: null }],
    [`rule x of ${HOME} removes backups by age`, rule({ Expiration: { Days: 99 }, Filter: { Prefix: "" } })],
    [
      `rule x of ${HOME} removes backups by age`,
      rule({ Expiration: { Days: 99 }, Filter: { Prefix: "eu-west-1/backup/" } }),
    ],
    [
      `rule x of ${HOME} removes objects before their lock ends`,
      rule({ NoncurrentVersionExpiration: { NoncurrentDays: 1 } }),
    ],
  ])("%s", (flaw, changed) => {
    expect(flawsOfSettings(place, 30, { ...declared, ...changed })).toContain(flaw);
  });

  const kept = () => {
    const values: Record<string, unknown> = {};
    return {
      get: async (name: string) => values[name],
      put: async (name: string, value: unknown) => {
        values[name] = value;
      },
    };
  };
  const regions = (...reached: string[]) => ({
    own: "eu-west-1",
    peer: "eu-central-1",
    endpoints: reached.map((region) => ({ region, url: "" })),
  });
  const tampered = { ...declared, replication: null };

  test("a region's check covers the other region's vault and its lock: a cold region has no node to do it", async () => {
    const machine = {
      settingsOf: async (bucket: string) => (bucket === RECOVERY ? tampered : declared),
      flawsOfBucket: async (bucket: string) => [`${bucket} is unlocked`],
    };
    const found = await flawsOfBothVaults(HOME, regions("eu-west-1", "eu-central-1"), 30, kept(), 0, machine);
    expect(found).toContain(`${RECOVERY} doesn't copy to ${HOME}`);
    expect(found).toContain(`${RECOVERY} is unlocked`);
    expect(found).not.toContain(`${HOME} is unlocked`);
  });

  test("are read once in ten minutes, also when the other region doesn't answer, and there without a route not at all", async () => {
    const asked: string[] = [];
    const machine = {
      settingsOf: async (bucket: string) => {
        asked.push(bucket);
        if (bucket === RECOVERY) throw new Error("no answer");
        return tampered;
      },
      flawsOfBucket: async () => [],
    };
    const store = kept();
    const both = regions("eu-west-1", "eu-central-1");
    const look = (now: number, reached = both) => flawsOfBothVaults(HOME, reached, 30, store, now, machine);
    await expect(look(1000)).rejects.toThrow("no answer");
    expect(await look(1500)).toEqual([`${HOME} doesn't copy to ${RECOVERY}`]);
    expect(asked).toEqual([HOME, RECOVERY]);
    await look(1700, regions("eu-west-1"));
    expect(asked).toEqual([HOME, RECOVERY, HOME]);
  });
});

describe("the AWS hook that reads a vault's settings", () => {
  /** An `aws` that answers as told, by call. */
  const hook = (answers: Record<string, string>) => {
    const cases = Object.entries(answers).map(([call, answer]) => `  ${call}) ${answer} ;;`);
    writeFileSync(
      `${dir}/aws`,
      `#!/bin/bash\ncase $2 in\n${cases.join("\n")}\n  *) echo "no answer for $2" >&2; exit 3 ;;\nesac\n`,
    );
    chmodSync(`${dir}/aws`, 0o755);
    return JSON.parse(
      execFileSync("nodes/platform/aws/dr-vault-settings", ["s3://drs-vault-123456789012-eu-west-1"], {
        env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  };
  const error = (code: string) => `echo "An error occurred (${code}) when calling it" >&2; exit 254`;
  const answers = {
    "get-public-access-block": `echo '{"BlockPublicAcls": true}'`,
    "get-bucket-policy": `echo '"{\\"Statement\\": []}"'`,
    "get-bucket-lifecycle-configuration": `echo '[{"ID": "x"}]'`,
    "get-bucket-replication": `echo '[]'`,
    "get-bucket-encryption": `echo '{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:key"}'`,
    "describe-key": "echo Enabled",
  };

  test("prints each of them", () =>
    expect(hook(answers)).toEqual({
      publicAccess: { BlockPublicAcls: true },
      policy: { Statement: [] },
      lifecycle: [{ ID: "x" }],
      replication: [],
      encryption: { algorithm: "aws:kms", key: "arn:key" },
      keyState: "Enabled",
    }));

  test("prints null for what is gone, and says that another key is denied", () => {
    expect(
      hook({
        "get-public-access-block": error("NoSuchPublicAccessBlockConfiguration"),
        "get-bucket-policy": error("NoSuchBucketPolicy"),
        "get-bucket-lifecycle-configuration": error("NoSuchLifecycleConfiguration"),
        "get-bucket-replication": error("ReplicationConfigurationNotFoundError"),
        "get-bucket-encryption": error("ServerSideEncryptionConfigurationNotFoundError"),
      }),
    ).toEqual({
      publicAccess: null,
      policy: null,
      lifecycle: null,
      replication: null,
      encryption: null,
      keyState: null,
    });
    expect(hook({ ...answers, "describe-key": error("AccessDeniedException") }).keyState).toBe("denied");
  });

  test("fails when S3 doesn't answer: that is no flaw", () =>
    expect(() => hook({ ...answers, "get-bucket-policy": error("SlowDown") })).toThrow());
});
