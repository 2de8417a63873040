/** Reads the certificates once: reading them for each connection would cost as much as its handshake. */
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";

export interface TlsFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** @throws Error when a file can't be read, or isn't PEM. */
export const secureContextOf = ({ authority, certificate, key }: TlsFiles): SecureContext =>
  createSecureContext({
    ca: readFileSync(authority),
    cert: readFileSync(certificate),
    key: readFileSync(key),
  });
