/** Copies of the runbooks where they can be read when the repository's host can't. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as s3 from "@pulumi/aws/s3/index.js";
import * as pulumi from "@pulumi/pulumi";
import { expireSuperseded, SecureBucket } from "./secure-bucket.js";

export interface RunbookBucketArgs {
  readonly bucketName: string;
  /** Backups key of the bucket's region. */
  readonly keyArn: pulumi.Input<string>;
  /** Folder whose `*.md` are uploaded. Default: `runbooks/` of this repository. */
  readonly folder?: string;
}

const RUNBOOKS_FOLDER = fileURLToPath(new URL("../runbooks", import.meta.url));

/** Days for which an earlier text of a runbook can be brought back. */
const KEEP_EARLIER_DAYS = 90;

/**
 * One region's bucket of runbooks. As closed as a vault, but without a lock: a runbook with a mistake in it
 * must be replaceable.
 */
export class RunbookBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;

  constructor(name: string, args: RunbookBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:runbooks:RunbookBucket", name, {}, opts);
    const bucket = new SecureBucket(
      name,
      {
        bucketName: args.bucketName,
        keyArn: args.keyArn,
        lifecycle: [expireSuperseded(KEEP_EARLIER_DAYS)],
      },
      { parent: this },
    );
    this.bucketName = bucket.bucketName;
    for (const file of runbookFiles(args.folder ?? RUNBOOKS_FOLDER)) {
      new s3.BucketObjectv2(
        `${name}-${basename(file, ".md")}`,
        {
          bucket: bucket.bucketName,
          key: basename(file),
          content: readFileSync(file, "utf8"),
          contentType: "text/markdown; charset=utf-8",
        },
        { parent: this, dependsOn: [...bucket.ready] },
      );
    }
    this.registerOutputs({ bucketName: this.bucketName });
  }
}

/** In the order of their names, so that two deployments of the same files look the same. */
const runbookFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .sort()
    .map((file) => join(folder, file));
