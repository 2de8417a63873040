/** Every rule of the pack, listed by hand: a rule that isn't here isn't enforced, and a test says so. */
import type { Rule } from "./rule.js";
import { resourcePoliciesNotPublic } from "./rules/access.js";
import {
  cloudtrailComplete,
  eventRulesHeard,
  logRetentionSet,
  shellsLeaveTranscripts,
} from "./rules/audit.js";
import { backupVaultsEncrypted, backupVaultsLocked } from "./rules/backup.js";
import {
  s3EncryptedWithKms,
  s3Lifecycle,
  s3ObjectLockCompliance,
  s3OwnerEnforced,
  s3PublicAccessBlocked,
  s3ReplicationSafe,
  s3TlsOnly,
  s3VaultCopiedElsewhere,
  s3VaultReplicated,
  s3Versioned,
} from "./rules/buckets.js";
import { groupsSpanZones, imdsv2Required, noPublicAddresses } from "./rules/compute.js";
import { dynamodbDeletionProtected, dynamodbRecoverable } from "./rules/database.js";
import { failoverRecordsChecked } from "./rules/dns.js";
import {
  iamNoAdministrators,
  iamNoEscalation,
  iamNoUsers,
  iamNoWildcardActions,
  iamNoWildcardResources,
  iamReplicationNeverDeletes,
  iamRolesBounded,
  iamTrustNamed,
} from "./rules/iam.js";
import {
  kubernetesNoClusterAdmin,
  kubernetesNoEscalation,
  kubernetesNoWildcards,
} from "./rules/kubernetes.js";
import {
  defaultSecurityGroupEmpty,
  flowLogsOn,
  httpOnlyRedirects,
  invalidHeadersDropped,
  loadBalancerTls,
  securityGroupsClosed,
} from "./rules/network.js";
import { dataProtected, explicitProvider } from "./rules/protection.js";
import {
  ebsEncrypted,
  kmsRotation,
  logGroupsEncrypted,
  secretsEncryptedWithKms,
  snsEncrypted,
} from "./rules/volumes-keys-secrets.js";

/** In the order of the generated table. */
export const RULES_BY_DOMAIN: Readonly<Record<string, readonly Rule[]>> = {
  Protection: [dataProtected, explicitProvider],
  Storage: [
    s3ObjectLockCompliance,
    s3VaultReplicated,
    s3VaultCopiedElsewhere,
    s3ReplicationSafe,
    s3Versioned,
    s3EncryptedWithKms,
    s3TlsOnly,
    s3PublicAccessBlocked,
    s3OwnerEnforced,
    s3Lifecycle,
  ],
  Backup: [backupVaultsEncrypted, backupVaultsLocked],
  Encryption: [ebsEncrypted, kmsRotation, secretsEncryptedWithKms, snsEncrypted, logGroupsEncrypted],
  Database: [dynamodbRecoverable, dynamodbDeletionProtected],
  Network: [
    securityGroupsClosed,
    defaultSecurityGroupEmpty,
    flowLogsOn,
    loadBalancerTls,
    httpOnlyRedirects,
    invalidHeadersDropped,
  ],
  Compute: [imdsv2Required, noPublicAddresses, groupsSpanZones],
  Access: [
    iamNoWildcardActions,
    iamNoWildcardResources,
    iamNoAdministrators,
    iamNoEscalation,
    iamReplicationNeverDeletes,
    iamRolesBounded,
    iamTrustNamed,
    iamNoUsers,
    resourcePoliciesNotPublic,
  ],
  Audit: [cloudtrailComplete, eventRulesHeard, logRetentionSet, shellsLeaveTranscripts],
  DNS: [failoverRecordsChecked],
  Kubernetes: [kubernetesNoWildcards, kubernetesNoClusterAdmin, kubernetesNoEscalation],
};

export const RULES: readonly Rule[] = Object.values(RULES_BY_DOMAIN).flat();
