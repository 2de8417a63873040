/** Checks this region's vault as a restore would, and publishes the results for the alarms (components/alarms/metrics.ts). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { GuardConfig } from "../../guard/shared/config.js";
import { BACKUP_CONFIG_FILE, type BackupConfig } from "../../render/backup-config.js";
import { archived, askLive } from "./archiver.js";
import {
  type BackupResult,
  flawsOfBackups,
  flawsOfBucket,
  flawsOfLists,
  newestRestoreTest,
} from "./flaws.js";
import { publish } from "./gauges.js";
import { missingSegments, openHoles } from "./holes.js";
import { Look } from "./look.js";
import { guardConfig, readJson, variable } from "./node-config.js";
import { OwnPatroni, PatroniError } from "./own-patroni.js";
import { type Backup, Repository } from "./repository.js";
import { Store } from "./store.js";
import { flawsOfBothVaults } from "./vault-settings.js";
import { Usage } from "./verb.js";

const USAGE = `dr-check-vault           checks the vault once, on the region's leader; on other nodes it does nothing
dr-check-vault --watch   repeats the check, twice per archive timeout and at least twice a minute; its unit runs this
dr-check-vault --json    prints the results and their reasons

In the active region: the age of the oldest unarchived write, WAL missing between the oldest full backup and the newest
segment, the results of the last backup, verify and dump. In both regions: the age of the newest backup that is readable
here, the result of the last restore test, and whether the vaults of both regions are still as declared.
`;

const HOUR = 3600;
/** Gauges that don't need the vault must be sent each minute: if the first answer takes longer, this run sends no more requests. */
const ANSWER_MILLIS = 20_000;
/** After this time without a value CloudWatch's agent drops a gauge. */
const GAUGE_SECONDS = 60;
/** Most reasons of one kind. */
const MOST_REASONS = 5;
const LEADERS = ["leader", "standby_leader"];

interface Place {
  readonly config: GuardConfig;
  readonly settings: BackupConfig;
  readonly stanza: string;
  readonly repository: Repository;
  readonly store: Store;
  /** Seconds since 1970. */
  readonly now: number;
}

/** @returns the backups; undefined when listing them failed */
async function lookActive(look: Look, place: Place): Promise<readonly Backup[] | undefined> {
  const { config, settings, stanza, repository, store, now } = place;
  const { values, reasons } = look;
  const archive = await look.part("the archiver", () =>
    archived(config.dataDirectory, settings.archiveTimeoutSeconds, now),
  );
  values.UnarchivedWalSeconds = archive?.ageSeconds ?? null;
  await publish({ UnarchivedWalSeconds: values.UnarchivedWalSeconds });
  const lastOf = (kind: string) =>
    look.part("etcd", async () => (await store.get(`backup/${kind}`)) as BackupResult | undefined);
  const [result, verify, dump] = [await lastOf("result"), await lastOf("verify"), await lastOf("dump")];
  if (result) values.BackupFailed = result.error ? 1 : 0;
  if (result?.error) reasons.push(`backup: ${result.error}`);
  if (verify) values.VerifyFailed = verify.error ? 1 : 0;
  if (verify?.error) reasons.push(`verify: ${verify.error}`);
  if (settings.dumpDays === 0) values.DumpAgeHours = 0;
  else if (dump && !dump.error) values.DumpAgeHours = (now - dump.endedAt) / HOUR;
  // Nothing so far needed the vault.
  await publish(values);
  const backups = await look.vault("the list of backups", () =>
    repository.backups(stanza, { timeoutMillis: ANSWER_MILLIS }),
  );
  const newest = backups?.at(-1);
  if (newest) {
    const { timestamp, info } = newest;
    values.BackupAgeHours = (now - timestamp.stop) / HOUR;
    values.BackupSeconds = timestamp.stop - timestamp.start;
    values.BackupMebibytes = info.repository.delta / 1024 ** 2;
  }
  const absent = await look.vault("the archive", () =>
    missingSegments(repository, stanza, archive?.last ?? "", config.dataDirectory),
  );
  const holes = absent && (await look.part("the holes", () => openHoles(absent, store, now)));
  if (holes) {
    const { open, behind } = holes;
    values.MissingWalSegments = open.length;
    const some = (names: readonly string[]) => names.slice(0, MOST_REASONS);
    reasons.push(
      ...some(open).map((name) => `missing from the archive: ${name}`),
      ...some(behind).map(
        (name) => `missing from the archive, but a later full backup makes up for it: ${name}`,
      ),
    );
  }
  return backups;
}

/** The active region's newest backup that has been copied to this region. */
async function lookStandby(look: Look, { repository, now }: Place): Promise<void> {
  const stops: number[] = [];
  for (const stanza of repository.stanzas()) {
    const backups = await look.vault(`backups of ${stanza}`, () =>
      repository.backups(stanza, { timeoutMillis: ANSWER_MILLIS }),
    );
    stops.push(...(backups ?? []).map(({ timestamp }) => timestamp.stop));
  }
  if (stops.length > 0) look.values.BackupAgeHours = (now - Math.max(...stops)) / HOUR;
}

async function lookBoth(look: Look, place: Place, backups: readonly Backup[] | undefined): Promise<void> {
  const { settings, stanza, repository, store, now } = place;
  const { values, reasons } = look;
  const { bucket } = repository.place();
  const ofBucket = await look.vault("the bucket", () => flawsOfBucket(bucket, settings.lockDays));
  if (backups || ofBucket) {
    const flaws = [...(ofBucket ?? [])];
    if (backups) {
      flaws.push(...((await look.vault("the lists", () => flawsOfLists(repository, store, stanza))) ?? []));
      flaws.push(
        ...((await look.vault("the backups", () => flawsOfBackups(repository, stanza, backups))) ?? []),
      );
    }
    values.VaultTampered = flaws.length;
    reasons.push(...flaws);
  }
  if (settings.restoreTestHours === 0) {
    values.RestoreTestAgeHours = 0;
    return;
  }
  const test = await look.vault("restore tests", () => newestRestoreTest(repository, stanza));
  if (!test) return;
  values.RestoreTestFailed = test.passed ? 0 : 1;
  values.RestoreTestSeconds = test.restoreSeconds ?? null;
  values.RestoreTestRpoSeconds = test.rpoSeconds ?? null;
  if (test.passed) values.RestoreTestAgeHours = (now - test.endedAt) / HOUR;
}

/** Last, because the other region may not answer. */
async function lookAtSettings(
  look: Look,
  { config, settings, repository, store, now }: Place,
): Promise<void> {
  const { bucket } = repository.place();
  const flaws = await look.part("the vaults' settings", () =>
    flawsOfBothVaults(bucket, config.region, settings.lockDays, store, now),
  );
  if (!flaws) return;
  look.values.VaultTampered = (look.values.VaultTampered ?? 0) + flaws.length;
  look.reasons.push(...flaws);
}

const backupConfig = () => readJson(BACKUP_CONFIG_FILE) as BackupConfig;

/** Each check is a separate process, so that a crash ends only one check. */
async function watch(): Promise<never> {
  const { archiveTimeoutSeconds } = backupConfig();
  const { dataDirectory } = guardConfig();
  const pauseMillis = (Math.min(archiveTimeoutSeconds, GAUGE_SECONDS) / 2) * 1000;
  for (;;) {
    const looking = spawn(process.execPath, [process.argv[1] as string, "check-vault"], { stdio: "inherit" });
    const timer = setInterval(() => void tellAge(dataDirectory, archiveTimeoutSeconds), pauseMillis);
    await once(looking, "exit").finally(() => clearInterval(timer));
    await sleep(pauseMillis);
  }
}

/** What `tellAge` uses on a real machine. */
const MACHINE = { ask: askLive, archived, publish };

/** Publishes the archiver's age while a check waits for the vault, which may be the reason why nothing is archived. */
export async function tellAge(
  dataDirectory: string,
  archiveTimeoutSeconds: number,
  { ask, archived, publish }: typeof MACHINE = MACHINE,
): Promise<void> {
  const look = new Look();
  const [recovering] = (await look.part("the cluster", () => ask("SELECT pg_is_in_recovery()"))) ?? [];
  if (recovering !== "f") return;
  const found = await look.part("the archiver", () =>
    archived(dataDirectory, archiveTimeoutSeconds, Date.now() / 1000),
  );
  await publish({ UnarchivedWalSeconds: found?.ageSeconds ?? null });
}

async function lookOnce(config: GuardConfig, patroni: OwnPatroni): Promise<Look | undefined> {
  const members = await patroni.members();
  const role = members.find(({ name }) => name === config.node)?.role;
  if (role === undefined || !LEADERS.includes(role)) return undefined;
  const store = new Store(config);
  const place: Place = {
    config,
    settings: backupConfig(),
    stanza: variable("DR_STANZA"),
    repository: new Repository(),
    store,
    now: Date.now() / 1000,
  };
  const look = new Look();
  const backups = role === "leader" ? await lookActive(look, place) : undefined;
  if (role !== "leader") await lookStandby(look, place);
  await lookBoth(look, place, backups);
  await publish(look.values);
  await lookAtSettings(look, place);
  await publish(look.values);
  store.close();
  return look;
}

export async function checkVault(args: readonly string[]): Promise<number> {
  const [option, ...others] = args;
  if (others.length > 0 || !["--watch", "--json", undefined].includes(option)) throw new Usage(USAGE);
  try {
    if (option === "--watch") return await watch();
    const config = guardConfig();
    const patroni = new OwnPatroni(config);
    const look = await lookOnce(config, patroni).finally(() => patroni.close());
    if (!look) return 0;
    const { values, reasons, failed } = look;
    const lines =
      option === "--json"
        ? [JSON.stringify({ values, reasons, failed })]
        : [...reasons, ...failed.map((each) => `could not check: ${each}`)];
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return 0;
  } catch (error) {
    if (error instanceof PatroniError) {
      process.stdout.write(`Patroni doesn't answer: ${error.message}\n`);
      return 0;
    }
    throw new Error(`${(error as Error).message}; the next run tries again`);
  }
}
