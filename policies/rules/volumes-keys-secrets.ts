/** Volumes, secrets, topics and logs are encrypted with keys of ours, and keys renew themselves. Buckets: buckets.ts. */
import type * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import type * as ebs from "@pulumi/aws/ebs/index.js";
import type * as ec2 from "@pulumi/aws/ec2/index.js";
import type * as kms from "@pulumi/aws/kms/index.js";
import type * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import type * as sns from "@pulumi/aws/sns/index.js";
import { check, rule } from "../rule.js";
import { awsConfig, securityHub } from "../standards.js";

/** Volumes, on their own and as part of a launch template. */
export const ebsEncrypted = rule(
  {
    name: "ebs-encrypted",
    description: "Every EBS volume is encrypted with a KMS key of ours.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("EC2.3"),
  },
  {
    "aws:ebs/volume:Volume": check<ebs.VolumeArgs>(function* ({ props }) {
      yield* encryptedDisk("", props.encrypted, () => props.kmsKeyId);
    }),
    "aws:ec2/launchTemplate:LaunchTemplate": check<ec2.LaunchTemplateArgs>(function* ({ props }) {
      for (const [i, { ebs: disk }] of (props.blockDeviceMappings ?? []).entries()) {
        if (disk) {
          yield* encryptedDisk(`blockDeviceMappings.${i}.ebs.`, disk.encrypted, () => disk.kmsKeyId);
        }
      }
    }),
  },
);

/** A key that never changes protects everything it ever encrypted with one secret. */
export const kmsRotation = rule(
  {
    name: "kms-rotation",
    description: "Every symmetric KMS key rotates by itself.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("KMS.4"),
  },
  {
    "aws:kms/key:Key": check<kms.KeyArgs>(function* ({ props }) {
      // Only symmetric encryption keys can rotate.
      if ((props.customerMasterKeySpec ?? "SYMMETRIC_DEFAULT") !== "SYMMETRIC_DEFAULT") return;
      if (props.enableKeyRotation !== true) {
        yield {
          key: "enableKeyRotation",
          value: props.enableKeyRotation,
          reason: "one leaked key would open everything it ever encrypted",
          remedy: "set enableKeyRotation to true",
        };
      }
    }),
  },
);

/** Alarm messages name machines, addresses and what is wrong with them. */
export const snsEncrypted = rule(
  {
    name: "sns-encrypted",
    description: "Every SNS topic is encrypted with a KMS key of ours.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("SNS.1"),
  },
  {
    "aws:sns/topic:Topic": check<sns.TopicArgs>(function* ({ props: { kmsMasterKeyId } }) {
      if (!kmsMasterKeyId || kmsMasterKeyId === "alias/aws/sns") {
        yield {
          key: "kmsMasterKeyId",
          value: kmsMasterKeyId,
          reason: "messages would be stored unencrypted, and alarms can't publish under AWS's own key",
          remedy: "set kmsMasterKeyId to the notifications key",
        };
      }
    }),
  },
);

/** Secrets, and their copies in other regions. */
export const secretsEncryptedWithKms = rule(
  {
    name: "secrets-encrypted-with-kms",
    description: "Every secret and each of its replicas is encrypted with a KMS key of ours.",
    level: "mandatory",
    severity: "high",
    reference: awsConfig("secretsmanager-using-cmk"),
  },
  {
    "aws:secretsmanager/secret:Secret": check<secretsmanager.SecretArgs>(function* ({ props }) {
      const reason = "under AWS's own key, read access to the secret includes decryption";
      if (!props.kmsKeyId) {
        yield {
          key: "kmsKeyId",
          value: props.kmsKeyId,
          reason,
          remedy: "set kmsKeyId to the data key of the secret's region",
        };
      }
      for (const [i, replica] of (props.replicas ?? []).entries()) {
        if (!replica.kmsKeyId) {
          yield {
            key: `replicas.${i}.kmsKeyId`,
            value: replica.kmsKeyId,
            reason,
            remedy: "set kmsKeyId to the data key of the replica's region",
          };
        }
      }
    }),
  },
);

/** Logs name users, addresses and statements. */
export const logGroupsEncrypted = rule(
  {
    name: "log-groups-encrypted",
    description: "Every log group is encrypted with a KMS key of ours.",
    level: "mandatory",
    severity: "medium",
    reference: awsConfig("cloudwatch-log-group-encrypted"),
  },
  {
    "aws:cloudwatch/logGroup:LogGroup": check<cloudwatch.LogGroupArgs>(function* ({ props }) {
      if (!props.kmsKeyId) {
        yield {
          key: "kmsKeyId",
          value: props.kmsKeyId,
          reason: "logs couldn't be made unreadable by revoking a key",
          remedy: "set kmsKeyId to the data key",
        };
      }
    }),
  },
);

function* encryptedDisk(at: string, encrypted: unknown, kmsKeyId: () => unknown) {
  // Launch templates take a string.
  if (encrypted !== true && encrypted !== "true") {
    yield {
      key: `${at}encrypted`,
      value: encrypted,
      reason: "the disk and its snapshots would be readable in plain text",
      remedy: "set encrypted to true, with kmsKeyId",
    };
  } else if (!kmsKeyId()) {
    yield {
      key: `${at}kmsKeyId`,
      value: undefined,
      reason: "the account's default key can't be used from another region or account",
      remedy: "set kmsKeyId to the data key",
    };
  }
}
