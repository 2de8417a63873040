import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RunbookBucket } from "../../components/runbook-bucket.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { BASE_SETTINGS, record } from "../support/recorder.js";

const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";

const uploaded = (files: Record<string, string>) => {
  const folder = mkdtempSync(join(tmpdir(), "runbooks-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return record(() => {
    const provider = awsProvider(parseSharedSettings("global", BASE_SETTINGS), "eu-central-1");
    new RunbookBucket("runbooks", { bucketName: "books", keyArn: "arn:aws:kms:x", folder }, { provider });
    return undefined;
  });
};

test("each runbook is an object with the text of the repository", async () => {
  const recording = await uploaded({ "b.md": "# B", "a.md": "# A", "note.txt": "no" });
  expect(recording.ofType(OBJECT).map(({ inputs }) => [inputs.bucket, inputs.key, inputs.content])).toEqual([
    ["books", "a.md", "# A"],
    ["books", "b.md", "# B"],
  ]);
  const { inputs, region, protect } = recording.one("runbooks-a", OBJECT);
  expect(inputs.contentType).toBe("text/markdown; charset=utf-8");
  expect({ region, protect }).toEqual({ region: "eu-central-1", protect: false });
});

test("what is no runbook stays away", async () => {
  expect((await uploaded({ "note.txt": "no" })).ofType(OBJECT)).toEqual([]);
});
