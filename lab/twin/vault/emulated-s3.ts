/** The emulated S3 that holds both vaults: TLS, the buckets as stack global makes them, and who may do what in them. */
import { mkdir, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type Authority, issueLeaf } from "../../../authority/authority.js";
import type { Progress } from "../../../common/progress.js";
import { bucketStatements } from "../../../components/access/bucket-policies.js";
import { databaseNodeStatements, type NodeKeys } from "../../../components/access/node-policies.js";
import { policyDocument, type Statement } from "../../../components/access/policy-document.js";
import { restoreNodeStatements } from "../../../components/access/restore-policies.js";
import { type Contract, otherRegion } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { EMULATOR_CREDENTIALS } from "../claims/store.js";
import { startEmulatorOfTwin, type TwinEmulator } from "../emulator.js";
import { certificateNames } from "./tls-proxy.js";

const EMULATOR = fileURLToPath(new URL("emulator.py", import.meta.url));
const REGIONS = ["home", "recovery"] as const satisfies readonly RegionId[];

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface VaultStoreOptions {
  readonly progress: Progress;
  readonly dir: string;
  readonly contract: Contract;
  /** Days of Object Lock. */
  readonly lockDays: number;
  /** Signs the endpoints' certificate. */
  readonly authority: Authority;
  /** Bucket of the third copy. Default: none. */
  readonly copyBucket?: string;
}

export class VaultStore {
  /** KMS keys of the backups. */
  readonly keys = {} as Record<RegionId, string>;
  /** Of each region's database nodes: a user with their role's very policy. EC2 would give them the role. */
  readonly nodes = {} as Record<RegionId, Credentials>;
  /** The same of its restore machine. */
  readonly restorers = {} as Record<RegionId, Credentials>;
  private readonly agent: Agent;
  private readonly clients = new Map<string, S3Client>();

  private constructor(
    private readonly emulator: TwinEmulator,
    private readonly contract: Contract,
    /** PEM of the authority that signs the endpoints' certificates, and its path on this host. */
    readonly authority: string,
    private readonly authorityFile: string,
  ) {
    this.agent = new Agent({ ca: authority, keepAlive: true, maxSockets: 8 });
  }

  /** @throws Error with the emulator's last words when it doesn't come up. */
  static async open({
    progress,
    dir,
    contract,
    lockDays,
    authority,
    copyBucket,
  }: VaultStoreOptions): Promise<VaultStore> {
    await mkdir(dir, { recursive: true });
    const [first, ...alsoNamed] = REGIONS.flatMap((id) => certificateNames(contract[id]));
    const leaf = await issueLeaf(authority, { name: first as string, alsoNamed, address: "127.0.0.1" });
    const [certificateFile, keyFile] = [join(dir, "s3.crt"), join(dir, "s3.key")];
    await writeFile(certificateFile, leaf.certificate);
    await writeFile(keyFile, leaf.key, { mode: 0o600 });
    const authorityFile = join(dir, "authority.crt");
    await writeFile(authorityFile, authority.certificate);
    const emulator = await startEmulatorOfTwin({
      ...{ progress, dir, purpose: "the vaults", enforces: true, program: [EMULATOR] },
      tls: { certificateFile, keyFile, authority: authority.certificate },
    });
    const self = new VaultStore(emulator, contract, authority.certificate, authorityFile);
    try {
      if (copyBucket !== undefined) await self.makeBucket("home", copyBucket, lockDays);
      await self.makeAccount(lockDays);
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  /** The vaults of the contract's account, and the roles in it. */
  async makeAccount(lockDays: number): Promise<void> {
    const { contract } = this;
    for (const id of REGIONS) this.keys[id] = await this.makeBucket(id, contract[id].vaultBucket, lockDays);
    for (const id of REGIONS) {
      const keys = this.keysOf(id);
      const { databaseRole, restoreRole } = contract[id];
      this.nodes[id] = await this.makeUser(databaseRole, databaseNodeStatements(contract, id, keys));
      this.restorers[id] = await this.makeUser(restoreRole, restoreNodeStatements(contract, id, keys));
    }
  }

  get port(): number {
    return this.emulator.port;
  }

  get endpoint(): string {
    return this.emulator.endpoint;
  }

  /** Where other processes of this host find it. */
  get place(): { readonly endpoint: string; readonly authorityFile: string } {
    return { endpoint: this.endpoint, authorityFile: this.authorityFile };
  }

  /** S3 of a region, from this host. @param as whose rights; everybody's when left out, as the account's root. */
  s3(region: RegionId, as: Credentials = EMULATOR_CREDENTIALS): S3Client {
    const name = `${region}/${as.accessKeyId}`;
    const client =
      this.clients.get(name) ?? new S3Client({ ...this.client(region, as), forcePathStyle: true });
    this.clients.set(name, client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) client.destroy();
    this.agent.destroy();
    await this.emulator.close();
  }

  /** A user with these rights and no others. The emulator has one account, so its name says which one it stands for. */
  async makeUser(role: string, statements: readonly Statement[]): Promise<Credentials> {
    const name = `${this.contract.accountId}.${role}`;
    const iam = new IAMClient(this.client("home"));
    try {
      await iam.send(new CreateUserCommand({ UserName: name }));
      await iam.send(
        new PutUserPolicyCommand({
          UserName: name,
          PolicyName: "role",
          PolicyDocument: policyDocument(statements),
        }),
      );
      const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
      return { accessKeyId: key?.AccessKeyId as string, secretAccessKey: key?.SecretAccessKey as string };
    } finally {
      iam.destroy();
    }
  }

  private client(region: RegionId, credentials: Credentials = EMULATOR_CREDENTIALS) {
    return {
      endpoint: this.emulator.endpoint,
      region: this.contract[region].region,
      credentials,
      requestHandler: { httpsAgent: this.agent },
    };
  }

  private keysOf(id: RegionId): NodeKeys {
    const { [id]: ownBackups, [otherRegion(id)]: otherBackups } = this.keys;
    // The twin's volumes and secrets have no key.
    return { data: ownBackups, ownBackups, otherBackups };
  }

  /** What components/vault.ts and secure-bucket.ts declare, as far as the emulator keeps it. @returns its key's ARN */
  private async makeBucket(id: RegionId, Bucket: string, lockDays: number): Promise<string> {
    const { region } = this.contract[id];
    const kms = new KMSClient(this.client(id));
    const { KeyMetadata: key } = await kms.send(
      new CreateKeyCommand({ Description: `backups of ${region}` }),
    );
    kms.destroy();
    const arn = key?.Arn as string;
    const s3 = this.s3(id);
    const us = region === "us-east-1";
    await s3.send(
      new CreateBucketCommand({
        Bucket,
        ObjectLockEnabledForBucket: true,
        ...(!us && { CreateBucketConfiguration: { LocationConstraint: region as never } }),
      }),
    );
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: arn } }],
        },
      }),
    );
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: lockDays } },
        },
      }),
    );
    await s3.send(
      new PutPublicAccessBlockCommand({
        Bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      }),
    );
    await s3.send(
      new PutBucketPolicyCommand({ Bucket, Policy: policyDocument(bucketStatements(Bucket, arn)) }),
    );
    return arn;
  }
}
