/** Where AWS Backup keeps a region's recovery points of data volumes, and the other region's copies of theirs. */
import * as backup from "@pulumi/aws/backup/index.js";
import * as pulumi from "@pulumi/pulumi";

export interface VolumeVaultArgs {
  /** Fixed, because the other region's plan names it. */
  readonly vaultName: string;
  /** Data key of the region: a copy from the other region is encrypted again with it. */
  readonly keyArn: pulumi.Input<string>;
  /** Least days that a recovery point is kept. Default in settings: 35. */
  readonly keepDays: number;
}

/**
 * Days in which the lock can still be taken off; then it is in COMPLIANCE mode, and neither root nor AWS lifts it. Three
 * is the least that AWS takes: enough to see that a first deployment was meant.
 */
const CHANGEABLE_DAYS = 3;

/**
 * It belongs to stack `global`, as the other vaults do: a copy must have where to go before a region's plan names it, and
 * must outlive the region it came from.
 */
export class VolumeVault extends pulumi.ComponentResource {
  constructor(name: string, args: VolumeVaultArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:storage:VolumeVault", name, {}, opts);
    const vault = new backup.Vault(
      name,
      { name: args.vaultName, kmsKeyArn: args.keyArn },
      { parent: this, protect: true },
    );
    new backup.VaultLockConfiguration(
      `${name}-lock`,
      {
        backupVaultName: vault.name,
        changeableForDays: CHANGEABLE_DAYS,
        minRetentionDays: args.keepDays,
      },
      {
        parent: this,
        protect: true,
        // AWS refuses any change once the days are over. Recovery points may be kept longer than the lock asks, so
        // `keepDays` can still be raised; lowered, backups would fail, and the lock is what says so.
        ignoreChanges: ["changeableForDays", "minRetentionDays"],
      },
    );
    this.registerOutputs();
  }
}
