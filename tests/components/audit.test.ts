import { beforeAll, expect, test } from "vitest";
import { decide } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const BUCKET = `drs-audit-${ACCOUNT_ID}-eu-west-1`;
const TRAIL = `arn:aws:cloudtrail:eu-west-1:${ACCOUNT_ID}:trail/drs-audit`;

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global", {
    ...BASE_SETTINGS,
    audit: { lockDays: 100, retentionDays: 120 },
  });
});

const trail = () => global.one("audit-trail", "aws:cloudtrail/trail:Trail");

test("one trail records all regions, signed, encrypted, protected", () => {
  expect(trail()).toMatchObject({
    protect: true,
    region: "eu-west-1",
    inputs: {
      name: "drs-audit",
      s3BucketName: BUCKET,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableLogFileValidation: true,
      enableLogging: true,
    },
  });
  expect(trail().inputs.kmsKeyId).toMatch(/:keys-audit$/);
});

test("it records management events, objects of vaults and runbooks, and writes to the claim table", () => {
  const selectors = trail().inputs.advancedEventSelectors as { name: string; fieldSelectors: any[] }[];
  const field = (i: number, name: string) =>
    selectors[i]?.fieldSelectors.find((selector) => selector.field === name);
  expect(selectors).toHaveLength(3);
  expect(field(0, "eventCategory").equals).toEqual(["Management"]);
  expect(field(1, "resources.ARN").startsWiths).toEqual([
    `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-eu-west-1/`,
    `arn:aws:s3:::drs-runbooks-${ACCOUNT_ID}-eu-west-1/`,
    `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-eu-central-1/`,
    `arn:aws:s3:::drs-runbooks-${ACCOUNT_ID}-eu-central-1/`,
  ]);
  expect(field(2, "readOnly").equals).toEqual(["false"]);
  expect(field(2, "resources.ARN").equals).toEqual([
    `arn:aws:dynamodb:eu-west-1:${ACCOUNT_ID}:table/drs-claims`,
    `arn:aws:dynamodb:eu-central-1:${ACCOUNT_ID}:table/drs-claims`,
  ]);
});

test("with a state bucket it records each read and write of the state", async () => {
  const more = await recordStack("global", { ...BASE_SETTINGS, pipeline: { stateBucket: "drs-state" } });
  const selectors = more.one("audit-trail", "aws:cloudtrail/trail:Trail").inputs.advancedEventSelectors;
  const ofState = selectors.find(({ name }: { name: string }) => name === "Objects of Pulumi's state");
  expect(ofState.fieldSelectors).toEqual([
    { field: "eventCategory", equals: ["Data"] },
    { field: "resources.type", equals: ["AWS::S3::Object"] },
    { field: "resources.ARN", startsWiths: ["arn:aws:s3:::drs-state/"] },
  ]);
});

test("this trail may write into this account's folder, no other trail and nowhere else", () => {
  const { policy } = global.one("audit-bucket-policy").inputs;
  const write = (key: string, source: string) =>
    decide(
      {
        action: "s3:PutObject",
        resource: `arn:aws:s3:::${BUCKET}/${key}`,
        principal: "cloudtrail.amazonaws.com",
        context: {
          "aws:SecureTransport": "true",
          "s3:TlsVersion": "1.2",
          "aws:SourceArn": source,
          "s3:x-amz-acl": "bucket-owner-full-control",
          // Digest files may come under a key of S3's own.
          "s3:x-amz-server-side-encryption": "AES256",
        },
      },
      policy,
    );
  expect(write(`AWSLogs/${ACCOUNT_ID}/CloudTrail/x`, TRAIL)).toBe("allow");
  expect(write(`AWSLogs/${ACCOUNT_ID}/CloudTrail/x`, `${TRAIL}-2`)).toBe("nothing");
  expect(write("AWSLogs/999999999999/x", TRAIL)).toBe("nothing");
});

test("log files expire after their retention", () => {
  const { rules } = global.one("audit-bucket-lifecycle").inputs;
  expect(rules.find(({ id }: { id: string }) => id === "expire")).toMatchObject({
    expiration: { days: 120 },
  });
});
