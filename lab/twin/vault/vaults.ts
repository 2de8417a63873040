/** The regions' vaults: buckets of an emulated S3, a TLS proxy to each through its region, and their copies of each other. */
import { setTimeout as sleep } from "node:timers/promises";
import { type _Object, CopyObjectCommand, GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { inTurn } from "../../../common/settle.js";
import { otherRegion } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import type { Switch } from "../network/switch.js";
import type { MachineSpec } from "../types.js";
import { VaultStore, type VaultStoreOptions } from "./emulated-s3.js";
import { tlsProxyHosts, VaultTlsProxy } from "./tls-proxy.js";

/** S3 takes seconds, and is held to 15 minutes. */
const PACE_MILLIS = 1000;
/** Where machines find the authority of S3's endpoints. */
const AUTHORITY_FILE = "/etc/dr/vault-authority.crt";

export interface VaultsOptions extends VaultStoreOptions {
  readonly network: Switch;
  /** Those that run. */
  readonly regions: readonly RegionId[];
}

/**
 * What it doesn't show of S3: the machines' roles are users with the same policies, whose keys their environment has; a
 * default retention isn't applied to uploads in parts, so that objects are uploaded whole; copies are made by this
 * process once a second, each at once and under its own bucket's key and lock, and carry no replication status. Deletes
 * are not copied.
 */
export class Vaults {
  private readonly silent = new Set<RegionId>();
  /** What needs no copying: in which vault → key → ETag. What is a copy is there too: S3 never replicates one again. */
  private readonly copied: Readonly<Record<RegionId, Map<string, string>>> = {
    home: new Map(),
    recovery: new Map(),
  };
  /** Vault/key → ETag of what is in the third copy. */
  private readonly sent = new Map<string, string>();
  private running: Promise<void> | undefined;
  private round: Promise<void> = Promise.resolve();
  private paused = false;
  private copyBucket: string | undefined;
  private closed = false;

  private constructor(
    readonly store: VaultStore,
    private readonly tlsProxies: Readonly<Partial<Record<RegionId, VaultTlsProxy>>>,
    private readonly options: VaultsOptions,
  ) {
    this.copyBucket = options.copyBucket;
  }

  static async open(options: VaultsOptions): Promise<Vaults> {
    const { contract, regions, network } = options;
    const store = await VaultStore.open(options);
    const tlsProxies: Partial<Record<RegionId, VaultTlsProxy>> = {};
    try {
      for (const id of regions)
        tlsProxies[id] = await VaultTlsProxy.open(contract[id], id, network, store.port);
    } catch (error) {
      await inTurn(...Object.values(tlsProxies).map((tlsProxy) => () => tlsProxy.close()), () =>
        store.close(),
      );
      throw error;
    }
    const self = new Vaults(store, tlsProxies, options);
    if (regions.length > 1) self.running = self.replicate();
    return self;
  }

  /** Lines of every machine's /etc/hosts. */
  get hosts(): readonly string[] {
    const { contract, regions } = this.options;
    return regions.map((id) => tlsProxyHosts(contract[id]));
  }

  /** Files that every machine gets. */
  get files(): Readonly<Record<string, string>> {
    return { [AUTHORITY_FILE]: this.store.authority };
  }

  /** Environment of every process of a machine: pgBackRest finds these vaults and has the rights of the machine's role. */
  environment({ region, role }: Pick<MachineSpec, "region" | "role">): Readonly<Record<string, string>> {
    const { accessKeyId, secretAccessKey } = this.store[role === "restore" ? "restorers" : "nodes"][region];
    return {
      PGBACKREST_REPO1_S3_KEY_TYPE: "shared",
      PGBACKREST_REPO1_S3_KEY: accessKeyId,
      PGBACKREST_REPO1_S3_KEY_SECRET: secretAccessKey,
      PGBACKREST_REPO1_STORAGE_CA_FILE: AUTHORITY_FILE,
      PGBACKREST_REPO1_STORAGE_UPLOAD_CHUNK_SIZE: "1GiB",
    };
  }

  /** The way to a region's vault. @throws Error for a region that doesn't run. */
  tlsProxy(id: RegionId): VaultTlsProxy {
    const tlsProxy = this.tlsProxies[id];
    if (!tlsProxy) throw new Error(`region ${id} does not run`);
    return tlsProxy;
  }

  /** A region that is gone neither sends nor receives. */
  silence(region: RegionId, isSilent: boolean): void {
    if (isSilent) this.silent.add(region);
    else this.silent.delete(region);
  }

  /**
   * The vaults of another account, in place of these, which no machine can reach any more. The third copy stays, and gets
   * nothing more.
   * @param change makes the contract the new account's
   */
  async moveTo(change: () => void): Promise<void> {
    this.paused = true;
    await this.round;
    change();
    await this.store.makeAccount(this.options.lockDays);
    for (const copied of Object.values(this.copied)) copied.clear();
    this.copyBucket = undefined;
    this.silent.clear();
    this.paused = false;
  }

  /** Keys of the objects in a region's vault, newest versions. */
  async list(region: RegionId, prefix: string): Promise<readonly string[]> {
    return (await this.objects(region, prefix)).map(({ Key: key }) => key as string);
  }

  /** @throws Error when there is no such object. */
  async read(region: RegionId, key: string): Promise<Uint8Array> {
    const { vaultBucket: Bucket } = this.options.contract[region];
    const { Body: body } = await this.store.s3(region).send(new GetObjectCommand({ Bucket, Key: key }));
    if (!body) throw new Error(`${Bucket}/${key} has no content`);
    return body.transformToByteArray();
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
    await inTurn(...Object.values(this.tlsProxies).map((tlsProxy) => () => tlsProxy.close()), () =>
      this.store.close(),
    );
  }

  private async replicate(): Promise<void> {
    while (!this.closed) {
      if (!this.paused) {
        this.round = this.replicateOnce();
        await this.round;
      }
      await sleep(PACE_MILLIS);
    }
  }

  private async replicateOnce(): Promise<void> {
    for (const from of this.options.regions) {
      await this.copyAll(from).catch((error: Error) => {
        // Hidden by a delete in between: the next round doesn't see it.
        if (error.name !== "NoSuchKey") throw error;
      });
    }
  }

  private async copyAll(from: RegionId): Promise<void> {
    const to = otherRegion(from);
    for (const { Key: key = "", ETag: etag = "" } of await this.objects(from, "")) {
      if (this.silent.size > 0 || this.paused || this.closed) return;
      if (this.copied[from].get(key) === etag) continue;
      this.copied[to].set(key, await this.copy(from, to, this.options.contract[to].vaultBucket, key));
      // From where it was made, as S3 does: never a copy of a copy.
      await this.sendCopy(from, key, etag);
      this.copied[from].set(key, etag);
    }
  }

  private async sendCopy(from: RegionId, key: string, etag: string): Promise<void> {
    if (this.copyBucket === undefined || this.sent.get(`${from}/${key}`) === etag) return;
    await this.copy(from, "home", this.copyBucket, key);
    this.sent.set(`${from}/${key}`, etag);
  }

  /** @returns the copy's ETag */
  private async copy(from: RegionId, at: RegionId, bucket: string, key: string): Promise<string> {
    const source = `${this.options.contract[from].vaultBucket}/${encodeURIComponent(key)}`;
    const { CopyObjectResult: copy } = await this.store
      .s3(at)
      .send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource: source }));
    return copy?.ETag ?? "";
  }

  private async objects(region: RegionId, prefix: string): Promise<_Object[]> {
    const { vaultBucket: Bucket } = this.options.contract[region];
    const s3 = this.store.s3(region);
    const found: _Object[] = [];
    for (let token: string | undefined; ; ) {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token }),
      );
      found.push(...(page.Contents ?? []));
      token = page.NextContinuationToken;
      if (!token) return found;
    }
  }
}
