/** The new account as `npx dr restore --from copy` reaches it, and the escrow of the lost one, in the twin. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity } from "age-encryption";
import type { Statement } from "../../../../components/access/policy-document.js";
import { identitiesIn, open, recipientOf, seal } from "../../../../escrow/sealed.js";
import { NO_OVERRIDES } from "../../../../nodes/guard/region/region-facts.js";
import { clusterName } from "../../../../nodes/layout.js";
import { type BeginResult, runBegin } from "../../../../operations/begin/run.js";
import { VaultBucket } from "../../../../operations/vault/bucket.js";
import { ANY_ACCOUNT } from "../../../../settings/contract.js";
import type { Credentials } from "../../../twin/vault/emulated-s3.js";
import type { RegionScene } from "../../region/stage/region-scene.js";

/** Stands for the other account's bucket, whose key and policy the emulator doesn't tell apart. */
export const COPY_BUCKET = "twin-copy";
export const BROKEN_OFF = "broken off before the order";

/** Two files outside of the account: all that its people still have, beside the copy. */
export class Custody {
  private user: Credentials | undefined;

  private constructor(
    private readonly folder: string,
    private readonly escrow: string,
    private readonly identity: string,
  ) {}

  static async seal(scene: RegionScene): Promise<Custody> {
    const { contract } = scene.running;
    const folder = await mkdtemp(join(tmpdir(), "custody-"));
    const custody = new Custody(folder, join(folder, "escrow.age"), join(folder, "identity.txt"));
    const identity = await generateIdentity();
    await writeFile(custody.identity, `${identity}\n`, { mode: 0o600 });
    const contents = {
      readme: "runbooks/account-gone.md",
      project: { name: "disaster-recovery", version: "0" },
      passphrase: await readFile(secretFile(scene), "utf8"),
      places: {
        accountId: ANY_ACCOUNT,
        regions: (["home", "recovery"] as const).map((id) => ({
          id,
          region: contract[id].region,
          vaultBucket: contract[id].vaultBucket,
          stanza: clusterName(contract[id]),
          repositoryPath: contract[id].repositoryPath,
        })),
        copy: {
          accountId: "999999999999",
          bucket: COPY_BUCKET,
          region: contract.home.region,
          keyArn: `arn:aws:kms:${contract.home.region}:999999999999:alias/copy`,
        },
      },
      settings: {},
    };
    await writeFile(custody.escrow, await seal(contents, [await recipientOf(identity)]));
    return custody;
  }

  /**
   * Fills the new account's vault, with no more rights than the command needs.
   * @param isWhole whether it ends with its order; otherwise it breaks off before that
   */
  async begin(scene: RegionScene, isWhole: boolean): Promise<BeginResult> {
    const { contract, vaults, claims } = scene.running;
    const identities = identitiesIn(await readFile(this.identity, "utf8"));
    const escrow = await open(await readFile(this.escrow), identities);
    this.user ??= await vaults.store.makeUser("begins", rights(contract.home.vaultBucket));
    const s3 = vaults.store.s3("home", this.user);
    const vault = new VaultBucket(s3, contract.home.vaultBucket);
    if (!isWhole) vault.put = () => Promise.reject(new Error(BROKEN_OFF));
    const file = secretFile(scene);
    return runBegin(
      {
        contract,
        copy: new VaultBucket(s3, escrow.places.copy?.bucket as string),
        vault,
        passphrase: {
          read: () => readFile(file, "utf8"),
          write: (value) => writeFile(file, value),
        },
        async readClaims() {
          const { epoch, status } = await claims.read();
          const of = (id: "home" | "recovery") => ({
            claimed: epoch[id],
            status: status[id],
            overrides: NO_OVERRIDES,
          });
          return { regions: { home: of("home"), recovery: of("recovery") } };
        },
        confirm: async () => true,
        report() {},
        now: () => new Date(),
      },
      { escrow, to: "latest" },
    );
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const secretFile = ({ running: { twin, contract } }: RegionScene): string =>
  join(twin.dir, "platform/secrets", contract.secrets.backupCipher);

const rights = (vault: string): Statement[] => [
  {
    Sid: "ReadTheCopy",
    Effect: "Allow",
    Action: ["s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion"],
    Resource: [`arn:aws:s3:::${COPY_BUCKET}`, `arn:aws:s3:::${COPY_BUCKET}/*`],
  },
  {
    Sid: "FillTheVault",
    Effect: "Allow",
    Action: ["s3:ListBucketVersions", "s3:PutObject"],
    Resource: [`arn:aws:s3:::${vault}`, `arn:aws:s3:::${vault}/*`],
  },
  { Sid: "UseBothKeys", Effect: "Allow", Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: "*" },
];
