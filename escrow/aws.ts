/** What the commands of the escrow read and write in one region of AWS. */
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { parameterValue } from "../authority/parameter.js";
import { type Emulated, emulatedConfig } from "../common/emulated.js";
import { UserError } from "../common/errors.js";
import type { Contract } from "../settings/contract.js";
import type { EscrowFacts, EscrowRecord } from "./record.js";

type Names = Pick<Contract, "secrets" | "authorityParameter" | "escrowParameter">;

/**
 * The clients take `AWS_ENDPOINT_URL` and credentials from the environment, unless the place is emulated.
 * @param region AWS region name
 */
export class EscrowRegion {
  private readonly secrets: SecretsManagerClient;
  private readonly ssm: SSMClient;

  constructor(
    readonly region: string,
    private readonly names: Names,
    emulated?: Emulated,
  ) {
    const config = emulatedConfig(emulated);
    // A region that is down must not hold up the answer about the other.
    this.secrets = new SecretsManagerClient({ ...config, region, maxAttempts: 2 });
    this.ssm = new SSMClient({ ...config, region, maxAttempts: 2 });
  }

  /** @throws UserError when stack global hasn't made it. */
  async passphrase(): Promise<{ readonly value: string; readonly version: string }> {
    const SecretId = this.names.secrets.backupCipher;
    const { SecretString, VersionId } = await this.secrets
      .send(new GetSecretValueCommand({ SecretId }))
      .catch((error: Error) => this.absent(error));
    if (!SecretString || !VersionId) return this.absent(new Error("It is empty."));
    return { value: SecretString, version: VersionId };
  }

  /** What nodes trust; undefined: nothing yet. */
  authority = (): Promise<string | undefined> => parameterValue(this.ssm, this.names.authorityParameter);

  /** Without the passphrase, which the caller may have no right to read. @throws UserError when there is no secret. */
  async facts(): Promise<EscrowFacts> {
    const SecretId = this.names.secrets.backupCipher;
    const [record, secret] = await Promise.all([
      parameterValue(this.ssm, this.names.escrowParameter),
      this.secrets.send(new DescribeSecretCommand({ SecretId })).catch((error: Error) => this.absent(error)),
    ]);
    const current = Object.entries(secret.VersionIdsToStages ?? {}).find(([, stages]) =>
      stages.includes("AWSCURRENT"),
    );
    if (!current) return this.absent(new Error("It is empty."));
    return { record, version: current[0] };
  }

  async record(record: EscrowRecord): Promise<void> {
    await this.ssm.send(
      new PutParameterCommand({
        Name: this.names.escrowParameter,
        Description: "When the escrow was last verified: npx dr bootstrap escrow",
        Type: "String",
        Value: JSON.stringify(record),
        Overwrite: true,
      }),
    );
  }

  close(): void {
    this.secrets.destroy();
    this.ssm.destroy();
  }

  private absent(error: Error): never {
    throw new UserError(
      `the secret ${this.names.secrets.backupCipher} can't be read in ${this.region}`,
      `${error.name}: ${error.message}`,
      "deploy stack global first; see that your role may read its secrets",
    );
  }
}
