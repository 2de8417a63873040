/** `dr bootstrap escrow`: seals what a restore needs without the account, verifies what was sealed, checks that it was. */
import { createHash } from "node:crypto";
import { open as openFile, readFile, stat } from "node:fs/promises";
import { checkAuthority } from "../authority/authority.js";
import { loadAuthority } from "../authority/folder.js";
import { trusts } from "../authority/trust.js";
import { anotherAccount, callersAccount } from "../common/account.js";
import { UserError } from "../common/errors.js";
import { type Contract, contractOf } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import { EscrowRegion } from "./aws.js";
import { contentsOf } from "./contents.js";
import { escrowState, recordOf } from "./record.js";
import { type Escrow, type EscrowContents, identitiesIn, open, recipientCount, seal } from "./sealed.js";

export interface EscrowArgs {
  readonly settings: SharedSettings;
  readonly report: (line: string) => void;
}

export interface SealArgs extends EscrowArgs {
  /** Public keys of those who are to open it. */
  readonly to: readonly string[];
  /** The new file. */
  readonly out: string;
  /** Folder of the nodes' authority. Default: the escrow has none. */
  readonly authority?: string;
  readonly project: EscrowContents["project"];
  /** Pulumi.yaml and the stack files, by name. */
  readonly files: EscrowContents["settings"];
}

/** @throws UserError for bad options, an authority that can't sign, another account, a file that exists. */
export async function sealEscrow(args: SealArgs): Promise<void> {
  const { settings, to, out, project, files, report } = args;
  const contract = await contractHere(settings);
  const authority = args.authority === undefined ? undefined : await loadAuthority(args.authority);
  if (authority) checkAuthority(authority);
  const { value: passphrase } = await eitherRegion(contract, (region) => region.passphrase());
  const bytes = await seal(contentsOf({ settings, contract, project, files, passphrase, authority }), to);
  await writeNew(out, bytes);
  await reread(out, bytes);
  const several = recipientCount(bytes);
  report(`${out}: sealed to ${several} recipient${several === 1 ? "" : "s"}, and read back`);
  if (!authority)
    report(
      "It has no certificate authority (--authority <folder>): after a restore without it, make a new one.",
    );
  if (!settings.backup.copyTo)
    report(
      "There is no third copy (backup.copyTo): if the account is gone, the escrow has no backups to open.",
    );
  report(
    `Keep it outside AWS, apart from the secret keys. Then: npx dr bootstrap escrow --verify ${out} --identity <file>`,
  );
}

const AGAIN = "fix the cause and run the command again; it repeats what is done";

export interface VerifyArgs extends EscrowArgs {
  /** The escrow, or a copy of it. */
  readonly file: string;
  /** File with a recipient's secret key. */
  readonly identity: string;
  readonly files: EscrowContents["settings"];
  /** Default: now. */
  readonly now?: Date;
}

/**
 * Opens the escrow, compares it with what is live, and records that in both regions.
 * @throws UserError when it doesn't open, isn't what is live, or a region can't be compared or recorded in.
 */
export async function verifyEscrow({
  settings,
  file,
  identity,
  files,
  report,
  ...rest
}: VerifyArgs): Promise<void> {
  const contract = await contractHere(settings);
  const escrow = await open(await readBytes(file), identitiesIn(await readSecret(identity)));
  if (escrow.places.accountId !== contract.accountId) {
    throw new UserError(
      `the escrow is account ${escrow.places.accountId}'s`,
      `The credentials are account ${contract.accountId}'s.`,
      "use the file or the credentials of the other account",
    );
  }
  if (escrow.authority) checkAuthority(escrow.authority);
  const now = rest.now ?? new Date();
  await inBoth(contract, "the escrow is not verified", AGAIN, async (region) => {
    const version = await compare(escrow, region);
    await region.record(recordOf(escrow, version, now));
    report(
      `${region.region}: the escrow has the live passphrase${escrow.authority ? " and the nodes' authority" : ""}; recorded`,
    );
  });
  const changed = changedFiles(escrow.settings, files);
  if (changed.length > 0)
    report(
      `Changed since it was sealed: ${changed.join(", ")}. Seal a new one when a restore needs the change.`,
    );
  if (!escrow.authority) report("It has no certificate authority: after a restore, make a new one.");
}

/** @throws UserError when the last verification isn't good enough in both regions. */
export async function checkEscrow({ settings, report }: EscrowArgs): Promise<void> {
  const contract = await contractHere(settings);
  const { escrowMaxDays } = settings.backup;
  await inBoth(
    contract,
    "the escrow can't be relied on",
    "seal one and verify it with a recipient's key: npx dr bootstrap escrow --help",
    async (region) => {
      const { wrong, verifiedAt } = escrowState(await region.facts(), Date.now(), escrowMaxDays);
      if (wrong !== null) throw new Error(wrong);
      report(`${region.region}: the escrow was verified on ${verifiedAt?.slice(0, 10)}`);
    },
  );
}

/** The contract with the account of the credentials, which must be the settings'. */
async function contractHere(settings: SharedSettings): Promise<Contract> {
  const { home, recovery } = settings.regions;
  // A region that is down must not keep an operator from sealing.
  const account = await callersAccount(home).catch(() => callersAccount(recovery));
  if (settings.accountId && account !== settings.accountId) throw anotherAccount(account, settings.accountId);
  return contractOf(settings, account);
}

async function eitherRegion<T>(contract: Contract, work: (region: EscrowRegion) => Promise<T>): Promise<T> {
  const [home, recovery] = regionsOf(contract);
  try {
    return await work(home).catch((error: Error) =>
      work(recovery).catch(() => {
        throw error;
      }),
    );
  } finally {
    home.close();
    recovery.close();
  }
}

/** Both, also when one fails. @throws UserError with every failure. */
async function inBoth(
  contract: Contract,
  what: string,
  remedy: string,
  work: (region: EscrowRegion) => Promise<void>,
): Promise<void> {
  const regions = regionsOf(contract);
  const results = await Promise.allSettled(
    regions.map((region) => work(region).finally(() => region.close())),
  );
  const failures = results.flatMap((result, i) =>
    result.status === "rejected" ? [{ region: regions[i]?.region, error: result.reason as Error }] : [],
  );
  const [first] = failures;
  if (!first) return;
  throw new UserError(
    `${what} in ${failures.length} of 2 regions`,
    failures.map(({ region, error }) => `${region}: ${error.message}`).join("\n  "),
    remedy,
  );
}

const regionsOf = (contract: Contract): [EscrowRegion, EscrowRegion] => [
  new EscrowRegion(contract.home.region, contract),
  new EscrowRegion(contract.recovery.region, contract),
];

/** @returns the version of the live passphrase. @throws UserError when the escrow isn't what is live. */
async function compare(escrow: Escrow, region: EscrowRegion): Promise<string> {
  const [live, published] = await Promise.all([region.passphrase(), region.authority()]);
  const outdated = (what: string) =>
    new UserError(
      `the escrow has another ${what} than ${region.region}`,
      "It was sealed before a change, or for another installation.",
      "seal a new one, destroy this one once no backup needs it, and verify again",
    );
  if (digest(live.value) !== digest(escrow.passphrase)) throw outdated("backup passphrase");
  if (escrow.authority && !trusts(published, escrow.authority.certificate))
    throw outdated("certificate authority");
  return live.version;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

const changedFiles = (sealed: EscrowContents["settings"], live: EscrowContents["settings"]): string[] =>
  [...new Set([...Object.keys(sealed), ...Object.keys(live)])]
    .filter((name) => sealed[name] !== live[name])
    .sort();

/** For its owner alone, on disk when this returns. Nothing is written over, nor through a link. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await openFile(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `'${path}' can't be written`,
      error.code === "EEXIST" ? "It is there already; this command overwrites no escrow." : error.message,
      "name a file that doesn't exist yet, in a folder that does",
    );
  });
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What was written is what was sealed, with as many recipients. Whether they can open it, only `--verify` tells. */
async function reread(path: string, bytes: Uint8Array): Promise<void> {
  const found = await readBytes(path);
  if (Buffer.compare(found, bytes) === 0 && recipientCount(found) === recipientCount(bytes)) return;
  throw new UserError(
    `'${path}' isn't what was written`,
    "The disk or the file system lost or changed a part.",
    "remove the file, and write it elsewhere",
  );
}

const readBytes = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: Error) => {
    throw new UserError(`'${path}' can't be read`, error.message, "name the file of the escrow");
  });

/** @throws UserError when others may read it, too. */
async function readSecret(path: string): Promise<string> {
  const unreadable = (error: Error) => {
    throw new UserError(`'${path}' can't be read`, error.message, "name the file that `age-keygen` wrote");
  };
  const mode = (await stat(path).catch(unreadable)).mode & 0o777;
  if (mode & 0o077) {
    throw new UserError(
      `'${path}' has mode 0${mode.toString(8)}`,
      "Others on this machine may read it, and who has the key can open the escrow.",
      `chmod 600 '${path}'; if another user may have read it, make a new pair and seal a new escrow`,
    );
  }
  return readFile(path, "utf8").catch(unreadable);
}
