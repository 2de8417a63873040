import * as backup from "../../policies/rules/backup.js";
import { describeRule } from "../support/policy.js";

const VAULT = "aws:backup/vault:Vault";
const vault = {
  type: VAULT,
  props: { name: "drs-volumes", kmsKeyArn: "arn:aws:kms:eu-west-1:123456789012:key/mrk-1" },
};

describeRule(backup.backupVaultsEncrypted, {
  good: [vault],
  bad: {
    "no key": {
      set: { kmsKeyArn: undefined },
      message:
        "kmsKeyArn = (not set)\n  copies would be under AWS's own key, which can't be audited or revoked\n  → set kmsKeyArn to the data key of the vault's region",
    },
  },
});

describeRule(backup.backupVaultsLocked, {
  good: [
    vault,
    {
      type: "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
      name: "lock",
      props: { backupVaultName: "drs-volumes", changeableForDays: 3, minRetentionDays: 35 },
    },
  ],
  bad: {
    "no lock": {
      of: 1,
      drop: true,
      message:
        "lock = (not set)\n  an attacker with administrator rights could delete every recovery point\n  → add a VaultLockConfiguration with changeableForDays and minRetentionDays",
    },
    "another vault's lock": {
      of: 1,
      set: { backupVaultName: "others" },
      message:
        "lock = (not set)\n  an attacker with administrator rights could delete every recovery point\n  → add a VaultLockConfiguration with changeableForDays and minRetentionDays",
    },
    "governance mode": {
      of: 1,
      set: { changeableForDays: undefined },
      message:
        "lock.changeableForDays = (not set)\n  an administrator can remove a lock that never becomes immutable\n  → set changeableForDays to at least 3: after them it is in COMPLIANCE mode",
    },
    "no least retention": {
      of: 1,
      set: { minRetentionDays: undefined },
      message:
        "lock.minRetentionDays = (not set)\n  a recovery point could be deleted at once\n  → set minRetentionDays to volumeBackup.keepDays",
    },
  },
});
