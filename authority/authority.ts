/**
 * The certificate authority of the database nodes, and the certificates that it signs. It depends on no cloud and
 * keeps no files: the command line and the twin both use it unchanged.
 *
 * ECDSA on P-256 with SHA-256 throughout: everything on a node (OpenSSL, Go, Node) supports it, and a handshake
 * costs a fraction of RSA's. Keys are PKCS #8.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { UserError } from "../common/errors.js";
import { openssl, withFiles } from "./openssl.js";

/** Both in PEM. The holder of the key can impersonate any node, so only the operator keeps it. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** What a node gets: its own certificate and key, and the authority's certificate. PEM each. */
export interface NodeCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface LeafRequest {
  /** Name of the node: the certificate's common name, and one of the names it answers to. */
  readonly name: string;
  /** Its private IPv4 address; none for a machine with a dynamic address and no clients. */
  readonly address?: string;
  /** Further names that it answers to. Default: none. */
  readonly alsoNamed?: readonly string[];
  /** How long it is valid, never beyond the authority. Default: a year. */
  readonly days?: number;
}

const AUTHORITY_DAYS = 3650;
export const LEAF_DAYS = 365;
/** How much longer the recovery region's certificates last: a renewal that somebody forgets must not end both regions at once. */
export const STAGGER_DAYS = 90;

const DAY_MS = 86_400_000;

/**
 * @param commonName shown by tools that print a chain; nothing compares it.
 * @param days validity; default ten years.
 */
export async function createAuthority(
  commonName = "Database nodes",
  days = AUTHORITY_DAYS,
): Promise<Authority> {
  const key = newKey();
  // It signs nodes and no further authority.
  const extensions = [
    "basicConstraints = critical, CA:TRUE, pathlen:0",
    "keyUsage = critical, keyCertSign, cRLSign",
    "subjectKeyIdentifier = hash",
  ];
  const files = { "ca.key": key, "ca.cnf": requestConfig(commonName, extensions) };
  const certificate = await withFiles(files, (folder) =>
    openssl(folder, [
      ...["req", "-new", "-x509", "-sha256", "-config", "ca.cnf", "-key", "ca.key"],
      ...["-days", String(days), "-set_serial", newSerial()],
    ]),
  );
  return { certificate: endLine(certificate), key };
}

/**
 * One certificate for all that a node does: PostgreSQL, Patroni's API, etcd and the guard both serve and ask.
 * It covers the node's name, its address if that is fixed, and localhost.
 * @throws UserError when the authority can't sign, e.g. because its key doesn't match or it has expired.
 */
export async function issueLeaf(
  authority: Authority,
  { name, address, alsoNamed = [], days = LEAF_DAYS }: LeafRequest,
): Promise<NodeCertificate> {
  const daysLeft = Math.floor((checkAuthority(authority).validTo - Date.now()) / DAY_MS);
  const key = newKey();
  const addresses = [...(address === undefined ? [] : [address]), "127.0.0.1"];
  const subjects = [
    ...[name, ...alsoNamed, "localhost"].map((each) => `DNS:${each}`),
    ...addresses.map((each) => `IP:${each}`),
  ];
  const extensions = [
    "basicConstraints = critical, CA:FALSE",
    "keyUsage = critical, digitalSignature",
    "extendedKeyUsage = serverAuth, clientAuth",
    `subjectAltName = ${subjects.join(", ")}`,
    "subjectKeyIdentifier = hash",
    "authorityKeyIdentifier = keyid:always",
  ];
  const files = {
    "ca.crt": authority.certificate,
    "ca.key": authority.key,
    "node.key": key,
    "node.cnf": requestConfig(name, []),
    "extensions.cnf": extensions.join("\n"),
  };
  const certificate = await withFiles(files, async (folder) => {
    await openssl(folder, [
      ...["req", "-new", "-sha256", "-config", "node.cnf", "-key", "node.key", "-out", "node.csr"],
    ]);
    return openssl(folder, [
      ...["x509", "-req", "-sha256", "-in", "node.csr", "-CA", "ca.crt", "-CAkey", "ca.key"],
      ...["-days", String(Math.min(days, daysLeft)), "-set_serial", newSerial()],
      ...["-extfile", "extensions.cnf"],
    ]);
  });
  return { certificate: endLine(certificate), key, authority: endLine(authority.certificate) };
}

/**
 * Makes sure that an authority can sign.
 * @returns its expiry, in milliseconds since 1970.
 * @throws UserError otherwise: not PEM, no authority, another's key, less than a day left.
 */
export function checkAuthority({ certificate: text, key: keyText }: Authority): { readonly validTo: number } {
  const certificate = readPem(() => new X509Certificate(text), "the authority's certificate");
  const key = readPem(() => createPrivateKey(keyText), "the authority's key");
  const unusable = (reason: string) =>
    new UserError(
      `the authority '${certificate.subject}' can't sign certificates`,
      reason,
      "name the folder of the authority that the nodes trust, or make a new one",
    );
  if (!certificate.ca) throw unusable("its certificate is a node's, not an authority's");
  if (!certificate.checkPrivateKey(key)) throw unusable("the key beside it belongs to another certificate");
  const validTo = Date.parse(certificate.validTo);
  if (validTo - Date.now() < DAY_MS)
    throw unusable(`it has expired or will within a day: ${certificate.validTo}`);
  return { validTo };
}

const newKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();

/** Random and positive, as RFC 5280 asks, and never short of its 16 bytes. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return `0x${bytes.toString("hex")}`;
}

/** Everything that OpenSSL would otherwise take from the machine's own configuration. */
function requestConfig(commonName: string, extensions: readonly string[]): string {
  return [
    "[req]",
    "prompt = no",
    "distinguished_name = subject",
    ...(extensions.length > 0 ? ["x509_extensions = extensions"] : []),
    "[subject]",
    `CN = ${commonName}`,
    "[extensions]",
    ...extensions,
    "",
  ].join("\n");
}

const endLine = (text: string): string => `${text.trim()}\n`;

function readPem<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (error) {
    throw new UserError(`${what} can't be read`, (error as Error).message, "it must be one PEM file, whole");
  }
}
