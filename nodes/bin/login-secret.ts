/**
 * The secret of a login: what it contains while nothing changes, and at each step of a rotation. Each value is complete: a
 * Tomcat server that boots at any moment gets a login that the database accepts. Pure.
 */
import { createHash } from "node:crypto";
import { z } from "zod";

const login = z.object({ username: z.string(), password: z.string() });
export type Login = z.infer<typeof login>;

export const loginSecret = login.extend({
  /** The login that is about to replace it. The database accepts both. */
  next: login.optional(),
  /** The login that it replaces, which the database accepts until it is `refused`. */
  retiring: z.string().optional(),
  /** The rotation is at its end: `retiring` is refused from now on. */
  refused: z.boolean().optional(),
});
export type LoginSecret = z.infer<typeof loginSecret>;

/** @throws Error without the text: it contains a password */
export function parseLoginSecret(name: string, text: string): LoginSecret {
  try {
    return loginSecret.parse(JSON.parse(text));
  } catch {
    throw new Error(`secret ${name} is not JSON with a username and a password`);
  }
}

/** Tells whether two places hold the same password. A random password of 285 bits can't be guessed from it. */
export const fingerprint = (password: string): string =>
  createHash("sha256").update(password).digest("hex").slice(0, 12);
