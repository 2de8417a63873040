/**
 * Launch templates: each change is a new version, and the newest one is what `latestVersion` says.
 *
 * The emulator doesn't: keep of a template the network interface to attach, the key of a volume,
 * placement, capacity reservations and CPU options; check that an image or instance type exists. Those are
 * taken over from the program, so no drift shows in them.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, filters, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { fillIn, inOrderOf, readBack, tagItems, tagMap, told } from "./read-back.js";

/** The provider takes some booleans as text. */
const bool = (value: unknown): boolean | undefined =>
  value === undefined || value === "" ? undefined : value === true || value === "true";
const text = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

const templateData = (inputs: Props): ec2.RequestLaunchTemplateData => ({
  ImageId: inputs.imageId,
  InstanceType: inputs.instanceType,
  KeyName: inputs.keyName,
  UserData: inputs.userData,
  EbsOptimized: bool(inputs.ebsOptimized),
  DisableApiTermination: inputs.disableApiTermination,
  DisableApiStop: inputs.disableApiStop,
  InstanceInitiatedShutdownBehavior: inputs.instanceInitiatedShutdownBehavior,
  SecurityGroupIds: inputs.vpcSecurityGroupIds,
  IamInstanceProfile: inputs.iamInstanceProfile && {
    Arn: inputs.iamInstanceProfile.arn,
    Name: inputs.iamInstanceProfile.name,
  },
  Monitoring: inputs.monitoring && { Enabled: inputs.monitoring.enabled },
  MetadataOptions: inputs.metadataOptions && {
    HttpEndpoint: inputs.metadataOptions.httpEndpoint,
    HttpTokens: inputs.metadataOptions.httpTokens,
    HttpPutResponseHopLimit: inputs.metadataOptions.httpPutResponseHopLimit,
    HttpProtocolIpv6: inputs.metadataOptions.httpProtocolIpv6,
    InstanceMetadataTags: inputs.metadataOptions.instanceMetadataTags,
  },
  Placement: inputs.placement && {
    AvailabilityZone: inputs.placement.availabilityZone,
    GroupName: inputs.placement.groupName,
    Tenancy: inputs.placement.tenancy,
  },
  CapacityReservationSpecification: inputs.capacityReservationSpecification && {
    CapacityReservationPreference: inputs.capacityReservationSpecification.capacityReservationPreference,
    CapacityReservationTarget: inputs.capacityReservationSpecification.capacityReservationTarget && {
      CapacityReservationId:
        inputs.capacityReservationSpecification.capacityReservationTarget.capacityReservationId,
      CapacityReservationResourceGroupArn:
        inputs.capacityReservationSpecification.capacityReservationTarget.capacityReservationResourceGroupArn,
    },
  },
  BlockDeviceMappings: inputs.blockDeviceMappings?.map(({ deviceName, ebs }: Props) => ({
    DeviceName: deviceName,
    Ebs: ebs && {
      VolumeSize: ebs.volumeSize,
      VolumeType: ebs.volumeType,
      Encrypted: bool(ebs.encrypted),
      DeleteOnTermination: bool(ebs.deleteOnTermination),
      KmsKeyId: ebs.kmsKeyId,
      SnapshotId: ebs.snapshotId,
      Iops: ebs.iops,
      Throughput: ebs.throughput,
    },
  })),
  NetworkInterfaces: inputs.networkInterfaces?.map((nic: Props, i: number) => ({
    DeviceIndex: nic.deviceIndex ?? i,
    NetworkInterfaceId: nic.networkInterfaceId,
    SubnetId: nic.subnetId,
    Description: nic.description,
    AssociatePublicIpAddress: bool(nic.associatePublicIpAddress),
    DeleteOnTermination: bool(nic.deleteOnTermination),
    Groups: nic.securityGroups,
  })),
  TagSpecifications: inputs.tagSpecifications?.map(({ resourceType, tags }: Props) => ({
    ResourceType: resourceType,
    Tags: tagItems(tags ?? {}),
  })),
});

/** What the emulator drops, by path. */
const UNTOLD = [
  "networkInterfaces.networkInterfaceId",
  "networkInterfaces.deleteOnTermination",
  "blockDeviceMappings.ebs.kmsKeyId",
];

function described(data: ec2.ResponseLaunchTemplateData, known: Props): Props {
  const options = data.MetadataOptions;
  const found = told({
    imageId: data.ImageId,
    instanceType: data.InstanceType,
    keyName: data.KeyName,
    userData: data.UserData,
    ebsOptimized: text(data.EbsOptimized),
    disableApiTermination: data.DisableApiTermination,
    instanceInitiatedShutdownBehavior: data.InstanceInitiatedShutdownBehavior,
    vpcSecurityGroupIds: data.SecurityGroupIds && inOrderOf(known.vpcSecurityGroupIds, data.SecurityGroupIds),
    iamInstanceProfile:
      data.IamInstanceProfile &&
      told({ arn: data.IamInstanceProfile.Arn, name: data.IamInstanceProfile.Name }),
    monitoring: data.Monitoring && { enabled: data.Monitoring.Enabled },
    metadataOptions:
      options &&
      told({
        httpEndpoint: options.HttpEndpoint,
        httpTokens: options.HttpTokens,
        httpPutResponseHopLimit: options.HttpPutResponseHopLimit,
        httpProtocolIpv6: options.HttpProtocolIpv6,
        instanceMetadataTags: options.InstanceMetadataTags,
      }),
    blockDeviceMappings: data.BlockDeviceMappings?.map(({ DeviceName, Ebs }) =>
      told({
        deviceName: DeviceName,
        ebs:
          Ebs &&
          told({
            volumeSize: Ebs.VolumeSize,
            volumeType: Ebs.VolumeType,
            encrypted: text(Ebs.Encrypted),
            deleteOnTermination: text(Ebs.DeleteOnTermination),
            snapshotId: Ebs.SnapshotId,
            iops: Ebs.Iops,
            throughput: Ebs.Throughput,
          }),
      }),
    ),
    networkInterfaces: data.NetworkInterfaces?.map((nic, i) =>
      told({
        deviceIndex: nic.DeviceIndex,
        subnetId: nic.SubnetId,
        description: nic.Description,
        associatePublicIpAddress: text(nic.AssociatePublicIpAddress),
        securityGroups: nic.Groups && inOrderOf(known.networkInterfaces?.[i]?.securityGroups, nic.Groups),
      }),
    ),
    tagSpecifications: data.TagSpecifications?.map(({ ResourceType, Tags }) => ({
      resourceType: ResourceType,
      tags: tagMap(Tags),
    })),
  });
  return fillIn(found, known, UNTOLD);
}

async function findTemplate(aws: AwsContext, id: string): Promise<ec2.LaunchTemplate | undefined> {
  const found = await unlessGone(
    ec2Client(aws).send(new ec2.DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [id] })),
  );
  return found?.LaunchTemplates?.[0];
}

const launchTemplate = readBack({
  name: { property: "name", maxLength: 128 },
  replaceOn: ["name"],
  recomputed: ["latestVersion"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { LaunchTemplate } = await ec2Client(aws).send(
      new ec2.CreateLaunchTemplateCommand({
        LaunchTemplateName: inputs.name,
        VersionDescription: inputs.description,
        LaunchTemplateData: templateData(inputs),
        TagSpecifications: taggedAs(aws, "launch-template", inputs),
      }),
    );
    return LaunchTemplate?.LaunchTemplateId as string;
  },
  async read(aws, id, known) {
    const template = await findTemplate(aws, id);
    if (!template) return undefined;
    const { LaunchTemplateVersions } = await ec2Client(aws).send(
      new ec2.DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: ["$Latest"] }),
    );
    const [latest] = LaunchTemplateVersions ?? [];
    // The emulator's answer above still has tags that were taken away.
    const { Tags } = await ec2Client(aws).send(
      new ec2.DescribeTagsCommand({ Filters: filters({ "resource-id": id }) }),
    );
    return {
      ...described(latest?.LaunchTemplateData ?? {}, known),
      ...told({
        name: template.LaunchTemplateName,
        description: latest?.VersionDescription,
        defaultVersion: template.DefaultVersionNumber,
        latestVersion: template.LatestVersionNumber,
        arn: aws.arn("ec2", `launch-template/${id}`),
        tagsAll: tagMap(Tags),
      }),
    };
  },
  async update(aws, id, news, olds) {
    const client = ec2Client(aws);
    const now = JSON.stringify(templateData(news)) + news.description;
    const template = await findTemplate(aws, id);
    let latest = template?.LatestVersionNumber as number;
    if (now !== JSON.stringify(templateData(olds)) + olds.description) {
      const { LaunchTemplateVersion } = await client.send(
        new ec2.CreateLaunchTemplateVersionCommand({
          LaunchTemplateId: id,
          VersionDescription: news.description,
          LaunchTemplateData: templateData(news),
        }),
      );
      latest = LaunchTemplateVersion?.VersionNumber as number;
    }
    const wanted = news.updateDefaultVersion ? latest : news.defaultVersion;
    if (wanted && wanted !== template?.DefaultVersionNumber) {
      await client.send(
        new ec2.ModifyLaunchTemplateCommand({ LaunchTemplateId: id, DefaultVersion: String(wanted) }),
      );
    }
  },
  delete: (aws, id) =>
    unlessGone(ec2Client(aws).send(new ec2.DeleteLaunchTemplateCommand({ LaunchTemplateId: id }))),
});

export const launchTemplateHandlers: Record<string, AwsHandler> = {
  "aws:ec2/launchTemplate:LaunchTemplate": launchTemplate,
};
