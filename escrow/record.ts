/**
 * The record of the last verified escrow: an SSM parameter in each region, which operators, the pipeline and the restore
 * machine read. It holds no secret. Pure.
 */
import { randomBytes, scryptSync } from "node:crypto";
import { z } from "zod";
import { duration } from "../common/duration.js";
import type { Escrow } from "./sealed.js";

const DAY_SECONDS = 86_400;

const schema = z.object({
  version: z.literal(1),
  /** ISO 8601, UTC: when somebody opened the escrow and compared it with what is live. */
  verifiedAt: z.iso.datetime(),
  sealedAt: z.iso.datetime(),
  passphrase: z.object({
    /** Version of the secret in Secrets Manager. It changes with the passphrase, and reading it needs no right to read the secret. */
    version: z.string().min(1),
    /** For the restore machine, which has the passphrase: nodes/bin/library/dr_escrow.py computes it again. */
    salt: z.string().min(1),
    scrypt: z.string().min(1),
  }),
  /** Whether the nodes' authority is in the escrow, too. */
  authority: z.boolean(),
  /** Public keys, in short: a parameter has 4,096 characters, and a key that resists quantum computers half as many. */
  recipients: z.array(z.string()),
});

export type EscrowRecord = z.infer<typeof schema>;

/** Memory-hard, so that the fingerprint of a passphrase that a person has chosen doesn't give it away. */
export const fingerprint = (passphrase: string, salt: string): string =>
  scryptSync(passphrase, Buffer.from(salt, "hex"), 32, { N: 16_384, r: 8, p: 1 }).toString("hex");

/** Characters of a recipient: all of an X25519 key. */
const RECIPIENT = 62;

/** @param version the passphrase's in Secrets Manager. */
export function recordOf(escrow: Escrow, version: string, now: Date): EscrowRecord {
  const salt = randomBytes(16).toString("hex");
  return {
    version: 1,
    verifiedAt: now.toISOString(),
    sealedAt: escrow.sealedAt,
    passphrase: { version, salt, scrypt: fingerprint(escrow.passphrase, salt) },
    authority: escrow.authority !== undefined,
    recipients: escrow.recipients.map((each) =>
      each.length > RECIPIENT ? `${each.slice(0, RECIPIENT - 1)}…` : each,
    ),
  };
}

/** What is known of the escrow in one region. */
export interface EscrowFacts {
  /** The parameter's value; undefined: there is none. */
  readonly record: string | undefined;
  /** The version of the passphrase that is in use. */
  readonly version: string;
}

export interface EscrowState {
  /** Why the escrow can't be relied on; null: it can. */
  readonly wrong: string | null;
  readonly verifiedAt?: string;
  readonly ageSeconds?: number;
  readonly authority?: boolean;
  readonly recipients?: readonly string[];
}

/** @param maxDays `backup.escrowMaxDays` */
export function escrowState({ record, version }: EscrowFacts, now: number, maxDays: number): EscrowState {
  if (record === undefined) return { wrong: "it was never verified" };
  const found = schema.safeParse(jsonOf(record)).data;
  if (!found) return { wrong: "its record can't be read" };
  const { verifiedAt, authority, recipients } = found;
  const ageSeconds = Math.round((now - Date.parse(verifiedAt)) / 1000);
  const wrong =
    found.passphrase.version !== version
      ? "the passphrase has changed since it was verified"
      : ageSeconds > maxDays * DAY_SECONDS
        ? `it was verified ${duration(ageSeconds)} ago, more than ${maxDays} days`
        : null;
  return { wrong, verifiedAt, ageSeconds, authority, recipients };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
