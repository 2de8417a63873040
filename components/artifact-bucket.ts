/** Where a region's Tomcat servers find the application when they start. */
import * as pulumi from "@pulumi/pulumi";
import { expireSuperseded, SecureBucket } from "./secure-bucket.js";

export interface ArtifactBucketArgs {
  readonly bucketName: string;
  /** Backups key of the bucket's region. */
  readonly keyArn: pulumi.Input<string>;
}

/** Days for which a WAR that somebody overwrote or deleted by hand can be brought back. */
const KEEP_EARLIER_DAYS = 90;

/**
 * As closed as a vault, but without a lock. The WARs in it belong to the region's stack: each is named after its
 * content, so that one deployment never changes what an earlier one refers to, and they stay when the next one
 * comes: a server that starts in the middle of a rolling refresh, or a rollback, still finds its own.
 */
export class ArtifactBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;

  constructor(name: string, args: ArtifactBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:storage:ArtifactBucket", name, {}, opts);
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
    this.registerOutputs({ bucketName: this.bucketName });
  }
}
