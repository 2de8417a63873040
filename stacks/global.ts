/** Stack `global`: what both regions share and what must outlive either. */
import type { Provider } from "@pulumi/aws";
import * as random from "@pulumi/random";
import { ClaimTable } from "../components/activation.js";
import { watchedGlobally } from "../components/alarms/watched-calls.js";
import { ArtifactBucket } from "../components/artifact-bucket.js";
import { Audit } from "../components/audit.js";
import { BreakGlassWatch } from "../components/break-glass-watch.js";
import { Credentials } from "../components/credentials.js";
import { Decoy } from "../components/decoy.js";
import { FailoverAlarms } from "../components/failover-alarms.js";
import { FailoverDns } from "../components/failover-dns.js";
import { ImageAccess } from "../components/image-access.js";
import { Keys } from "../components/keys.js";
import { Access } from "../components/machine-roles.js";
import { NodeCertificates } from "../components/node-certificates.js";
import { People } from "../components/people.js";
import { PermissionBoundaries } from "../components/permission-boundaries.js";
import { PipelineAccess } from "../components/pipeline-access.js";
import { RunbookBucket } from "../components/runbook-bucket.js";
import { ShellSessions } from "../components/shell-sessions.js";
import { Vault } from "../components/vault.js";
import { VolumeVault } from "../components/volume-vault.js";
import { Watch } from "../components/watch.js";
import { WatchAccess } from "../components/watch-access.js";
import { contractOf, HEALTH_METRICS_REGION } from "../settings/contract.js";
import { isTrusting, type SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { publishHandoff } from "./handoff.js";
import type { StackOutputs } from "./outputs.js";
import { accountIdOf, awsProvider } from "./providers.js";

const REGIONS = ["home", "recovery"] as const;

export async function globalStack(settings: SharedSettings): Promise<StackOutputs> {
  const { name: prefix, backup, audit, images } = settings;
  const providers = providersOf(settings);
  const { home, healthMetrics } = providers;
  const contract = contractOf(settings, await accountIdOf(home));
  const { accountId } = contract;
  const shared = { contract, prefix, ...providers };
  const { pipelineRolePrefix, trailArn } = contract;

  const { trust, keysByBreakGlass } = settings.people;
  const breakGlassRole = `arn:aws:iam::${accountId}:role/${contract.personRole("break-glass")}`;
  const keys = new Keys("keys", { ...shared, trailArn, ...(keysByBreakGlass && { breakGlassRole }) });
  const claims = new ClaimTable("claims", { ...shared, witnessRegion: settings.regions.witness });
  const dns = new FailoverDns("dns", { ...shared, domain: settings.domain });
  // Where one of the two regions is us-east-1, its own stack watches there.
  const watchesBreakGlass =
    isTrusting(trust) && ![contract.home.region, contract.recovery.region].includes(HEALTH_METRICS_REGION);
  const health = new FailoverAlarms(
    "health",
    {
      prefix,
      contacts: settings.contacts,
      accountId,
      healthCheckIds: dns.healthCheckIds,
      notificationsKeyArn: keys.healthNotifications,
    },
    { provider: healthMetrics },
  );
  if (watchesBreakGlass) {
    new BreakGlassWatch(
      "break-glass",
      { contract, region: HEALTH_METRICS_REGION, place: prefix, pageTopicArn: health.pageTopicArn },
      { provider: healthMetrics },
    );
  }
  new Watch(
    "watch",
    {
      contract,
      settings,
      region: HEALTH_METRICS_REGION,
      place: prefix,
      watched: (ids) => watchedGlobally(contract, ids),
      keyArns: [keys.healthNotifications],
      topicArns: { page: health.pageTopicArn, notify: health.notifyTopicArn },
    },
    { provider: healthMetrics },
  );

  const boundaries = new PermissionBoundaries(
    "boundary",
    {
      contract,
      prefix,
      buildImages: images.build,
      war: settings.application.war,
    },
    { provider: home },
  );
  const capped = { permissionsBoundary: boundaries.machines };
  new Access("access", { contract, keys, settings, ...capped }, { provider: home });
  if (images.build) new ImageAccess("image-access", { contract, keys, ...capped }, { provider: home });
  new WatchAccess("watch-access", { contract, ...capped }, { provider: home });
  const vault = new Vault("vault", {
    ...shared,
    ...capped,
    lockDays: backup.lockDays,
    retentionDays: backup.retentionDays,
    keyArns: { home: keys.home.backups, recovery: keys.recovery.backups },
  });
  const runbooks = REGIONS.map(
    (id) =>
      new RunbookBucket(
        `runbooks-${id}`,
        { bucketName: contract[id].runbookBucket, keyArn: keys[id].backups },
        { provider: providers[id] },
      ),
  );
  for (const id of REGIONS) {
    new ArtifactBucket(
      `artifacts-${id}`,
      { bucketName: contract[id].artifactBucket, keyArn: keys[id].backups },
      { provider: providers[id] },
    );
    if (settings.volumeBackup.enabled) {
      new VolumeVault(
        `volumes-${id}`,
        {
          vaultName: contract[id].volumeVault,
          keyArn: keys[id].data,
          keepDays: settings.volumeBackup.keepDays,
        },
        { provider: providers[id] },
      );
    }
    new ShellSessions(
      `sessions-${id}`,
      { contract, region: id, dataKeyArn: keys[id].data, retentionDays: audit.retentionDays },
      { provider: providers[id] },
    );
    new NodeCertificates(
      `certificates-${id}`,
      { contract, region: id, keyArn: keys[id].data },
      { provider: providers[id] },
    );
  }
  new Credentials("credentials", {
    ...shared,
    databases: settings.databases,
    keyArn: keys.home.data,
    replicaKeyArn: keys.recovery.data,
  });
  new Decoy("decoy", {
    ...shared,
    random: new random.Provider("random"),
    keyArn: keys.home.data,
    replicaKeyArn: keys.recovery.data,
  });
  const trail = new Audit(
    "audit",
    {
      contract,
      ...capped,
      keyArn: keys.audit,
      lockDays: audit.lockDays,
      retentionDays: audit.retentionDays,
      stateBucket: settings.pipeline.stateBucket,
    },
    { provider: home },
  );

  const people =
    isTrusting(trust) &&
    new People(
      "people",
      { contract, prefix, witnessRegion: settings.regions.witness, trust, keys },
      { provider: home },
    );

  const { repository, repositoryId } = settings.pipeline;
  const pipeline =
    repository &&
    repositoryId &&
    new PipelineAccess(
      "pipeline",
      {
        contract,
        prefix,
        pipelineRolePrefix,
        repository,
        repositoryId,
        zoneId: dns.zoneId,
        dataKeyArns: { home: keys.home.data, recovery: keys.recovery.data },
        backupsKeyArns: { home: keys.home.backups, recovery: keys.recovery.backups },
        trailArn,
        buildImages: images.build,
        permissionsBoundary: boundaries.pipeline,
      },
      { provider: home },
    );

  for (const id of REGIONS) {
    publishHandoff(
      id,
      contract.handoffParameter,
      {
        hostedZoneId: dns.zoneId,
        dataKeyArn: keys[id].data,
        backupsKeyArn: keys[id].backups,
        notificationsKeyArn: keys[id].notifications,
        auditKeyArn: keys.audit,
        certificateArn: dns.certificateArns[id],
      },
      providers[id],
    );
  }
  return {
    serviceHostname: contract.serviceHostname,
    nameServers: dns.nameServers,
    claimTable: claims.tableName,
    vaults: vault.bucketNames,
    runbookBuckets: runbooks.map(({ bucketName }) => bucketName),
    auditBucket: trail.bucketName,
    ...(people && { peopleRoles: people.roleArns }),
    ...(pipeline && {
      previewRole: pipeline.previewRoleArn,
      deployRoles: pipeline.deployRoleArns,
    }),
  };
}

/** One provider per region: us-east-1, for the alarms on health checks, may be one of the two already. */
function providersOf(settings: SharedSettings): Record<RegionId | "healthMetrics", Provider> {
  const { home, recovery } = settings.regions;
  const byRegion = new Map(
    [...new Set([home, recovery, HEALTH_METRICS_REGION])].map((region) => [
      region,
      awsProvider(settings, region),
    ]),
  );
  const of = (region: string) => byRegion.get(region) as Provider;
  return { home: of(home), recovery: of(recovery), healthMetrics: of(HEALTH_METRICS_REGION) };
}
