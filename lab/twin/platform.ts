/** What the platform would answer a machine: secrets, certificates, parameters, artifacts. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { sampleWar } from "../../applications/sample/war.js";
import { type Authority, createAuthority, issueLeaf } from "../../authority/authority.js";
import { renderClusterConfig } from "../../nodes/render/cluster-config.js";
import { APPLICATION_KEY } from "../../nodes/render/node-env.js";
import { type Contract, DATABASE_LOGINS } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Twin } from "./types.js";

/** Fills a twin's platform. Each twin gets new passwords, which stay in its folder. */
export class Platform {
  private authority: Promise<Authority> | undefined;
  private readonly made = new Set<string>();

  constructor(
    private readonly twin: Twin,
    private readonly contract: Contract,
  ) {}

  /** Everything that the settings ask for and that isn't there yet; what may change is written again. */
  async provide(settings: SharedSettings, regions: readonly RegionId[]): Promise<void> {
    const { contract } = this;
    this.authority ??= createAuthority("Twin");
    const authority = await this.authority;
    await this.once("parameters", contract.authorityParameter, async () => authority.certificate);
    for (const login of Object.keys(DATABASE_LOGINS) as (keyof typeof DATABASE_LOGINS)[]) {
      await this.login(contract.secrets[login], DATABASE_LOGINS[login]);
    }
    await this.once("secrets", contract.secrets.backupCipher, async () => password());
    for (const { owner } of settings.databases) await this.login(contract.ownerSecret(owner), owner);
    await Promise.all(
      regions.flatMap((id) => {
        const { databaseNodes, readReplicas, restoreNode, clusterParameter } = contract[id];
        return [
          this.twin.put("parameters", clusterParameter, renderClusterConfig(settings, contract, id)),
          ...[...databaseNodes, ...readReplicas, { name: restoreNode, address: undefined }].map(
            ({ name, address }) =>
              this.once("secrets", contract.certificateSecret(name), async () =>
                JSON.stringify(await issueLeaf(authority, { name, address })),
              ),
          ),
        ];
      }),
    );
    await this.application(settings, regions);
  }

  private async application(
    { application: { war } }: SharedSettings,
    regions: readonly RegionId[],
  ): Promise<void> {
    if (war.startsWith("s3://")) return;
    const file = war === "sample" ? sampleWar() : war;
    const content = await readFile(file);
    for (const id of regions) {
      await this.twin.put("artifacts", `${this.contract[id].artifactBucket}/${APPLICATION_KEY}`, content);
    }
  }

  private login(secret: string, username: string): Promise<void> {
    return this.once("secrets", secret, async () => JSON.stringify({ username, password: password() }));
  }

  private async once(
    kind: "secrets" | "parameters",
    name: string,
    make: () => Promise<string>,
  ): Promise<void> {
    if (this.made.has(name)) return;
    this.made.add(name);
    await this.twin.put(kind, name, await make());
  }
}

const password = () => randomBytes(24).toString("hex");
