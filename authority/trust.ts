/** Which authorities nodes are told to trust. Pure. */
import { X509Certificate } from "node:crypto";
import { UserError } from "../settings/problem.js";

/**
 * `same`: the one that is trusted now, else an error; `both`: the new one beside those trusted now, for the time
 * in which certificates change; `only`: the new one alone, which ends that time.
 */
export const TRUST = ["same", "both", "only"] as const;
export type Trust = (typeof TRUST)[number];

/**
 * @param ours certificate of the authority that signs now, PEM.
 * @param published what nodes trust now: certificates in PEM, one after the other. Undefined: nothing yet.
 * @returns what they are to trust, in the same form.
 * @throws UserError when the nodes trust another authority and `same` was asked for.
 */
export function trusted(ours: string, published: string | undefined, trust: Trust, where: string): string {
  const now = published === undefined ? [] : certificatesIn(published);
  const known = now.some((one) => fingerprint(one) === fingerprint(ours));
  if (now.length === 0 || trust === "only") return ours;
  if (known) return now.join("");
  if (trust === "both") return [ours, ...now].join("");
  throw new UserError(
    `nodes in ${where} trust another authority than this one`,
    "certificates of this one would cut them off from each other",
    "name the right folder with --authority; to change the authority, publish with --trust both, and when every node has its new certificate with --trust only",
  );
}

const certificatesIn = (text: string): string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((one) => `${one}\n`);

const fingerprint = (certificate: string): string => new X509Certificate(certificate).fingerprint256;
