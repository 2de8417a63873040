/** What the launch templates of all machines have in common. No resources here. */
import type { LaunchTemplateArgs } from "@pulumi/aws/ec2/index.js";
import type * as pulumi from "@pulumi/pulumi";
import type { SharedSettings } from "../settings/schema.js";

export interface MachineArgs {
  readonly settings: Pick<SharedSettings, "name" | "tags">;
  /** Value of the tag `Name` of instances and their disks. */
  readonly name: string;
  readonly instanceType: string;
  /** AMI id, or `resolve:ssm:` and the parameter that holds it. */
  readonly image: string;
  /** Instance profile, by its derived name; `global` makes it. */
  readonly instanceProfile: string;
  readonly dataKeyArn: pulumi.Input<string>;
  /** cloud-init as text; at most 16 KiB. */
  readonly userData: string;
  /** A disk beside the root's that lives as long as the instance. Default: none. */
  readonly scratch?: ScratchDisk;
  /** Further tags of instances. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface ScratchDisk {
  readonly deviceName: string;
  readonly gib: number;
  readonly iops: number;
  readonly throughputMibps: number;
}

/** Debian's images have their root disk here. */
export const ROOT_DEVICE = "/dev/xvda";
const ROOT_GIB = 20;

/** EC2 Auto Scaling's metrics that are published, for free. The region's alarms read the first. */
export const GROUP_METRICS = [
  "GroupDesiredCapacity",
  "GroupInServiceInstances",
  "GroupTotalInstances",
] as const;

export function machine(args: MachineArgs): LaunchTemplateArgs {
  // The provider's default tags reach the template, not what is launched from it.
  const tags = { project: args.settings.name, "managed-by": "pulumi", ...args.settings.tags };
  const disk = {
    volumeType: "gp3",
    encrypted: "true",
    kmsKeyId: args.dataKeyArn,
    deleteOnTermination: "true",
  };
  return {
    imageId: args.image,
    instanceType: args.instanceType,
    iamInstanceProfile: { name: args.instanceProfile },
    userData: Buffer.from(args.userData).toString("base64"),
    // Credentials only for who can set a header and is on the machine itself (one hop).
    metadataOptions: {
      httpEndpoint: "enabled",
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: "disabled",
    },
    blockDeviceMappings: [
      {
        deviceName: ROOT_DEVICE,
        ebs: { ...disk, volumeSize: ROOT_GIB },
      },
      ...(args.scratch
        ? [
            {
              deviceName: args.scratch.deviceName,
              ebs: {
                ...disk,
                volumeSize: args.scratch.gib,
                iops: args.scratch.iops,
                throughput: args.scratch.throughputMibps,
              },
            },
          ]
        : []),
    ],
    // One-minute metrics: target tracking and alarms see a change five times sooner.
    monitoring: { enabled: true },
    updateDefaultVersion: true,
    tagSpecifications: [
      { resourceType: "instance", tags: { ...tags, ...args.tags, Name: args.name } },
      // The root disk only; it must not look like the node's data volume.
      { resourceType: "volume", tags: { ...tags, Name: `${args.name}-root` } },
    ],
  };
}
