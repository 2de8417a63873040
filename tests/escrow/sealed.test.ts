import {
  armor,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { UserError } from "../../common/errors.js";
import { identitiesIn, open, recipientCount, recipientOf, seal } from "../../escrow/sealed.js";
import { CONTENTS } from "./contents.js";

const NOW = new Date("2026-11-30T10:00:00Z");

async function pair(make = generateX25519Identity) {
  const identity = await make();
  return { identity, recipient: await identityToRecipient(identity) };
}

const ours = await pair();
const another = await pair();

/** A key with its last character replaced by another: `q` may be the one that it ends with. */
const mistyped = (key: string): string => {
  const end = key.slice(-1);
  const [one, other] = end === end.toLowerCase() ? ["q", "p"] : ["Q", "P"];
  return key.slice(0, -1) + (end === one ? other : one);
};

const sealedBy = async (value: unknown): Promise<Uint8Array> => {
  const encrypter = new Encrypter();
  encrypter.addRecipient(ours.recipient);
  return encrypter.encrypt(typeof value === "string" ? value : stringify(value));
};

const WHOLE = { escrow: 1, sealedAt: NOW.toISOString(), recipients: [ours.recipient], ...CONTENTS };

/** Every refusal must be one that the reader can act upon, and none may repeat a secret. */
async function refused(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  for (const secret of [CONTENTS.passphrase, ours.identity, "PRIVATE KEY"])
    expect(message).not.toContain(secret);
  return message;
}

test("what is sealed opens again, with its time and recipients", async () => {
  const bytes = await seal(CONTENTS, [ours.recipient, another.recipient], NOW);
  const { escrow, sealedAt, recipients, ...contents } = await open(bytes, [ours.identity]);
  expect(contents).toEqual(CONTENTS);
  expect({ escrow, sealedAt, recipients }).toEqual({
    escrow: 1,
    sealedAt: "2026-11-30T10:00:00.000Z",
    recipients: [ours.recipient, another.recipient],
  });
});

test("each recipient opens it alone, and the header tells how many there are", async () => {
  const bytes = await seal(CONTENTS, [ours.recipient, another.recipient, ours.recipient]);
  for (const { identity } of [ours, another])
    expect((await open(bytes, [identity])).passphrase).toBe(CONTENTS.passphrase);
  expect(recipientCount(bytes)).toBe(2);
});

test("a key that resists quantum computers seals and opens", async () => {
  const { identity, recipient } = await pair(generateHybridIdentity);
  expect(recipient).toMatch(/^age1pq1/);
  expect((await open(await seal(CONTENTS, [recipient]), [identity])).settings).toEqual(CONTENTS.settings);
});

test("a printable copy opens, too", async () => {
  const text = armor.encode(await seal(CONTENTS, [ours.recipient]));
  expect((await open(Buffer.from(text), [ours.identity])).project).toEqual(CONTENTS.project);
  expect(recipientCount(Buffer.from(text))).toBe(1);
});

test("nothing of the contents is readable in the file", async () => {
  const bytes = Buffer.from(await seal(CONTENTS, [ours.recipient])).toString("latin1");
  for (const word of [CONTENTS.passphrase, "drs-vault", "PRIVATE KEY", "readme"])
    expect(bytes).not.toContain(word);
});

test("any text in settings and passphrase survives", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ minLength: 1 }), async (file, passphrase) => {
      const contents = { ...CONTENTS, passphrase, settings: { "Pulumi.yaml": file } };
      const found = await open(await seal(contents, [ours.recipient]), [ours.identity]);
      expect({ file: found.settings["Pulumi.yaml"], passphrase: found.passphrase }).toEqual({
        file,
        passphrase,
      });
    }),
    { numRuns: 200 },
  );
});

test("a secret key that no recipient has opens nothing", async () => {
  expect(await refused(open(await seal(CONTENTS, [ours.recipient]), [another.identity]))).toBe(
    [
      "the escrow doesn't open with these identities",
      "  It was sealed to other recipients.",
      "  → use the secret key of one of the recipients; the record of the last verification names them",
    ].join("\n"),
  );
});

test("a file cut at any place is refused", async () => {
  const bytes = await seal(CONTENTS, [ours.recipient]);
  for (const length of [...Array(240).keys(), bytes.length - 17, bytes.length - 1])
    expect(await refused(open(bytes.subarray(0, length), [ours.identity]))).toMatch(
      /can't be read|doesn't open/,
    );
});

test("a file with one changed byte, anywhere, is refused", async () => {
  const bytes = await seal(CONTENTS, [ours.recipient]);
  for (let at = 0; at < bytes.length; at += at < 240 ? 1 : 97) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    expect(await refused(open(changed, [ours.identity]))).toMatch(/can't be read|doesn't open/);
  }
});

test("a file with something appended is refused", async () => {
  const bytes = Buffer.concat([await seal(CONTENTS, [ours.recipient]), Buffer.from("x")]);
  expect(await refused(open(bytes, [ours.identity]))).toContain("truncated, changed or no escrow");
});

test.each([
  ["a text", "hello"],
  ["nothing", ""],
  ["a list", ["escrow"]],
  ["no YAML", "a: [b"],
  ["aliases", "a: &a [x]\nescrow: 1\nb: *a\n"],
])("an age file that holds %s is refused", async (_, value) => {
  expect(await refused(open(await sealedBy(value), [ours.identity]))).toContain("the escrow can't be read");
});

test("a file that isn't of age is refused", async () => {
  expect(await refused(open(Buffer.from("PK\u0003\u0004"), [ours.identity]))).toContain(
    "the escrow can't be read",
  );
  expect(() => recipientCount(Buffer.from("PK"))).toThrow("the escrow can't be read");
});

test("an unknown version is named, with the one that this project reads", async () => {
  expect(await refused(open(await sealedBy({ ...WHOLE, escrow: 2 }), [ours.identity]))).toContain(
    "the escrow has format version 2\n  This version of the project reads version 1.",
  );
});

test.each([
  ["a field that the format doesn't have", { ...WHOLE, more: 1 }, "all: unrecognized_keys"],
  ["no passphrase", { ...WHOLE, passphrase: "" }, "passphrase: too_small"],
  [
    "a settings file that leads elsewhere",
    { ...WHOLE, settings: { "../Pulumi.yaml": "" } },
    "settings.../Pulumi.yaml",
  ],
  ["another type", { ...WHOLE, authority: { certificate: "x", key: 7 } }, "authority.key: invalid_type"],
])("contents with %s are refused, by the field's name", async (_, value, field) => {
  expect(await refused(open(await sealedBy(value), [ours.identity]))).toContain(field);
});

test.each([
  ["none", [], "the escrow has no recipient"],
  ["a word", ["age"], "'age' is no recipient"],
  ["a mistyped key", [mistyped(ours.recipient)], "is no recipient"],
  ["a key of SSH", ["ssh-ed25519 AAAA"], "'ssh-ed25519 AAAA' is no recipient"],
  [
    "a hardware token's",
    ["age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"],
    "is no recipient",
  ],
  ["a secret key", [ours.identity], "a recipient is a secret key"],
])("as recipients, %s is refused", async (_, recipients, message) => {
  expect(await refused(seal(CONTENTS, recipients))).toContain(message);
});

test("contents that couldn't be opened again aren't sealed", async () => {
  expect(await refused(seal({ ...CONTENTS, passphrase: "" }, [ours.recipient]))).toContain(
    "passphrase: too_small",
  );
});

test.each([
  ["none", []],
  ["a public key", [another.recipient]],
  ["a mistyped key", [mistyped(another.identity)]],
])("as identities, %s is refused", async (_, identities) => {
  const bytes = await seal(CONTENTS, [ours.recipient]);
  expect(await refused(open(bytes, identities))).toMatch(/no identity is given|an identity can't be read/);
});

test("the file of age-keygen gives its secret keys", async () => {
  const file = `# created: 2026-11-30\n# public key: ${ours.recipient}\n${ours.identity}\r\n\n${another.identity}\n`;
  expect(identitiesIn(file)).toEqual([ours.identity, another.identity]);
  expect(await recipientOf(ours.identity)).toBe(ours.recipient);
  await refused(recipientOf("AGE-SECRET-KEY-1"));
});
