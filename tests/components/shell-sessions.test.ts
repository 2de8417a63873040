import * as aws from "@pulumi/aws";
import { expect, test } from "vitest";
import { ShellSessions } from "../../components/shell-sessions.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { ACCOUNT_ID, BASE_SETTINGS, record, recordStack } from "../support/recorder.js";

const GROUP = "aws:cloudwatch/logGroup:LogGroup";
const DOCUMENT = "aws:ssm/document:Document";
const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT_ID}:key/data`;

const sessions = (retentionDays = 400) =>
  record(() => {
    const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), ACCOUNT_ID);
    new ShellSessions(
      "sessions",
      { contract, region: "home", dataKeyArn: KEY, retentionDays },
      { provider: new aws.Provider("aws-eu-west-1", { region: "eu-west-1" }) },
    );
  });

test("transcripts go to a group that is encrypted with the region's key and protected from deletion", async () => {
  const recording = await sessions();
  expect(recording.one("sessions-transcripts", GROUP)).toMatchObject({
    inputs: {
      name: "/drs/eu-west-1/sessions",
      kmsKeyId: KEY,
      retentionInDays: 400,
      deletionProtectionEnabled: true,
    },
    protect: true,
  });
});

test("a shell streams its transcript while it runs, and opens only where the group is encrypted", async () => {
  const { inputs, protect } = (await sessions()).one("sessions-shell", DOCUMENT);
  expect(inputs).toMatchObject({ name: "drs-shell", documentType: "Session", documentFormat: "JSON" });
  expect(protect).toBe(true);
  expect(JSON.parse(inputs.content)).toMatchObject({
    schemaVersion: "1.0",
    sessionType: "Standard_Stream",
    inputs: {
      cloudWatchLogGroupName: "/drs/eu-west-1/sessions",
      cloudWatchEncryptionEnabled: true,
      cloudWatchStreamingEnabled: true,
      idleSessionTimeout: "20",
      maxSessionDuration: "60",
    },
  });
});

/** CloudWatch takes certain numbers of days only. */
test.each([
  [1, 1],
  [400, 400],
  [401, 545],
  [3653, 3653],
  [36_500, 0],
])("what the trail keeps for %i days, the transcripts keep for %i (0: for ever)", async (days, kept) => {
  expect((await sessions(days)).one("sessions-transcripts", GROUP).inputs.retentionInDays).toBe(kept);
});

test("stack global declares both, in both regions", async () => {
  const global = await recordStack("global");
  const regions = (type: string) => global.ofType(type).map(({ region }) => region);
  expect(regions(DOCUMENT).toSorted()).toEqual(["eu-central-1", "eu-west-1"]);
  expect(regions(GROUP).toSorted()).toEqual(["eu-central-1", "eu-west-1"]);
});
