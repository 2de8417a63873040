/**
 * Every setting of the project: its unit (in the name), bounds, default and meaning.
 *
 * Shared settings are set once, under `config:` in Pulumi.yaml. The keys of one region are in that
 * region's stack file. `docs/settings.md` is generated from this file.
 */
import { z } from "zod";
import { MAX_EPOCH } from "./claim-items.js";

/**
 * The region sets within which DynamoDB offers multi-Region strong consistency; home, recovery and
 * witness must lie in one of them.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/multi-region-strong-consistency-gt.html
 */
export const STRONG_CONSISTENCY_REGION_SETS = [
  ["us-east-1", "us-east-2", "us-west-2"],
  ["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"],
  ["ap-northeast-1", "ap-northeast-2", "ap-northeast-3"],
] as const;

const SUPPORTED_REGIONS = STRONG_CONSISTENCY_REGION_SETS.flat();

const region = z.enum(SUPPORTED_REGIONS as [string, ...string[]]);
const seconds = (min: number, max: number) => z.int().min(min).max(max);
const days = (min: number, max: number) => z.int().min(min).max(max);
const cidr16 = z
  .string()
  .regex(
    /^(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168)\.0\.0\/16$/,
    "must be a private /16 network such as 10.10.0.0/16",
  );
const instanceType = z
  .string()
  .regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, "must be an EC2 instance type such as r7g.large");
const image = z
  .string()
  .regex(
    /^(ami-[0-9a-f]{8,17}|resolve:ssm:\/[\w./-]+)$/,
    "must be an AMI id (ami-…) or resolve:ssm:/<parameter>",
  );
const DEFAULT_IMAGE = "resolve:ssm:/aws/service/debian/release/12/latest/arm64";
const regionImages = z.strictObject({
  database: image.default(DEFAULT_IMAGE).describe("Machine image of the database nodes."),
  tomcat: image.default(DEFAULT_IMAGE).describe("Machine image of the Tomcat servers."),
});

const identifier = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be 1 to 63 of a-z, 0-9 and _, and not begin with a digit");
const databaseSchema = z.strictObject({
  name: identifier.describe("Name of the database."),
  owner: identifier.describe("Login that owns its schema `public`; its password is generated."),
});
const postgresValue = z.union([
  z.string().regex(/^[^'\\\n]*$/, "must hold no quote, backslash or newline"),
  z.number(),
  z.boolean(),
]);

const contact = z.strictObject({
  severity: z
    .enum(["page", "notify"])
    .describe("`page` alerts the operator on call; `notify` is read in working hours."),
  protocol: z
    .enum(["email", "https", "sms"])
    .describe("How SNS delivers. A pager (PagerDuty, Jira Service Management) is `https`."),
  endpoint: z.string().min(3).describe("Email address, URL or E.164 number, as the protocol requires."),
});

/** Whether anybody is trusted with the roles for people. */
export const isTrusting = (trust: {
  readonly permissionSets: boolean;
  readonly samlProviderArn?: string | undefined;
  readonly usersOf?: string | undefined;
}): boolean => trust.permissionSets || trust.samlProviderArn !== undefined || trust.usersOf !== undefined;

/** Settings that both regions share. They are set once, in Pulumi.yaml. */
export const sharedSchema = z.strictObject({
  name: z
    .string()
    .regex(
      // AWS keeps what begins so for itself: Systems Manager the first two, S3 the third.
      /^(?!aws|ssm|xn--)[a-z][a-z0-9-]{1,10}[a-z0-9]$/,
      "must be 3 to 12 of a-z, 0-9 and -, and not begin with aws, ssm or xn--",
    )
    .default("drs")
    .describe("Prefix of every name that the other region must be able to derive."),
  domain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, "must be a domain such as example.com")
    .describe("Hosted zone that `global` creates, and parent of the service name."),
  service: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be one DNS label")
    .default("app")
    .describe("Label of the service name: `<service>.<domain>` is what clients use."),
  regions: z
    .strictObject({
      home: region.describe("Region of stack `prod`."),
      recovery: region.describe("Region of stack `dr`."),
      witness: region.describe("Region of the claim table's witness, the state backend and the secrets key."),
    })
    .describe("Never change a deployed region: it would replace everything in it."),
  accountId: z
    .string()
    .regex(/^\d{12}$/, "must be a 12-digit AWS account id")
    .optional()
    .describe("When set, every provider refuses to work in any other account."),
  contacts: z
    .array(contact)
    .min(1)
    .describe("Who receives alarms. At least one must have the severity `page`."),
  objectives: z
    .strictObject({
      rpoSeconds: seconds(60, 86_400)
        .default(300)
        .describe("Most data, in seconds of writes, that may be lost when a region dies."),
      rtoSeconds: seconds(30, 86_400)
        .default(900)
        .describe("Longest time from the decision to promote to the first write."),
      nodeRtoSeconds: seconds(2, 600)
        .default(10)
        .describe(
          "Longest write outage when a region loses its leader. Checked against the worst case of the settings in `failover`.",
        ),
    })
    .prefault({})
    .describe("The objectives that settings, alarms and drills are checked against."),
  network: z
    .strictObject({
      homeCidr: cidr16.default("10.10.0.0/16").describe("Address range of the home region."),
      recoveryCidr: cidr16
        .default("10.20.0.0/16")
        .describe("Address range of the recovery region; must not overlap the home region's."),
      egress: z
        .enum(["nat", "endpoints"])
        .default("nat")
        .describe(
          "`nat`: a NAT gateway per zone. `endpoints`: no internet, AWS endpoints of the own region only. Nodes then can't reach the *other* region's claim replica, vault and EC2: while DynamoDB of an active region is down that region fences itself after its lease, a restore must wait for the vault's copy, and no guard sees that the other region's machines are stopped.",
        ),
      flowLogRetentionDays: z
        .literal([30, 60, 90, 180, 365])
        .default(90)
        .describe("How long VPC flow logs are kept."),
    })
    .prefault({}),
  database: z
    .strictObject({
      voters: z
        .int()
        .min(1)
        .max(7)
        .default(3)
        .describe("Nodes that vote, per region: 3 or 5, spread over three zones."),
      instanceType: instanceType.default("r7g.large").describe("Size of a database node."),
      volumeGib: z.int().min(20).max(65_536).default(200).describe("Data volume of each node."),
      volumeIops: z.int().min(3000).max(80_000).default(3000).describe("gp3 IOPS of that volume."),
      volumeThroughputMibps: z
        .int()
        .min(125)
        .max(2000)
        .default(125)
        .describe("gp3 throughput of that volume."),
      readReplicas: z
        .int()
        .min(0)
        .max(12)
        .default(0)
        .describe(
          "Nodes per region beyond the voters that only serve reads: they never lead and never vote.",
        ),
      parameters: z
        .record(
          z.string().regex(/^[a-z_]+(\.[a-z_]+)?$/, "must be the name of a PostgreSQL parameter"),
          postgresValue,
        )
        .default({})
        .describe(
          "PostgreSQL parameters that override the defaults for the instance's size. Running nodes apply them by themselves; a parameter that needs a restart waits for the runbook.",
        ),
      maxSlotWalKeepMib: z
        .int()
        .min(64)
        .max(16_777_216)
        .optional()
        .describe(
          "Most WAL kept for a region that is down. Beyond it, PostgreSQL invalidates the region's slot. Default: a quarter of the volume.",
        ),
    })
    .prefault({}),
  databases: z
    .array(databaseSchema)
    .min(1)
    .default([{ name: "app", owner: "app" }])
    .describe(
      "Databases and the logins that own them. The first is the application's. To add a database, add a line. Removing a line drops nothing.",
    ),
  failover: z
    .strictObject({
      leaderLease: z
        .boolean()
        .default(true)
        .describe(
          "Let the guards take over from a leader that their kernel has silenced. Without it Patroni's ttl decides, about 20 s.",
        ),
      leaderLeaseSeconds: seconds(2, 30)
        .default(2)
        .describe("How long a leader may serve after its last renewal in etcd; 3 on noisy hosts."),
      ttlSeconds: seconds(1, 600).default(20).describe("Patroni's `ttl` of the leader key; at least 20."),
      loopWaitSeconds: seconds(1, 60).default(1).describe("Patroni's `loop_wait`."),
      retryTimeoutSeconds: seconds(1, 300)
        .default(4)
        .describe("Patroni's `retry_timeout`; at least 3, and loop wait + twice this at most the ttl."),
      primaryStartTimeoutSeconds: seconds(0, 600)
        .default(0)
        .describe("How long a crashed leader may take to start again before another takes over; 0: none."),
      etcdHeartbeatMillis: z.int().min(10).max(1000).default(50).describe("etcd's heartbeat interval."),
      etcdElectionMillis: z.int().min(50).max(50_000).default(500).describe("etcd's election timeout."),
      checkIntervalMillis: z
        .int()
        .min(20)
        .max(10_000)
        .default(250)
        .describe("How often HAProxy asks each node whether it leads."),
      fastCheckIntervalMillis: z
        .int()
        .min(20)
        .max(10_000)
        .default(100)
        .describe("The same while an answer has just changed."),
      checkFall: z
        .int()
        .min(1)
        .max(10)
        .default(2)
        .describe("Failed checks after which HAProxy drops a node."),
    })
    .prefault({})
    .describe("How fast a region replaces a lost leader by itself."),
  application: z
    .strictObject({
      war: z
        .string()
        .regex(
          /^(sample|s3:\/\/[a-z0-9.-]{3,63}\/\S+\.war|\.{0,2}\/?[\w./-]+\.war)$/,
          "must be `sample`, a path that ends in .war, or s3://bucket/key.war",
        )
        .default("sample")
        .describe(
          "What Tomcat runs: a local file, uploaded by the region's stack; `s3://bucket/key.war`; or `sample`, the small application in this repository.",
        ),
      allowSample: z
        .boolean()
        .default(false)
        .describe(
          "Whether Tomcat may run `sample`, which lets anybody who reaches it write to the database. Without it the servers start, and serve nothing. The twin needs no such setting.",
        ),
    })
    .prefault({}),
  promotion: z
    .strictObject({
      leaseSeconds: seconds(5, 300)
        .default(15)
        .describe(
          "Region lease: how long a node may serve after the last read of the claims. To raise it, raise `marginSeconds` by as much first, on all nodes of both regions: each node waits by its own configuration.",
        ),
      marginSeconds: seconds(2, 300)
        .default(5)
        .describe("Added to the lease before another region may open."),
      readIntervalSeconds: seconds(1, 60).default(2).describe("How often a guard reads the claims."),
      lagBudgetSeconds: seconds(1, 86_400)
        .default(60)
        .describe("An unplanned promotion with more proven lag than this is refused."),
    })
    .prefault({}),
  backup: z
    .strictObject({
      archiveTimeoutSeconds: seconds(10, 3600)
        .default(60)
        .describe("PostgreSQL's `archive_timeout`: the oldest a WAL file gets before archiving."),
      lockDays: days(1, 36_500)
        .default(30)
        .describe("Object Lock (COMPLIANCE) on every object of a vault. Not even root can shorten it."),
      retentionDays: days(1, 36_500)
        .default(35)
        .describe("How long backups are kept before the lifecycle expires them."),
      maxAgeHours: z
        .int()
        .min(1)
        .max(168)
        .default(26)
        .describe("The alarm fires when the newest backup is older than this."),
      fullHourUtc: z
        .int()
        .min(0)
        .max(23)
        .default(1)
        .describe("From this hour (UTC) on the day's full backup is due; a missed backup is made later."),
      incrementalMinutes: z
        .int()
        .min(15)
        .max(1440)
        .default(60)
        .describe("An incremental backup is due when the newest backup of any kind is older."),
      verifyDays: z
        .int()
        .min(0)
        .max(90)
        .default(7)
        .describe(
          "Days between two runs of pgBackRest's `verify`, which reads the whole repository; 0: never.",
        ),
      dumpDays: z
        .int()
        .min(0)
        .max(90)
        .default(7)
        .describe("Days between two logical dumps (`pg_dump`) of every database; 0: none."),
      escrowMaxDays: days(1, 3650)
        .default(180)
        .describe(
          "How old the last verification of the escrow may be, which has the backup passphrase outside the account: `npx dr bootstrap escrow`.",
        ),
      copyTo: z
        .strictObject({
          accountId: z
            .string()
            .regex(/^\d{12}$/, "must be a 12-digit AWS account id")
            .describe("The account. Its stack `copy` creates the buckets; it owns what is copied."),
          region: region.optional().describe("Region of the copy. Default: `regions.witness`."),
        })
        .optional()
        .describe(
          "A third copy of both vaults, and one of the audit trail, in an account that no user of this one can access. It needs `accountId` at the top, which the other account admits.",
        ),
    })
    .prefault({}),
  restoreTest: z
    .strictObject({
      everyHours: z
        .int()
        .min(0)
        .max(720)
        .default(24)
        .describe("Hours between two restore tests, in each region; 0: none."),
      maxSeconds: seconds(60, 86_400)
        .default(7200)
        .describe("A restore test that takes longer fails: the backup could not be restored in time."),
      checks: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(80).describe("What the check proves, for the report."),
            database: identifier.describe("Where it runs."),
            sql: z.string().min(1).max(2000).describe("A query that returns one value."),
            expect: z
              .string()
              .max(200)
              .describe("The expected value, as psql prints it. Any other value fails the test."),
          }),
        )
        .max(20)
        .default([])
        .describe("Your own checks of a restored database."),
    })
    .prefault({})
    .describe("A temporary machine restores the newest backup, checks it, reports and terminates."),
  volumeBackup: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Whether AWS Backup keeps them at all."),
      keepDays: days(1, 3650)
        .default(35)
        .describe("How long a recovery point is kept. Not even root can delete it earlier."),
      restoreTestDays: z
        .int()
        .min(0)
        .max(90)
        .default(7)
        .describe("Days between two restore tests by AWS Backup itself; 0: none."),
    })
    .prefault({})
    .describe("AWS Backup of the data volumes: a second line that shares nothing with pgBackRest."),
  fleet: z
    .strictObject({
      instanceType: instanceType.default("m7g.large").describe("Size of a Tomcat server."),
      minSize: z.int().min(1).max(500).default(2).describe("Servers of a warm standby."),
      fullSize: z
        .int()
        .min(1)
        .max(500)
        .default(6)
        .describe("Servers of an active region and of a hot standby."),
      maxSize: z.int().min(1).max(1000).default(12).describe("Most servers target tracking may add."),
      targetCpuPercent: z.int().min(10).max(90).default(50).describe("CPU that target tracking holds."),
      reserveCapacity: z
        .boolean()
        .default(false)
        .describe("Reserve EC2 capacity for the full size in a warm region (paid for while idle)."),
    })
    .prefault({}),
  images: z
    .strictObject({
      home: regionImages.prefault({}),
      recovery: regionImages.prefault({}),
      maxAgeDays: days(7, 365)
        .default(45)
        .describe(
          "An alarm names machines whose image was built more days ago: it lacks that many days of fixes.",
        ),
      build: z
        .boolean()
        .default(false)
        .describe(
          "Build images in each region with EC2 Image Builder, monthly and on demand. The newest is in the SSM parameters `/imagebuilder/<name>/database` and `…/tomcat`: name those above (`resolve:ssm:…`) once there is one.",
        ),
    })
    .prefault({})
    .describe(
      "Machine images, named per region: booting must not depend on another region. Put your own parameters below `/<name>/`, where the pipeline may read them.",
    ),
  logs: z
    .strictObject({
      retentionDays: z
        .literal([30, 60, 90, 180, 365])
        .default(90)
        .describe("How long the machines' logs are kept, each kind of machine in its own log group."),
    })
    .prefault({}),
  audit: z
    .strictObject({
      lockDays: days(1, 36_500).default(365).describe("Object Lock (COMPLIANCE) on the audit trail."),
      retentionDays: days(1, 36_500)
        .default(400)
        .describe("How long the audit trail is kept, and the transcripts of shells at least."),
    })
    .prefault({}),
  pipeline: z
    .strictObject({
      repository: z
        .string()
        .regex(/^[\w.-]+\/[\w.-]+$/, "must be owner/name of a GitHub repository")
        .optional()
        .describe("Repository whose workflows may deploy through OIDC; none when left out."),
      repositoryId: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Its number, which no later repository of the same name gets: `gh api repos/<owner>/<name> --jq .id`.",
        ),
      stateBucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be the name of an S3 bucket")
        .optional()
        .describe(
          "Bucket with Pulumi's state. When set, the audit trail records each read and write of the state; also the default of `npx dr bootstrap state-bucket`.",
        ),
    })
    .refine(
      ({ repository, repositoryId }) => (repository === undefined) === (repositoryId === undefined),
      "needs both repository and repositoryId, or neither",
    )
    .prefault({}),
  people: z
    .strictObject({
      trust: z
        .strictObject({
          permissionSets: z
            .boolean()
            .default(false)
            .describe(
              "People of IAM Identity Center: each role trusts the permission set with the same name, e.g. `drs-dr-operator`, in this account.",
            ),
          samlProviderArn: z
            .string()
            .regex(
              /^arn:aws[a-z-]*:iam::\d{12}:saml-provider\/[\w._-]{1,128}$/,
              "must be the ARN of a SAML provider in IAM",
            )
            .optional()
            .describe("People of a SAML identity provider; its assertions say who gets which role."),
          usersOf: z
            .string()
            .regex(/^\d{12}$/, "must be a 12-digit AWS account id")
            .optional()
            .describe(
              "IAM users of this account who signed in with MFA within the hour; policies there say who may assume which role.",
            ),
        })
        .prefault({})
        .describe("Who may assume the roles for people. Empty: there are no such roles."),
      keysByBreakGlass: z
        .boolean()
        .default(false)
        .describe(
          "Let only the break-glass role and the account's root disable keys or change their policies. Deploy the roles first, then this setting as break-glass.",
        ),
    })
    .refine(
      ({ trust, keysByBreakGlass }) => !keysByBreakGlass || isTrusting(trust),
      "keysByBreakGlass needs people.trust: without the role, only the root could change a key's policy",
    )
    .prefault({})
    .describe("Roles for people: operators, auditor, break-glass. docs/access.md says what each may do."),
  tags: z
    .record(z.string().regex(/^(?!aws:)[\w .:/=+@-]{1,128}$/), z.string().regex(/^[\w .:/=+@-]{0,256}$/))
    .default({})
    .describe("Tags put on every resource, beside the project's own."),
});

/** Settings of one region. They are in that region's stack file. */
export const regionSchema = sharedSchema.extend({
  epoch: z
    .int()
    .min(0)
    .max(MAX_EPOCH)
    .default(0)
    .describe(
      "Raising it promotes this region. Odd in `prod`, even in `dr`; 0 claims nothing. Never lower it.",
    ),
  site: z
    .enum(["cold", "warm", "hot"])
    .default("warm")
    .describe(
      "What runs while this region is standby. `cold`: nothing. `warm`: database nodes and `fleet.minSize` servers. `hot`: everything.",
    ),
  yieldedTo: z
    .int()
    .min(0)
    .max(MAX_EPOCH)
    .default(0)
    .describe(
      "Epoch of the other region that this one has yielded to. When it is above `epoch`, the fleet goes back to the size of `site`. It decides about cost, never about who may write.",
    ),
  fenced: z
    .int()
    .min(0)
    .max(MAX_EPOCH)
    .default(0)
    .describe(
      "The epoch of this region for which you assert that the other region is certainly silent: its guards need not wait for lease and margin. If it is wrong, both regions accept writes. Values below `epoch` are ignored. Once deployed for an epoch, it can't be revoked.",
    ),
  acceptDataLoss: z
    .int()
    .min(0)
    .max(MAX_EPOCH)
    .default(0)
    .describe(
      "The epoch of this region for which you accept the loss of writes: more lag than `promotion.lagBudgetSeconds`, or what a demoted region still holds. Values below `epoch` are ignored. Once deployed for an epoch, it can't be revoked.",
    ),
});

export type SharedSettings = z.infer<typeof sharedSchema>;
export type RegionSettings = z.infer<typeof regionSchema>;
export type DatabaseSettings = z.infer<typeof databaseSchema>;
export type Contact = z.infer<typeof contact>;
export type Site = RegionSettings["site"];
