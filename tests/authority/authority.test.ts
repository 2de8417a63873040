import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { beforeAll, describe, expect, test, vi } from "vitest";
import {
  type Authority,
  createAuthority,
  issueLeaf,
  type NodeCertificate,
} from "../../authority/authority.js";

const NODE = { name: "drs-eu-west-1-db-1", address: "10.10.200.10" };
const DAY_MS = 86_400_000;

let authority: Authority;
let leaf: NodeCertificate;

beforeAll(async () => {
  authority = await createAuthority();
  leaf = await issueLeaf(authority, NODE);
});

const daysLeft = (certificate: string) =>
  Math.round((Date.parse(new X509Certificate(certificate).validTo) - Date.now()) / DAY_MS);

describe("the authority", () => {
  test("is one, signs itself and is good for ten years", () => {
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(daysLeft(authority.certificate)).toBe(3650);
  });

  test("is another one each time", async () => {
    const second = await createAuthority();
    expect(second.key).not.toBe(authority.key);
    expect(new X509Certificate(leaf.certificate).checkIssued(new X509Certificate(second.certificate))).toBe(
      false,
    );
  });
});

describe("a node's certificate", () => {
  test("names the node, its address and the machine itself, and nothing else", () => {
    const certificate = new X509Certificate(leaf.certificate);
    expect(certificate.subject).toBe(`CN=${NODE.name}`);
    expect(certificate.subjectAltName?.split(", ")).toEqual([
      `DNS:${NODE.name}`,
      "DNS:localhost",
      `IP Address:${NODE.address}`,
      "IP Address:127.0.0.1",
    ]);
  });

  test("serves and asks, signs nothing, and is good for a year", () => {
    const certificate = new X509Certificate(leaf.certificate);
    // serverAuth and clientAuth.
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(certificate.ca).toBe(false);
    expect(daysLeft(leaf.certificate)).toBe(365);
  });

  test("ends no later than the authority", async () => {
    const short = await createAuthority("short", 30);
    const { certificate } = await issueLeaf(short, { ...NODE, days: 365 });
    expect(daysLeft(certificate)).toBeLessThanOrEqual(30);
  });

  test("comes with the authority's certificate, never with its key", () => {
    expect(leaf.authority).toBe(authority.certificate);
    expect(JSON.stringify(leaf)).not.toContain(authority.key.split("\n")[1]);
  });

  test("has its own serial number and key", async () => {
    const again = await issueLeaf(authority, NODE);
    expect(again.key).not.toBe(leaf.key);
    expect(new X509Certificate(again.certificate).serialNumber).not.toBe(
      new X509Certificate(leaf.certificate).serialNumber,
    );
  });

  test("lets two nodes know each other, both ways", async () => {
    const other = await issueLeaf(authority, { name: "drs-eu-west-1-db-2", address: "10.10.201.10" });
    expect(await handshake(leaf, other)).toBe("CN=drs-eu-west-1-db-2");
  });

  test("of another authority is refused", async () => {
    const stranger = await issueLeaf(await createAuthority(), NODE);
    await expect(handshake(leaf, { ...stranger, authority: leaf.authority })).rejects.toThrow();
  });
});

describe("an authority that can't sign gets one clear error", () => {
  test("another one's key", async () => {
    const other = await createAuthority();
    await expect(issueLeaf({ ...authority, key: other.key }, NODE)).rejects.toThrow(
      /the key beside it belongs to another certificate/,
    );
  });

  test("a node's certificate", async () => {
    await expect(issueLeaf(leaf, NODE)).rejects.toThrow(/is a node's, not an authority's/);
  });

  test("one that is running out", async () => {
    const ending = await createAuthority("ending", 1);
    await expect(issueLeaf(ending, NODE)).rejects.toThrow(/has expired or will within a day/);
  });

  test("text that is no certificate, or no key", async () => {
    await expect(issueLeaf({ ...authority, certificate: "none" }, NODE)).rejects.toThrow(
      /the authority's certificate can't be read/,
    );
    await expect(issueLeaf({ ...authority, key: "none" }, NODE)).rejects.toThrow(
      /the authority's key can't be read/,
    );
  });
});

test("no key is left in a temporary folder, also after an error", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dr-test-"));
  vi.stubEnv("TMPDIR", folder);
  try {
    await issueLeaf(authority, NODE);
    await expect(issueLeaf(authority, { ...NODE, address: "no address" })).rejects.toThrow(/openssl x509/);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});

/** Mutual TLS on loopback, asked for by the server's address; returns who the client was to the server. */
async function handshake(server: NodeCertificate, client: NodeCertificate): Promise<string> {
  const listener = createServer({
    cert: server.certificate,
    key: server.key,
    ca: server.authority,
    requestCert: true,
    rejectUnauthorized: true,
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  try {
    const accepted = new Promise<TLSSocket>((resolve, reject) => {
      listener.once("secureConnection", resolve);
      listener.once("tlsClientError", reject);
    });
    const { port } = listener.address() as { port: number };
    const socket = connect({
      port,
      host: "127.0.0.1",
      cert: client.certificate,
      key: client.key,
      ca: client.authority,
    });
    const refused = once(socket, "error").then(([error]) => Promise.reject(error));
    const peer = await Promise.race([accepted, refused]);
    refused.catch(() => {});
    const subject = peer.getPeerX509Certificate()?.subject ?? "";
    peer.destroy();
    socket.destroy();
    return subject;
  } finally {
    listener.close();
  }
}
