import * as encryption from "../../policies/rules/volumes-keys-secrets.js";
import { describeRule } from "../support/policy.js";

const KEY = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1";

describeRule(encryption.ebsEncrypted, {
  good: [
    { type: "aws:ebs/volume:Volume", props: { encrypted: true, kmsKeyId: KEY } },
    {
      type: "aws:ec2/launchTemplate:LaunchTemplate",
      props: {
        blockDeviceMappings: [{ deviceName: "/dev/xvda", ebs: { encrypted: "true", kmsKeyId: KEY } }],
      },
    },
  ],
  bad: {
    "a volume that says nothing": {
      set: { encrypted: undefined },
      message:
        "encrypted = (not set)\n  the disk and its snapshots would be readable in plain text\n  → set encrypted to true, with kmsKeyId",
    },
    "a volume under the default key": {
      set: { kmsKeyId: undefined },
      message:
        "kmsKeyId = (not set)\n  the account's default key can't be used from another region or account\n  → set kmsKeyId to the data key",
    },
    "a template's plain disk": {
      of: 1,
      set: { "blockDeviceMappings.0.ebs.encrypted": "false" },
      message:
        'blockDeviceMappings.0.ebs.encrypted = "false"\n  the disk and its snapshots would be readable in plain text\n  → set encrypted to true, with kmsKeyId',
    },
  },
});

describeRule(encryption.kmsRotation, {
  good: [
    { type: "aws:kms/key:Key", props: { enableKeyRotation: true, multiRegion: true } },
    { type: "aws:kms/key:Key", name: "signing", props: { customerMasterKeySpec: "RSA_4096" } },
  ],
  bad: {
    "a key that says nothing": {
      set: { enableKeyRotation: undefined },
      message:
        "enableKeyRotation = (not set)\n  one leaked key would open everything it ever encrypted\n  → set enableKeyRotation to true",
    },
  },
});

const topic =
  "\n  messages would be stored unencrypted, and alarms can't publish under AWS's own key\n  → set kmsMasterKeyId to the notifications key";
describeRule(encryption.snsEncrypted, {
  good: [{ type: "aws:sns/topic:Topic", props: { kmsMasterKeyId: KEY } }],
  bad: {
    "no key": { set: { kmsMasterKeyId: undefined }, message: `kmsMasterKeyId = (not set)${topic}` },
    "AWS's own key": {
      set: { kmsMasterKeyId: "alias/aws/sns" },
      message: `kmsMasterKeyId = "alias/aws/sns"${topic}`,
    },
  },
});

const secret = "\n  under AWS's own key, read access to the secret includes decryption\n";
describeRule(encryption.secretsEncryptedWithKms, {
  good: [
    {
      type: "aws:secretsmanager/secret:Secret",
      props: { kmsKeyId: KEY, replicas: [{ region: "eu-central-1", kmsKeyId: KEY }] },
    },
  ],
  bad: {
    "no key": {
      set: { kmsKeyId: undefined },
      message: `kmsKeyId = (not set)${secret}  → set kmsKeyId to the data key of the secret's region`,
    },
    "a replica without": {
      set: { "replicas.0.kmsKeyId": undefined },
      message: `replicas.0.kmsKeyId = (not set)${secret}  → set kmsKeyId to the data key of the replica's region`,
    },
  },
});

describeRule(encryption.logGroupsEncrypted, {
  good: [{ type: "aws:cloudwatch/logGroup:LogGroup", props: { kmsKeyId: KEY } }],
  bad: {
    "no key": {
      set: { kmsKeyId: undefined },
      message:
        "kmsKeyId = (not set)\n  logs couldn't be made unreadable by revoking a key\n  → set kmsKeyId to the data key",
    },
  },
});
