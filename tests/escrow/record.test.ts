import { expect, test } from "vitest";
import { contentsOf } from "../../escrow/contents.js";
import { escrowState, fingerprint, recordOf } from "../../escrow/record.js";
import type { Escrow } from "../../escrow/sealed.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";
import { CONTENTS } from "./contents.js";

const NOW = new Date("2026-11-30T10:00:00Z");
const DAY = 86_400_000;
const ESCROW: Escrow = {
  ...CONTENTS,
  escrow: 1,
  sealedAt: "2026-11-29T10:00:00.000Z",
  recipients: [`age1${"q".repeat(58)}`, `age1pq1${"q".repeat(1950)}`],
};

const state = (days: number, { version = "v1", record = JSON.stringify(recordOf(ESCROW, "v1", NOW)) } = {}) =>
  escrowState({ record, version }, NOW.getTime() + days * DAY, 180);

test("a record fits a parameter, and holds no secret", () => {
  const record = JSON.stringify(
    recordOf({ ...ESCROW, recipients: Array(20).fill(ESCROW.recipients[1]) }, "v1", NOW),
  );
  expect(record.length).toBeLessThan(4096);
  for (const secret of [CONTENTS.passphrase, "PRIVATE KEY"]) expect(record).not.toContain(secret);
});

test("the fingerprint tells the passphrase from another, and two records of one differ", () => {
  const [one, two] = [recordOf(ESCROW, "v1", NOW).passphrase, recordOf(ESCROW, "v1", NOW).passphrase];
  expect(one.scrypt).not.toBe(two.scrypt);
  expect(fingerprint(CONTENTS.passphrase, one.salt)).toBe(one.scrypt);
  expect(fingerprint(`${CONTENTS.passphrase}x`, one.salt)).not.toBe(one.scrypt);
});

test.each([
  ["just verified", state(0), null],
  ["on its last day", state(180), null],
  ["a day later", state(181), "it was verified 181 d ago, more than 180 days"],
  ["never", escrowState({ record: undefined, version: "v1" }, 0, 180), "it was never verified"],
  ["after a new passphrase", state(0, { version: "v2" }), "the passphrase has changed since it was verified"],
  ["with a record that is no JSON", state(0, { record: "x" }), "its record can't be read"],
  ["with a record of another version", state(0, { record: '{"version":2}' }), "its record can't be read"],
])("an escrow verified %s", (_, found, wrong) => {
  expect(found.wrong).toBe(wrong);
});

test("the places are those that vaults, their copies and the third copy have", () => {
  const copyTo = {
    accountId: "999999999999",
    bucketArn: "arn:aws:s3:::acme-copies",
    keyArn: "arn:aws:kms:eu-north-1:999999999999:key/5f3c",
  };
  const settings = parseSharedSettings("global", { ...BASE_SETTINGS, backup: { copyTo } });
  const contract = contractOf(settings, "123456789012");
  const given = { contract, project: CONTENTS.project, files: {}, passphrase: "x" };
  const { places, readme } = contentsOf({ ...given, settings });
  expect(places.copy).toEqual({
    accountId: "999999999999",
    bucket: "acme-copies",
    region: "eu-north-1",
    keyArn: copyTo.keyArn,
  });
  expect(places.regions[0]).toEqual({
    id: "home",
    region: "eu-west-1",
    vaultBucket: "drs-vault-123456789012-eu-west-1",
    stanza: "drs-eu-west-1",
    repositoryPath: "/eu-west-1",
  });
  expect(readme).toContain("repo1-s3-bucket=acme-copies\n     repo1-s3-region=eu-north-1");
  expect(
    contentsOf({ ...given, settings: { backup: { ...settings.backup, copyTo: undefined } } }).readme,
  ).toContain("There is no third copy");
});
