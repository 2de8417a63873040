/** The authorities that nodes trust. Pure. */
import { X509Certificate } from "node:crypto";
import { UserError } from "../common/errors.js";

/** How what nodes trust is to change. Default: not at all. */
export interface Trust {
  /** Certificate of an authority to trust as well: before any node gets one that it has signed. */
  readonly also?: string;
  /** Trust the signing authority alone: when no node has a certificate of another any more. */
  readonly only?: boolean;
}

/**
 * @param ours certificate of the authority that signs now, PEM.
 * @param published what nodes trust now: certificates in PEM, one after the other. Undefined: nothing yet.
 * @returns what they are to trust, in the same form.
 * @throws UserError when nodes don't trust the signing authority: they would refuse each other.
 */
export function trusted(ours: string, published: string | undefined, trust: Trust, where: string): string {
  if (trust.only) return ours;
  const now = published === undefined ? [ours] : certificatesIn(published);
  if (!contains(now, ours)) {
    throw new UserError(
      `nodes in ${where} trust a different authority`,
      "with certificates of this one, they would refuse each other",
      "name the right folder with --authority; docs/certificates.md explains how to change the authority",
    );
  }
  return (trust.also === undefined || contains(now, trust.also) ? now : [...now, trust.also]).join("");
}

/** @param published what nodes trust, as above. */
export const trusts = (published: string | undefined, ours: string): boolean =>
  published !== undefined && contains(certificatesIn(published), ours);

const contains = (certificates: readonly string[], one: string): boolean =>
  certificates.some((other) => fingerprint(other) === fingerprint(one));

const certificatesIn = (text: string): string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((one) => `${one}\n`);

const fingerprint = (certificate: string): string => new X509Certificate(certificate).fingerprint256;
