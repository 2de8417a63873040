/**
 * What a restore needs when the AWS account, its secrets and Pulumi's state are gone, as one file in the age format
 * (https://age-encryption.org/v1). It depends on no cloud and keeps no files.
 *
 * Inside is YAML, so that a person with nothing but `age` can read it: the instructions first, then the values.
 */
import { armor, Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { UserError } from "../common/errors.js";

/** Raised when a reader of the older format would misread the newer one. */
export const ESCROW_VERSION = 1;

const text = z.string().min(1);

const regionPlaces = z.strictObject({
  id: z.enum(["home", "recovery"]),
  /** AWS region name. */
  region: text,
  vaultBucket: text,
  /** pgBackRest's stanza and `repo1-path` of this region's backups, the same in every copy. */
  stanza: text,
  repositoryPath: z.string().startsWith("/"),
});

const contents = z.strictObject({
  /** For a person who has only this file. */
  readme: text,
  project: z.strictObject({
    /** Name in Pulumi.yaml, and the version of the program in package.json. */
    name: text,
    version: text,
  }),
  /** pgBackRest's repository cipher: without it no backup can be read. */
  passphrase: text,
  /** The nodes' certificate authority, PEM. Without it, a new one is made. */
  authority: z.strictObject({ certificate: text, key: text }).optional(),
  places: z.strictObject({
    /** The account that was lost. */
    accountId: z.string().regex(/^\d{12}$/),
    regions: z.array(regionPlaces).length(2),
    /** The third copy of both vaults, in another account (`backup.copyTo`): below each region's repository path. */
    copy: z
      .strictObject({
        accountId: z.string().regex(/^\d{12}$/),
        bucket: text,
        /** AWS region of the bucket and its key. */
        region: text,
        keyArn: text,
      })
      .optional(),
  }),
  /** Pulumi.yaml and the stack files, by name. The name can't lead out of a folder into which it is written. */
  settings: z.record(z.string().regex(/^Pulumi(\.[a-z0-9-]+)?\.yaml$/), z.string()),
});

const escrow = contents.extend({
  escrow: z.literal(ESCROW_VERSION),
  /** ISO 8601, UTC. */
  sealedAt: z.iso.datetime(),
  /** Public keys of those who can open the file. The file's own header doesn't tell. */
  recipients: z.array(text).min(1),
});

/** What is sealed. */
export type EscrowContents = z.infer<typeof contents>;
/** What opening gives: the contents, when they were sealed and for whom. */
export type Escrow = z.infer<typeof escrow>;

/**
 * @param recipients public keys: `age1…`, or `age1pq1…` for one that also resists quantum computers. Any one of them opens the file.
 * @param now when it is sealed. Default: now.
 * @throws UserError for no recipient or a bad one, and for contents that can't be sealed.
 */
export async function seal(
  sealed: EscrowContents,
  recipients: readonly string[],
  now = new Date(),
): Promise<Uint8Array> {
  const each = [...new Set(recipients)];
  const encrypter = new Encrypter();
  for (const recipient of each) addRecipient(encrypter, recipient);
  if (each.length === 0) {
    throw new UserError(
      "the escrow has no recipient",
      "No one could open it.",
      "name the public key of at least one person; `age-keygen` makes a pair",
    );
  }
  const whole = check(
    { escrow: ESCROW_VERSION, sealedAt: now.toISOString(), recipients: each, ...sealed },
    "the escrow's contents can't be sealed",
    "run the command from an unchanged checkout of the project",
  );
  const { readme, ...rest } = whole;
  // Long lines stay whole, so that a value can be copied.
  return encrypter.encrypt(stringify({ readme, ...rest }, { lineWidth: 0 }));
}

/**
 * @param bytes the file, binary or in age's ASCII armor.
 * @param identities secret keys, `AGE-SECRET-KEY-…`: one that fits is enough.
 * @throws UserError for bad identities, none that fits, a damaged or foreign file, an unknown version.
 */
export async function open(bytes: Uint8Array, identities: readonly string[]): Promise<Escrow> {
  const decrypter = new Decrypter();
  for (const identity of identities) addIdentity(decrypter, identity);
  if (identities.length === 0) {
    throw new UserError(
      "no identity is given",
      "The escrow opens only with a recipient's secret key.",
      "name the file that `age-keygen` wrote; a key from a hardware token needs `age --decrypt` and its plugin",
    );
  }
  const binary = unarmored(bytes);
  let plain: string;
  try {
    plain = await decrypter.decrypt(binary, "text");
  } catch (error) {
    throw unopened((error as Error).message);
  }
  return parsed(plain);
}

/** How many recipients a sealed file has, as its header tells without any key. @throws UserError when it isn't one. */
export function recipientCount(bytes: Uint8Array): number {
  const [header] = Buffer.from(unarmored(bytes)).toString("latin1").split(/^--- /m, 1) as [string];
  if (!header.startsWith("age-encryption.org/v1\n")) throw damaged("It doesn't begin like a file of age.");
  return (header.match(/^-> /gm) ?? []).length;
}

/** The secret keys in a file as `age-keygen` writes it: one on a line, beside comments. */
export const identitiesIn = (file: string): string[] =>
  file
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

/** The public key of a secret one. @throws UserError when it is none. */
export async function recipientOf(identity: string): Promise<string> {
  addIdentity(new Decrypter(), identity);
  return identityToRecipient(identity);
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  // Never repeated: it would be in the terminal and in logs.
  if (/^AGE-SECRET-KEY-/i.test(recipient)) {
    throw new UserError(
      "a recipient is a secret key",
      "The escrow is sealed to public keys (age1…), and a secret key on a command line is no longer secret.",
      "make a new pair with `age-keygen` and name the public key",
    );
  }
  try {
    if (!/^age1(?!tag)/.test(recipient)) throw new Error("It doesn't begin with age1.");
    encrypter.addRecipient(recipient);
  } catch (error) {
    throw new UserError(
      `'${recipient}' is no recipient`,
      `It must be a public key of age, age1… or age1pq1…: ${sentence((error as Error).message)}`,
      "`age-keygen -y <identity file>` prints the public key; keys of SSH and of hardware tokens can't be used",
    );
  }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    throw new UserError(
      "an identity can't be read",
      "It must be a secret key of age, AGE-SECRET-KEY-…, one on a line.",
      "name the file that `age-keygen` wrote; decrypt it first if it is protected by a passphrase (`age --decrypt`)",
    );
  }
}

const ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----";

function unarmored(bytes: Uint8Array): Uint8Array {
  const start = Buffer.from(bytes.subarray(0, 200)).toString("latin1").trimStart();
  if (!start.startsWith(ARMOR)) return bytes;
  try {
    return armor.decode(Buffer.from(bytes).toString("latin1"));
  } catch (error) {
    throw damaged(sentence((error as Error).message));
  }
}

const unopened = (reason: string): UserError =>
  reason.startsWith("no identity matched")
    ? new UserError(
        "the escrow doesn't open with these identities",
        "It was sealed to other recipients.",
        "use the secret key of one of the recipients; the record of the last verification names them",
      )
    : damaged(sentence(reason));

const damaged = (reason: string): UserError =>
  new UserError(
    "the escrow can't be read",
    `It is truncated, changed or no escrow. ${reason}`,
    "use another copy of the file; while the account lives, seal a new one with `npx dr bootstrap escrow`",
  );

function parsed(plain: string): Escrow {
  let value: unknown;
  try {
    value = parse(plain, { maxAliasCount: 0 });
  } catch (error) {
    throw damaged(sentence((error as Error).message.split("\n", 1)[0] as string));
  }
  const version = (value as { escrow?: unknown } | null)?.escrow;
  if (version === undefined) throw damaged("What it holds isn't what this command seals.");
  if (version !== ESCROW_VERSION) {
    throw new UserError(
      `the escrow has format version ${JSON.stringify(version)}`,
      `This version of the project reads version ${ESCROW_VERSION}.`,
      "use the version of the project that sealed it; `age --decrypt` shows which one under `project`",
    );
  }
  return check(value, "the escrow's contents can't be used", "use another copy, or seal a new one");
}

/** What zod says names the field and never its value: it may be secret. */
function check(value: unknown, what: string, remedy: string): Escrow {
  const result = escrow.safeParse(value);
  if (result.success) return result.data;
  const reasons = result.error.issues.map(({ path, code }) => `${path.join(".") || "all"}: ${code}`);
  throw new UserError(what, `These fields are wrong: ${reasons.join(", ")}.`, remedy);
}

const sentence = (words: string): string =>
  `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
