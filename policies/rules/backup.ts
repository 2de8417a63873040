/** Vaults of AWS Backup: under a key of ours, and no user deletes from them before time. */
import type * as backup from "@pulumi/aws/backup/index.js";
import { argsOf, check, known, linked, rule, stackRule } from "../rule.js";
import { guidance, securityHub } from "../standards.js";

const VAULT = "aws:backup/vault:Vault";
const LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration";

export const backupVaultsEncrypted = rule(
  {
    name: "backup-vaults-encrypted",
    description: "Every vault of AWS Backup encrypts with a KMS key of ours.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("Backup.1"),
  },
  {
    [VAULT]: check<backup.VaultArgs>(function* ({ props }) {
      if (!props.kmsKeyArn) {
        yield {
          key: "kmsKeyArn",
          value: props.kmsKeyArn,
          reason: "copies would be under AWS's own key, which can't be audited or revoked",
          remedy: "set kmsKeyArn to the data key of the vault's region",
        };
      }
    }),
  },
);

/** A lock without `changeableForDays` is in governance mode, which an administrator takes off. */
export const backupVaultsLocked = stackRule(
  {
    name: "backup-vaults-locked",
    description: "Every vault of AWS Backup is locked in COMPLIANCE mode, with a minimum retention.",
    level: "mandatory",
    severity: "critical",
    reference: guidance(
      "AWS Backup Vault Lock",
      "https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html",
    ),
  },
  VAULT,
  function* (vault, stack) {
    const name = known(() => argsOf<backup.VaultArgs>(vault).name);
    const locks = linked(stack, LOCK, "backupVaultName", vault, name === undefined ? [] : [name]);
    if (locks.length === 0) {
      yield {
        key: "lock",
        value: undefined,
        reason: "an attacker with administrator rights could delete every recovery point",
        remedy: "add a VaultLockConfiguration with changeableForDays and minRetentionDays",
      };
    }
    for (const lock of locks.map((found) => argsOf<backup.VaultLockConfigurationArgs>(found))) {
      if (known(() => !lock.changeableForDays)) {
        yield {
          key: "lock.changeableForDays",
          value: lock.changeableForDays,
          reason: "an administrator can remove a lock that never becomes immutable",
          remedy: "set changeableForDays to at least 3: after them it is in COMPLIANCE mode",
        };
      }
      if (known(() => (lock.minRetentionDays ?? 0) < 1)) {
        yield {
          key: "lock.minRetentionDays",
          value: lock.minRetentionDays,
          reason: "a recovery point could be deleted at once",
          remedy: "set minRetentionDays to volumeBackup.keepDays",
        };
      }
    }
  },
);
