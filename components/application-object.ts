/** The application's WAR in the region's own bucket. */
import * as s3 from "@pulumi/aws/s3/index.js";
import * as pulumi from "@pulumi/pulumi";

export interface ApplicationObjectArgs {
  /** `artifactBucket` of the region's contract; stack `global` made it. */
  readonly bucketName: string;
  /** Named by the content. */
  readonly key: string;
  /** Absolute path of the WAR. */
  readonly path: string;
}

export class ApplicationObject extends pulumi.ComponentResource {
  constructor(name: string, args: ApplicationObjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:application:ApplicationObject", name, {}, opts);
    new s3.BucketObjectv2(
      `${name}-war`,
      {
        bucket: args.bucketName,
        key: args.key,
        source: new pulumi.asset.FileAsset(args.path),
        contentType: "application/java-archive",
      },
      // Earlier ones stay: servers of an earlier launch template, or a rollback, fetch theirs.
      { parent: this, retainOnDelete: true },
    );
    this.registerOutputs();
  }
}
