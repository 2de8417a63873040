/** The policy that every bucket of the project carries. No Pulumi here: the twin's buckets have the same. */
import { everythingIn, type Statement } from "./policy-document.js";

/**
 * @param keyArn when given, puts that ask for another key, or for none, are refused.
 */
export const bucketStatements = (bucketName: string, keyArn?: string): Statement[] => [
  ...tlsOnly(bucketName),
  ...(keyArn === undefined ? [] : onlyKey(bucketName, keyArn)),
];

const tlsOnly = (bucket: string): Statement[] => [
  {
    Sid: "DenyPlainText",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: everythingIn(bucket),
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  },
  {
    Sid: "DenyOldTls",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: everythingIn(bucket),
    Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
  },
];

/**
 * A put may leave the encryption to the bucket (no header), or name this key. `Null: false` keeps the
 * first case out: a negated comparison with a header that isn't there would be true.
 */
const onlyKey = (bucket: string, keyArn: string): Statement[] => [
  {
    Sid: "DenyOtherEncryption",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:PutObject",
    Resource: `arn:aws:s3:::${bucket}/*`,
    Condition: {
      Null: { "s3:x-amz-server-side-encryption": "false" },
      StringNotEquals: { "s3:x-amz-server-side-encryption": "aws:kms" },
    },
  },
  {
    Sid: "DenyOtherKeys",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:PutObject",
    Resource: `arn:aws:s3:::${bucket}/*`,
    Condition: {
      Null: { "s3:x-amz-server-side-encryption-aws-kms-key-id": "false" },
      StringNotEquals: { "s3:x-amz-server-side-encryption-aws-kms-key-id": keyArn },
    },
  },
];
