/**
 * The contract: names and addresses that one stack must know of another, derived from settings alone.
 *
 * A region must be able to come up, and to be promoted, while the other region and us-east-1 are gone.
 * So no stack reads another's state; what can be derived is derived here, and the few identifiers that
 * AWS assigns (zone id, key and certificate ARNs) are published by `global` into each region as one SSM
 * parameter, the handoff (`stacks/handoff.ts`).
 */

import { addressAt, subnetAt } from "./cidr-arithmetic.js";
import { claimPartitions } from "./claim-items.js";
import type { PersonRole } from "./people.js";
import type { SharedSettings } from "./schema.js";
import type { RegionId } from "./stacks.js";

/** The ports of a database node. Fixed: security groups, node files and the other region rely on them. */
export const PORTS = {
  postgres: 5432,
  patroni: 8008,
  etcdClient: 2379,
  etcdPeer: 2380,
  /** The guard's HTTP port: health and `/dr/active`. */
  guard: 8009,
  /** pgBackRest's server: a backup is taken from a replica, and needs the leader's word for its beginning and end. */
  pgbackrest: 8432,
  /** Tomcat's HTTP port, and HAProxy's front for it on the same machine. */
  tomcat: 8080,
  fleetHttp: 8081,
} as const;

/** Path that is 200 only where writes are open; the failover health checks ask it. */
export const ACTIVE_PATH = "/dr/active";
/** Path that is 200 where Tomcat is healthy, active or not; the load balancer asks it. */
export const HEALTH_PATH = "/dr/healthz";

/** How the load balancer finds out which servers are healthy. */
export const TARGET_CHECK = { intervalSeconds: 10, timeoutSeconds: 5, threshold: 2 } as const;

/** Logins inside PostgreSQL. Their secrets are JSON, `{"username", "password"}`. */
export const DATABASE_LOGINS = {
  superuser: "postgres",
  replication: "replicator",
  rewind: "rewind_user",
  application: "app",
} as const;

/** Ends the name of an owner's second login. */
export const ALTERNATE_SUFFIX = "_alt";

/** The two logins of an owner, of which applications use one after the other. The first one is the owner itself. */
export const loginsOf = (owner: string): readonly [string, string] => [owner, `${owner}${ALTERNATE_SUFFIX}`];

/** Role whose members log in for one piece of work each; also in nodes/bin/library/dr_sessions.py. */
export const SESSION_GROUP = "dr_sessions";

/** Where Route 53 publishes its health metrics, and so where alarms on them and their topic must live. */
export const HEALTH_METRICS_REGION = "us-east-1";

/** Tag on a database node's instance and data volume; its value is the node's name. Roles are limited by it. */
export const NODE_TAG = "dr-node";

/**
 * Folders of a region's repository in its vault, beside pgBackRest's own `archive` and `backup`. Below the repository's
 * path, so that rights, replication and expiry treat them as what they are: backups.
 */
export const REPOSITORY_FOLDERS = {
  /** `dump/<UTC time>/<database>.dump.enc`, and `dump/<UTC time>/done.json` once all of them are there. */
  dumps: "dump",
  /** `restore-tests/<UTC time>.json` and `.sig`: the report, and its signature by the restore node's key. */
  restoreTests: "restore-tests",
} as const;

/** The letters of three zones per region, where they are not simply a, b and c. */
const ZONE_LETTERS: Readonly<Record<string, readonly [string, string, string]>> = {
  "ap-northeast-1": ["a", "c", "d"],
};

export interface DatabaseNode {
  /** Unique across both regions: Patroni matches standbys by name. */
  readonly name: string;
  readonly zone: string;
  /** Index of the zone and so of the data subnet, 0 to 2. */
  readonly zoneIndex: number;
  /** Private IPv4 address. It outlives the instance. */
  readonly address: string;
}

export interface RegionContract {
  readonly id: RegionId;
  /** AWS region name. */
  readonly region: string;
  readonly stack: "prod" | "dr";
  /** 1 for the region whose epochs are odd, 0 for even. */
  readonly epochParity: 0 | 1;
  readonly zones: readonly [string, string, string];
  readonly cidr: string;
  readonly publicCidrs: readonly string[];
  readonly privateCidrs: readonly string[];
  readonly dataCidrs: readonly string[];
  /** The block that holds the data subnets and nothing else: one line in a network ACL instead of three. */
  readonly dataCidr: string;
  /** `Name` tags by which stack `link` finds the network; the route tables are in the order of the zones. */
  readonly vpcName: string;
  readonly privateRouteTableNames: readonly string[];
  readonly dataRouteTableNames: readonly string[];
  /** The voters. */
  readonly databaseNodes: readonly DatabaseNode[];
  /** Database nodes beyond the voters, for reads only. */
  readonly readReplicas: readonly DatabaseNode[];
  /**
   * Name of the machine that comes to test a restore, or to restore, and goes again, and of its autoscaling group.
   * Its address is anybody's.
   */
  readonly restoreNode: string;
  /**
   * SSM parameter with what running database nodes take over without being replaced: databases and their
   * owners, PostgreSQL parameters. `nodes/render/cluster-config.ts` has its shape.
   */
  readonly clusterParameter: string;
  /** Bucket of the application's WAR. */
  readonly artifactBucket: string;
  /** Name of the region's own load balancer, e.g. `eu-west-1.app.example.com`. */
  readonly hostname: string;
  readonly vaultBucket: string;
  /** Role (trusted by s3.amazonaws.com) that copies this region's vault to the other region, and to the other account. */
  readonly vaultReplicationRole: string;
  /**
   * Where this region's backups are, in its own vault and, replicated, in the other region's: pgBackRest's
   * `repo1-path` (with a leading slash). One per region, or timelines and replicas would collide.
   */
  readonly repositoryPath: string;
  readonly runbookBucket: string;
  readonly databaseRole: string;
  /** Role of the restore machine: it reads the vault, and writes nothing there but reports. */
  readonly restoreRole: string;
  /** Role (trusted by scheduler.amazonaws.com) that may raise the restore machine's group, and nothing else. */
  readonly restoreScheduleRole: string;
  /** AWS Backup's vault of data volumes: the region's own recovery points, and the other region's copies. */
  readonly volumeVault: string;
  /** Role (trusted by backup.amazonaws.com) that fills it. */
  readonly volumeBackupRole: string;
  readonly tomcatRole: string;
  /** `Name` tag of the Tomcat servers and of their autoscaling group. */
  readonly tomcatServer: string;
  /** Role and instance profile of the machines that Image Builder builds images on. */
  readonly imageRole: string;
  /**
   * SSM parameters with the newest image that this region built, for `images.<region>` in settings. Image
   * Builder's own role can write below `/imagebuilder/` only.
   */
  readonly imageParameters: { readonly database: string; readonly tomcat: string };
  /** Role (trusted by vpc-flow-logs.amazonaws.com) that may write to `flowLogGroup`, and that group. */
  readonly flowLogRole: string;
  readonly flowLogGroup: string;
  /** Log group with the transcripts of people's sessions on machines. */
  readonly sessionLogGroup: string;
  /** Log group of each kind of machine. The region's stack declares it; a kind's role can write to no other. */
  readonly logGroups: Readonly<Record<MachineKind, string>>;
  /** Partition keys of this region's items in the claim table. The status is its nodes', all others are its stack's. */
  readonly claimKey: string;
  readonly statusKey: string;
  /** Epochs for which an operator asserts that the other region is silent. */
  readonly fencedKey: string;
  /** Epochs for which an operator accepts the loss of writes. */
  readonly acceptDataLossKey: string;
}

/** What another account keeps for this one: `backup.copyTo`. Stack `copy` creates it with that account's credentials. */
export interface CopyContract {
  /** The account that owns the copy. */
  readonly accountId: string;
  /** AWS region of everything here. */
  readonly region: string;
  /** The copies of both vaults; each region's objects are below its `repositoryPath`, as in its own vault. */
  readonly vaultBucket: string;
  /** The copy of the audit trail's bucket. */
  readonly auditBucket: string;
  /** Alias of the KMS key of both buckets, and its ARN: the key's own ARN is known only after the deployment. */
  readonly keyAlias: string;
  readonly keyAliasArn: string;
  /** Event bus that pages from there, and its ARN: rules of this account forward events to it. */
  readonly watchBus: string;
  readonly watchBusArn: string;
}

export const MACHINE_KINDS = ["database", "restore", "tomcat"] as const;
export type MachineKind = (typeof MACHINE_KINDS)[number];

export interface Contract {
  readonly accountId: string;
  /** First part of every name of the project: its name in settings. */
  readonly prefix: string;
  readonly serviceHostname: string;
  readonly claimTable: string;
  readonly auditBucket: string;
  /** Role (trusted by s3.amazonaws.com) that copies `auditBucket` to the other account, where there is one. */
  readonly auditReplicationRole: string;
  /** Undefined without `backup.copyTo`. */
  readonly copy: CopyContract | undefined;
  /** Name of the audit trail, which is part of its bucket's and its key's policy, and its ARN. */
  readonly trail: string;
  readonly trailArn: string;
  /** SSM parameter with what `global` hands to each region. */
  readonly handoffParameter: string;
  readonly keyAliases: {
    readonly data: string;
    readonly backups: string;
    readonly notifications: string;
    /** In the home region only. */
    readonly audit: string;
  };
  /** Names of secrets, the same in both regions. */
  readonly secrets: {
    readonly superuser: string;
    readonly replication: string;
    readonly rewind: string;
    readonly application: string;
    readonly backupCipher: string;
  };
  /** Name of the secret that opens nothing: each read of it pages. */
  readonly decoySecret: string;
  /** Name of the secret with the password of a login that owns a database. */
  ownerSecret(owner: string): string;
  /**
   * Name of the secret with a node's certificate, JSON `{"certificate", "key", "authority"}`, PEM each.
   * `npx dr bootstrap ca` fills it; the authority's own key is in none of them.
   */
  certificateSecret(nodeName: string): string;
  /** SSM parameter, in each region, with the authority's certificate in PEM: no secret. */
  readonly authorityParameter: string;
  /** SSM parameter, in each region, with the record of the last verified escrow (`escrow/record.ts`): no secret. */
  readonly escrowParameter: string;
  /** IAM policies that cap what roles can do: those of machines and the services that act for them, and the pipeline's. */
  readonly machineBoundary: string;
  readonly pipelineBoundary: string;
  /** Over the roles of operators and auditors, and over break-glass. */
  readonly peopleBoundary: string;
  readonly breakGlassBoundary: string;
  /** Name of a role for people. */
  personRole(role: PersonRole): string;
  /** Prefix of the names of the commands that operators run on machines: documents of Systems Manager. */
  readonly operatorDocumentPrefix: string;
  /** Document of Systems Manager by which people open a shell on a machine: its transcript goes to `sessionLogGroup`. */
  readonly shellDocument: string;
  /** Prefix of the roles by which the pipeline deploys: `<prefix>deploy-<stack>`. */
  readonly pipelineRolePrefix: string;
  /** Role (trusted by scheduler.amazonaws.com) whose hourly call proves that the watch sees calls. */
  readonly canaryRole: string;
  /** Role (trusted by events.amazonaws.com) that sends what pages to the other account's event bus, where there is one. */
  readonly watchBusRole: string;
  /**
   * CloudWatch namespace of a kind of machine. Its role can write to no other, so that none of the metrics that alarms read of
   * one kind can come from another.
   */
  readonly metricNamespaces: Readonly<Record<MachineKind, string>>;
  readonly home: RegionContract;
  readonly recovery: RegionContract;
}

/**
 * @param accountId the AWS account, part of bucket names, which are unique in the whole world.
 */
export function contractOf(settings: SharedSettings, accountId: string): Contract {
  const { name, service, domain } = settings;
  const serviceHostname = `${service}.${domain}`;
  const region = (id: RegionId): RegionContract => {
    const aws = settings.regions[id];
    const cidr = settings.network[`${id}Cidr`];
    const zones = zonesOf(aws);
    const dataCidr = subnetAt(cidr, 22, 50);
    const dataCidrs = zones.map((_, i) => subnetAt(dataCidr, 24, i));
    return {
      id,
      region: aws,
      stack: id === "home" ? "prod" : "dr",
      epochParity: id === "home" ? 1 : 0,
      zones,
      cidr,
      publicCidrs: zones.map((_, i) => subnetAt(cidr, 24, i)),
      privateCidrs: zones.map((_, i) => subnetAt(cidr, 20, 1 + i)),
      dataCidrs,
      dataCidr,
      vpcName: `${name}-${aws}`,
      privateRouteTableNames: zones.map((zone) => `${name}-private-${zone}`),
      dataRouteTableNames: zones.map((zone) => `${name}-data-${zone}`),
      databaseNodes: Array.from({ length: settings.database.voters }, (_, i) => {
        const zoneIndex = i % 3;
        return {
          name: `${name}-${aws}-db-${i + 1}`,
          zone: zones[zoneIndex] as string,
          zoneIndex,
          // AWS keeps the first four addresses of a subnet; nodes start at .10.
          address: addressAt(dataCidrs[zoneIndex] as string, 10 + Math.floor(i / 3)),
        };
      }),
      readReplicas: Array.from({ length: settings.database.readReplicas }, (_, i) => {
        const zoneIndex = i % 3;
        return {
          name: `${name}-${aws}-read-${i + 1}`,
          zone: zones[zoneIndex] as string,
          zoneIndex,
          // Apart from the voters, whose number may grow to two in a zone.
          address: addressAt(dataCidrs[zoneIndex] as string, 20 + Math.floor(i / 3)),
        };
      }),
      restoreNode: `${name}-${aws}-restore`,
      clusterParameter: `/${name}/${aws}/cluster`,
      artifactBucket: `${name}-artifacts-${accountId}-${aws}`,
      hostname: `${aws}.${serviceHostname}`,
      vaultBucket: `${name}-vault-${accountId}-${aws}`,
      vaultReplicationRole: `${name}-vault-${aws}-to-${settings.regions[otherRegion(id)]}`,
      repositoryPath: `/${aws}`,
      runbookBucket: `${name}-runbooks-${accountId}-${aws}`,
      databaseRole: `${name}-${aws}-database`,
      restoreRole: `${name}-${aws}-restore`,
      restoreScheduleRole: `${name}-${aws}-restore-schedule`,
      volumeVault: `${name}-${aws}-volumes`,
      volumeBackupRole: `${name}-${aws}-volume-backup`,
      tomcatRole: `${name}-${aws}-tomcat`,
      tomcatServer: `${name}-${aws}-tomcat`,
      imageRole: `${name}-${aws}-image`,
      imageParameters: {
        database: `/imagebuilder/${name}/database`,
        tomcat: `/imagebuilder/${name}/tomcat`,
      },
      flowLogRole: `${name}-${aws}-flow-logs`,
      flowLogGroup: `/${name}/${aws}/flow-logs`,
      sessionLogGroup: `/${name}/${aws}/sessions`,
      logGroups: {
        database: `/${name}/${aws}/database`,
        restore: `/${name}/${aws}/restore`,
        tomcat: `/${name}/${aws}/tomcat`,
      },
      ...claimPartitions(aws),
    };
  };
  return {
    accountId,
    prefix: name,
    serviceHostname,
    claimTable: `${name}-claims`,
    auditBucket: `${name}-audit-${accountId}-${settings.regions.home}`,
    auditReplicationRole: `${name}-audit-to-copy`,
    copy: copyOf(settings),
    trail: `${name}-audit`,
    trailArn: `arn:aws:cloudtrail:${settings.regions.home}:${accountId}:trail/${name}-audit`,
    handoffParameter: `/${name}/handoff`,
    keyAliases: {
      data: `alias/${name}-data`,
      backups: `alias/${name}-backups`,
      notifications: `alias/${name}-notifications`,
      audit: `alias/${name}-audit`,
    },
    secrets: {
      superuser: `${name}/postgres/superuser`,
      replication: `${name}/postgres/replication`,
      rewind: `${name}/postgres/rewind`,
      application: `${name}/postgres/application`,
      backupCipher: `${name}/backup/cipher`,
    },
    decoySecret: `${name}/admin/password`,
    ownerSecret: (owner) =>
      `${name}/postgres/${owner === DATABASE_LOGINS.application ? "application" : `owner/${owner}`}`,
    certificateSecret: (nodeName) => `${name}/tls/${nodeName}`,
    authorityParameter: `/${name}/tls/authority`,
    escrowParameter: `/${name}/escrow`,
    machineBoundary: `${name}-machine-boundary`,
    pipelineBoundary: `${name}-pipeline-boundary`,
    peopleBoundary: `${name}-people-boundary`,
    breakGlassBoundary: `${name}-break-glass-boundary`,
    personRole: (role) => `${name}-${role}`,
    operatorDocumentPrefix: `${name}-op-`,
    shellDocument: `${name}-shell`,
    pipelineRolePrefix: `${name}-pipeline-`,
    canaryRole: `${name}-watch-canary`,
    watchBusRole: `${name}-watch-bus`,
    metricNamespaces: {
      database: `DisasterRecovery/${name}`,
      restore: `DisasterRecovery/${name}/restore`,
      tomcat: `DisasterRecovery/${name}/tomcat`,
    },
    home: region("home"),
    recovery: region("recovery"),
  };
}

function copyOf({ name, regions, backup: { copyTo } }: SharedSettings): CopyContract | undefined {
  if (!copyTo) return undefined;
  const { accountId, region = regions.witness } = copyTo;
  const keyAlias = `alias/${name}-copy`;
  const watchBus = `${name}-watch`;
  return {
    accountId,
    region,
    vaultBucket: `${name}-copy-${accountId}-${region}`,
    auditBucket: `${name}-copy-audit-${accountId}-${region}`,
    keyAlias,
    keyAliasArn: `arn:aws:kms:${region}:${accountId}:${keyAlias}`,
    watchBus,
    watchBusArn: `arn:aws:events:${region}:${accountId}:event-bus/${watchBus}`,
  };
}

/** The three zones used in a region. */
function zonesOf(region: string): [string, string, string] {
  const [a, b, c] = ZONE_LETTERS[region] ?? ["a", "b", "c"];
  return [`${region}${a}`, `${region}${b}`, `${region}${c}`];
}

/** Id of the rule by which a vault copies to the one in `to`; S3's replication metrics carry it. */
export const vaultReplicationRule = (to: Pick<RegionContract, "region">): string => `to-${to.region}`;

/** Id of the rule by which a vault, or the audit trail's bucket, copies to the account in `backup.copyTo`. */
export const COPY_RULE = "to-other-account";

export const otherRegion = (id: RegionId): RegionId => (id === "home" ? "recovery" : "home");

/** For a contract whose buckets are not looked at: no other name depends on the account. */
export const ANY_ACCOUNT = "000000000000";
