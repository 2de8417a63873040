/** Stacks `prod` and `dr`: one region, complete. It calls nothing outside its own region. */
import { RegionClaim } from "../components/activation.js";
import { watchedInRegion } from "../components/alarms/watched-calls.js";
import { ApplicationObject } from "../components/application-object.js";
import { BreakGlassWatch } from "../components/break-glass-watch.js";
import { ClusterSettings } from "../components/cluster-settings.js";
import { DecoyWatch } from "../components/decoy.js";
import { Images } from "../components/images.js";
import { MachineLogs } from "../components/machine-logs.js";
import { Network } from "../components/network.js";
import { OperatorDocuments } from "../components/operator-documents.js";
import { PostgresCluster } from "../components/postgres-cluster.js";
import { Alarms } from "../components/region-alarms.js";
import { RestoreTest } from "../components/restore-test.js";
import { SecurityGroups } from "../components/security-groups.js";
import { regionSize } from "../components/sizing.js";
import { TomcatFleet } from "../components/tomcat-fleet.js";
import { VolumeBackup } from "../components/volume-backup.js";
import { Watch } from "../components/watch.js";
import { buildFiles } from "../nodes/image/component-document.js";
import { renderClusterConfig } from "../nodes/render/cluster-config.js";
import { contractOf } from "../settings/contract.js";
import { isTrusting, type RegionSettings } from "../settings/schema.js";
import { type RegionStackName, regionIdOf } from "../settings/stacks.js";
import { applicationOf } from "./application.js";
import { readHandoff } from "./handoff.js";
import type { StackOutputs } from "./outputs.js";
import { accountIdOf, awsProvider } from "./providers.js";

export async function regionStack(stack: RegionStackName, settings: RegionSettings): Promise<StackOutputs> {
  const id = regionIdOf(stack);
  const provider = awsProvider(settings, settings.regions[id]);
  const contract = contractOf(settings, await accountIdOf(provider));
  const handoff = await readHandoff(contract.handoffParameter, settings.regions[id], provider);
  const region = contract[id];
  const size = regionSize(settings);
  const shared = { settings, contract, region: id, dataKeyArn: handoff.dataKeyArn };
  const opts = { provider };

  // First, and waiting for nothing: in a promotion the guards act on the claim while the rest goes on.
  const { epoch, fenced, acceptDataLoss } = settings;
  new RegionClaim(
    "activation",
    { region, claimTable: contract.claimTable, epoch, fenced, acceptDataLoss },
    opts,
  );

  new OperatorDocuments("commands", { contract }, opts);
  const network = new Network("network", shared, opts);
  new MachineLogs("logs", { settings, region, dataKeyArn: handoff.dataKeyArn }, opts);
  const groups = new SecurityGroups("access", { contract, region: id, vpcId: network.vpcId }, opts);
  const database = new PostgresCluster(
    "database",
    {
      ...shared,
      subnetIds: network.dataSubnetIds,
      securityGroupId: groups.databaseId,
      machinesPerNode: size.machinesPerNode,
    },
    opts,
  );
  new ClusterSettings(
    "cluster-settings",
    { parameter: region.clusterParameter, value: renderClusterConfig(settings, contract, id) },
    opts,
  );
  const application = applicationOf(settings, region);
  const applicationUpload =
    application.upload &&
    new ApplicationObject("application", { bucketName: region.artifactBucket, ...application.upload }, opts);
  const fleet = new TomcatFleet(
    "fleet",
    {
      ...shared,
      vpcId: network.vpcId,
      publicSubnetIds: network.publicSubnetIds,
      privateSubnetIds: network.privateSubnetIds,
      loadBalancerSecurityGroupId: groups.loadBalancerId,
      tomcatSecurityGroupId: groups.tomcatId,
      certificateArn: handoff.certificateArn,
      hostedZoneId: handoff.hostedZoneId,
      applicationUri: application.uri,
      applicationUpload,
      size: size.fleet,
    },
    opts,
  );
  if (settings.images.build) {
    new Images(
      "images",
      {
        ...shared,
        build: await buildFiles(),
        vpcId: network.vpcId,
        privateSubnetIds: network.privateSubnetIds,
      },
      opts,
    );
  }
  const alarms = new Alarms(
    "alarms",
    {
      settings,
      contract,
      region,
      notificationsKeyArn: handoff.notificationsKeyArn,
      loadBalancerArnSuffix: fleet.loadBalancerArnSuffix,
      targetGroupArnSuffix: fleet.targetGroupArnSuffix,
      databaseGroupNames: database.groupNames,
      fleetGroupName: fleet.groupName,
    },
    opts,
  );

  new Watch(
    "watch",
    {
      contract,
      settings,
      region: region.region,
      place: region.vpcName,
      watched: (ids) => watchedInRegion(contract, id, ids),
      keyArns: [handoff.dataKeyArn, handoff.backupsKeyArn, handoff.notificationsKeyArn, handoff.auditKeyArn],
      topicArns: { page: alarms.pageTopicArn, notify: alarms.notifyTopicArn },
    },
    opts,
  );
  new DecoyWatch("decoy-watch", { contract, region, pageTopicArn: alarms.pageTopicArn }, opts);
  if (isTrusting(settings.people.trust)) {
    new BreakGlassWatch(
      "break-glass",
      { contract, region: region.region, place: region.vpcName, pageTopicArn: alarms.pageTopicArn },
      opts,
    );
  }
  if (settings.volumeBackup.enabled) {
    new VolumeBackup(
      "volume-backup",
      { settings, contract, region: id, notifyTopicArn: alarms.notifyTopicArn },
      opts,
    );
  }
  if (settings.restoreTest.everyHours > 0) {
    new RestoreTest(
      "restore-test",
      {
        ...shared,
        vpcId: network.vpcId,
        subnetIds: network.dataSubnetIds,
        notifyTopicArn: alarms.notifyTopicArn,
      },
      opts,
    );
  }

  return {
    hostname: region.hostname,
    loadBalancerDnsName: fleet.loadBalancerDnsName,
    vpcId: network.vpcId,
    databaseAddresses: database.addresses,
    readReplicaAddresses: database.readReplicaAddresses,
    application: application.uri,
    role: size.role,
    site: settings.site,
    epoch: settings.epoch,
  };
}
