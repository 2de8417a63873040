/**
 * What outlives an instance: network interfaces and data volumes. And VPC flow logs.
 *
 * The emulator doesn't: give an interface the address in the request, or change its security groups;
 * keep a volume's key and throughput; keep a flow log's role and interval, or write any log. Those are
 * taken over from the program, so no drift shows in them.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import { ec2Client, ec2Tagging, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, tagMap, told } from "./read-back.js";

const networkInterface = readBack({
  replaceOn: ["subnetId", "interfaceType", "privateIp", "privateIps"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { NetworkInterface } = await ec2Client(aws).send(
      new ec2.CreateNetworkInterfaceCommand({
        SubnetId: inputs.subnetId,
        Description: inputs.description,
        Groups: inputs.securityGroups,
        PrivateIpAddress: inputs.privateIp ?? inputs.privateIps?.[0],
        TagSpecifications: taggedAs(aws, "network-interface", inputs),
      }),
    );
    return NetworkInterface?.NetworkInterfaceId as string;
  },
  complete: (aws, id, inputs) => ec2Tagging.put(aws, id, aws.allTags(inputs)),
  async read(aws, id, known) {
    const found = await unlessGone(
      ec2Client(aws).send(new ec2.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] })),
    );
    const [nic] = found?.NetworkInterfaces ?? [];
    if (!nic) return undefined;
    const asked = known.privateIps?.[0] ?? known.privateIp;
    return told({
      subnetId: nic.SubnetId,
      description: nic.Description,
      sourceDestCheck: nic.SourceDestCheck,
      interfaceType: nic.InterfaceType,
      privateIp: asked ?? nic.PrivateIpAddress,
      privateIps: known.privateIps ?? [asked ?? nic.PrivateIpAddress],
      macAddress: nic.MacAddress,
      arn: aws.arn("ec2", `network-interface/${id}`),
      ownerId: nic.OwnerId,
      tagsAll: tagMap(nic.TagSet),
    });
  },
  update: async () => undefined,
  delete: (aws, id) =>
    unlessGone(ec2Client(aws).send(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }))),
});

const volume = readBack({
  replaceOn: ["availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "multiAttachEnabled", "outpostArn"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { VolumeId } = await ec2Client(aws).send(
      new ec2.CreateVolumeCommand({
        AvailabilityZone: inputs.availabilityZone,
        Size: inputs.size,
        VolumeType: inputs.type,
        Iops: inputs.iops,
        Throughput: inputs.throughput,
        Encrypted: inputs.encrypted,
        KmsKeyId: inputs.kmsKeyId,
        SnapshotId: inputs.snapshotId,
        TagSpecifications: taggedAs(aws, "volume", inputs),
      }),
    );
    return VolumeId as string;
  },
  async read(aws, id) {
    const found = await unlessGone(ec2Client(aws).send(new ec2.DescribeVolumesCommand({ VolumeIds: [id] })));
    const [volume] = found?.Volumes ?? [];
    if (!volume) return undefined;
    return told({
      availabilityZone: volume.AvailabilityZone,
      size: volume.Size,
      type: volume.VolumeType,
      iops: volume.Iops,
      encrypted: volume.Encrypted,
      snapshotId: volume.SnapshotId,
      arn: aws.arn("ec2", `volume/${id}`),
      createTime: volume.CreateTime?.toISOString(),
      tagsAll: tagMap(volume.Tags),
    });
  },
  async update(aws, id, news, olds) {
    if (news.size < olds.size) {
      throw new Error(`volume ${id} can't shrink from ${olds.size} to ${news.size} GiB: EBS only grows`);
    }
    await ec2Client(aws).send(
      new ec2.ModifyVolumeCommand({
        VolumeId: id,
        Size: news.size,
        VolumeType: news.type,
        Iops: news.iops,
        Throughput: news.throughput,
      }),
    );
  },
  async delete(aws, id, { finalSnapshot }) {
    const client = ec2Client(aws);
    if (finalSnapshot) await client.send(new ec2.CreateSnapshotCommand({ VolumeId: id }));
    await unlessGone(client.send(new ec2.DeleteVolumeCommand({ VolumeId: id })));
  },
});

/** What a flow log listens to: our inputs and AWS's resource types. */
const SOURCES = { vpcId: "VPC", subnetId: "Subnet", eniId: "NetworkInterface" } as const;

const flowLog = readBack({
  replaceOn: [
    ...Object.keys(SOURCES),
    "trafficType",
    "logDestination",
    "logDestinationType",
    "logFormat",
    "iamRoleArn",
    "maxAggregationInterval",
    "destinationOptions",
  ],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const [source, ResourceType] = Object.entries(SOURCES).find(([name]) => inputs[name]) ?? [];
    if (!source) throw new Error("a flow log needs a vpcId, a subnetId or an eniId");
    const { FlowLogIds } = await ec2Client(aws).send(
      new ec2.CreateFlowLogsCommand({
        ResourceIds: [inputs[source]],
        ResourceType,
        TrafficType: inputs.trafficType,
        LogDestinationType: inputs.logDestinationType,
        LogDestination: inputs.logDestination,
        DeliverLogsPermissionArn: inputs.iamRoleArn,
        MaxAggregationInterval: inputs.maxAggregationInterval,
        TagSpecifications: taggedAs(aws, "vpc-flow-log", inputs),
      }),
    );
    return FlowLogIds?.[0] as string;
  },
  complete: (aws, id, inputs) => ec2Tagging.put(aws, id, aws.allTags(inputs)),
  async read(aws, id) {
    const found = await unlessGone(
      ec2Client(aws).send(new ec2.DescribeFlowLogsCommand({ FlowLogIds: [id] })),
    );
    const [log] = found?.FlowLogs ?? [];
    if (!log) return undefined;
    const prefix = log.ResourceId?.split("-")[0];
    const source = { vpc: "vpcId", subnet: "subnetId", eni: "eniId" }[prefix as string] as string;
    return told({
      [source]: log.ResourceId,
      trafficType: log.TrafficType,
      logDestinationType: log.LogDestinationType,
      logDestination: log.LogDestination,
      arn: aws.arn("ec2", `vpc-flow-log/${id}`),
      tagsAll: tagMap(log.Tags),
    });
  },
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteFlowLogsCommand({ FlowLogIds: [id] }))),
});

export const instanceHandlers: Record<string, AwsHandler> = {
  "aws:ec2/networkInterface:NetworkInterface": networkInterface,
  "aws:ebs/volume:Volume": volume,
  "aws:ec2/flowLog:FlowLog": flowLog,
};
