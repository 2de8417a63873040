/** The verifier that PostgreSQL stores instead of a password. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

const ITERATIONS = 4096;

/**
 * SASLprep (RFC 4013) leaves these characters as they are, and PostgreSQL's server, psql and JDBC driver agree on them.
 * Beyond them they don't: PostgreSQL takes a password that SASLprep prohibits as it is (`pg_saslprep`,
 * src/common/saslprep.c), and other clients refuse it. Node has no tables for it either. The passwords of this project
 * are letters and digits (components/credentials.ts).
 */
const PRINTABLE_ASCII = /^[ -~]+$/;

/**
 * Computed here, so that the server's log and statistics never contain the password. Source: RFC 5803, and PostgreSQL's
 * `scram_build_secret` (src/common/scram-common.c).
 * @throws Error for a password that not every client would send as it is written
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!PRINTABLE_ASCII.test(password))
    throw new Error(
      "the password is empty or has a character other than printable ASCII. Clients would send it in different forms. Put another one into the secret",
    );
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(keyed("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${stored}:${keyed("Server Key").toString("base64")}`;
}

/** Whether a stored verifier is this password's. */
export function isVerifierOf(verifier: string, password: string): boolean {
  const [, iterations, salt] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier) ?? [];
  return (
    salt !== undefined &&
    iterations === `${ITERATIONS}` &&
    scramVerifier(password, Buffer.from(salt, "base64")) === verifier
  );
}
