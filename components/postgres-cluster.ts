/**
 * The database nodes of a region: a voter per zone (two in two zones of five), and the read replicas, which
 * are made alike and only configured otherwise. Each is an autoscaling group
 * of one, with an address and a data volume that outlive the machine: a dead one is replaced by AWS, without
 * Pulumi, and comes back as the same node.
 *
 * On a cold site the groups' size is 0 while addresses and volumes already exist, so that a promotion raises
 * numbers and makes nothing new.
 */
import * as autoscaling from "@pulumi/aws/autoscaling/index.js";
import * as ebs from "@pulumi/aws/ebs/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as pulumi from "@pulumi/pulumi";
import { renderDatabaseUserData } from "../nodes/render/user-data.js";
import { type Contract, type DatabaseNode, NODE_TAG } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { GROUP_METRICS, machine } from "./machine.js";

export interface PostgresClusterArgs {
  readonly settings: SharedSettings;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  /** Data subnets in the order of the contract's zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  readonly securityGroupId: pulumi.Input<string>;
  /** KMS key in this region for all disks. */
  readonly dataKeyArn: pulumi.Input<string>;
  /** Machines per node: 1, or 0 while nothing runs. All that a promotion may change here. */
  readonly machinesPerNode: 0 | 1;
}

/** Time for a machine to boot, attach its volume and start, before EC2's health checks count. */
const GRACE_SECONDS = 300;

export class PostgresCluster extends pulumi.ComponentResource {
  /** Private addresses of the voters, in the order of the contract. */
  readonly addresses: readonly string[];
  readonly readReplicaAddresses: readonly string[];
  /** The voters' groups. */
  readonly groupNames: readonly pulumi.Output<string>[];

  constructor(name: string, args: PostgresClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:database:PostgresCluster", name, {}, opts);
    const { databaseNodes, readReplicas } = args.contract[args.region];
    const groups = databaseNodes.map((node, i) => this.createNode(`${name}-${i + 1}`, node, args));
    readReplicas.forEach((node, i) => void this.createNode(`${name}-read-${i + 1}`, node, args));
    this.addresses = databaseNodes.map(({ address }) => address);
    this.readReplicaAddresses = readReplicas.map(({ address }) => address);
    this.groupNames = groups.map((group) => group.name);
    this.registerOutputs({ addresses: this.addresses, readReplicaAddresses: this.readReplicaAddresses });
  }

  private createNode(name: string, node: DatabaseNode, args: PostgresClusterArgs): autoscaling.Group {
    const networkInterface = this.createInterface(name, node, args);
    this.createDataVolume(name, node, args);
    const template = this.createLaunchTemplate(name, node, networkInterface, args);
    return this.createGroup(name, node, template, args);
  }

  private createInterface(name: string, node: DatabaseNode, args: PostgresClusterArgs): ec2.NetworkInterface {
    return new ec2.NetworkInterface(
      `${name}-interface`,
      {
        description: `Address of ${node.name}`,
        subnetId: args.subnetIds[node.zoneIndex] as pulumi.Input<string>,
        privateIps: [node.address],
        securityGroups: [args.securityGroupId],
        tags: { Name: node.name },
      },
      { parent: this },
    );
  }

  /** The node attaches it at boot: it finds the volume by the tag, and its role is limited by the same. */
  private createDataVolume(name: string, node: DatabaseNode, args: PostgresClusterArgs): void {
    const { volumeGib, volumeIops, volumeThroughputMibps } = args.settings.database;
    new ebs.Volume(
      `${name}-data`,
      {
        availabilityZone: node.zone,
        type: "gp3",
        size: volumeGib,
        iops: volumeIops,
        throughput: volumeThroughputMibps,
        encrypted: true,
        kmsKeyId: args.dataKeyArn,
        tags: { Name: `${node.name}-data`, [NODE_TAG]: node.name },
      },
      { parent: this, protect: true },
    );
  }

  private createLaunchTemplate(
    name: string,
    node: DatabaseNode,
    networkInterface: ec2.NetworkInterface,
    { settings, contract, ...args }: PostgresClusterArgs,
  ): ec2.LaunchTemplate {
    return new ec2.LaunchTemplate(
      `${name}-template`,
      {
        ...machine({
          settings,
          name: node.name,
          instanceType: settings.database.instanceType,
          image: settings.images[args.region].database,
          instanceProfile: contract[args.region].databaseRole,
          dataKeyArn: args.dataKeyArn,
          userData: renderDatabaseUserData(settings, contract, node),
          tags: { [NODE_TAG]: node.name },
        }),
        description: `Database node ${node.name}`,
        // Device 0, not a second one attached later: the node has this address and no other.
        networkInterfaces: [
          { deviceIndex: 0, networkInterfaceId: networkInterface.id, deleteOnTermination: "false" },
        ],
      },
      { parent: this },
    );
  }

  private createGroup(
    name: string,
    node: DatabaseNode,
    template: ec2.LaunchTemplate,
    { settings, machinesPerNode }: PostgresClusterArgs,
  ): autoscaling.Group {
    return new autoscaling.Group(
      `${name}-group`,
      {
        minSize: machinesPerNode,
        maxSize: machinesPerNode,
        desiredCapacity: machinesPerNode,
        // The zone, not the subnet: with an interface in the template AWS takes the subnet from there.
        availabilityZones: [node.zone],
        launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
        healthCheckType: "EC2",
        healthCheckGracePeriod: GRACE_SECONDS,
        // There is one interface: the old machine must be gone before the new one starts. A new template
        // (no instance refresh here) is taken up node by node, as the runbook says, never by itself.
        instanceMaintenancePolicy: { minHealthyPercentage: 0, maxHealthyPercentage: 100 },
        enabledMetrics: [...GROUP_METRICS],
        // A promotion must not hang on machines that are slow to come: guards and alarms watch those.
        waitForCapacityTimeout: "0",
        tags: [
          { key: "Name", value: node.name, propagateAtLaunch: false },
          // Operators may change the size of the project's groups only.
          { key: "project", value: settings.name, propagateAtLaunch: false },
        ],
      },
      { parent: this },
    );
  }
}
