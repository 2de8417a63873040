/** The machines of an AWS account, reached through Systems Manager with the operator's own credentials. */
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SuspendProcessesCommand,
} from "@aws-sdk/client-auto-scaling";
import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { UserError } from "../../common/errors.js";
import { membersOf } from "../../nodes/layout.js";
import { type Act, act, secondsOf } from "../../nodes/operator-documents.js";
import type { Contract, DatabaseNode, RegionContract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Output, Remote, RestoreMachines } from "./machines.js";

const POLL_MILLIS = 1500;
/** For the start of an instance and its agent. */
const CALL_SECONDS = 900;
const DELIVERY_SECONDS = 300;
/** A scaling policy ends a machine that hangs. It must not end one that an operator uses. */
const ENDS_BY_ALARM = "AlarmNotification";

type Sleep = (millis: number) => Promise<void>;

export function awsRestoreMachines(contract: Contract, sleep: Sleep): RestoreMachines {
  const regions = new Map<RegionId, Region>();
  const of = (id: RegionId): Region => {
    const found = regions.get(id) ?? new Region(contract[id], contract.operatorDocumentPrefix, sleep);
    regions.set(id, found);
    return found;
  };
  return {
    nodes: (id) => of(id).nodes(contract[id].databaseNodes),
    members: (id) => of(id).nodes(membersOf(contract[id])),
    call: (id) => of(id).call(),
    end: (id) => of(id).end(),
    close() {
      for (const region of regions.values()) region.close();
    },
  };
}

class Region {
  private readonly ssm: SSMClient;
  private readonly ec2: EC2Client;
  private readonly groups: AutoScalingClient;
  private readonly group: { readonly AutoScalingGroupName: string };

  constructor(
    private readonly region: RegionContract,
    private readonly documentPrefix: string,
    private readonly sleep: Sleep,
  ) {
    const options = { region: region.region };
    this.ssm = new SSMClient(options);
    this.ec2 = new EC2Client(options);
    this.groups = new AutoScalingClient(options);
    this.group = { AutoScalingGroupName: region.restoreNode };
  }

  async nodes(wanted: readonly DatabaseNode[]): Promise<Remote[]> {
    const { Reservations: found = [] } = await this.ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: "tag:dr-node", Values: wanted.map(({ name }) => name) },
          { Name: "instance-state-name", Values: ["running"] },
        ],
      }),
    );
    return found
      .flatMap(({ Instances: instances = [] }) => instances)
      .map(({ InstanceId: id = "", Tags: tags = [] }) =>
        this.remote(id, tags.find(({ Key: key }) => key === "dr-node")?.Value ?? id),
      );
  }

  async call(): Promise<Remote> {
    const before = await this.instance();
    if (before.wanted === 0) {
      await this.groups.send(
        new SuspendProcessesCommand({ ...this.group, ScalingProcesses: [ENDS_BY_ALARM] }),
      );
      await this.groups.send(new SetDesiredCapacityCommand({ ...this.group, DesiredCapacity: 1 }));
    }
    const id = await this.reachable();
    const remote = this.remote(id, this.region.restoreNode);
    if (before.wanted > 0 && (await remote.run(act("machine-is-kept"))).exitCode !== 0) {
      throw new UserError(
        `${this.region.restoreNode} is running a restore test`,
        "Its schedule has started the machine, and only one can run.",
        "wait until its group is at 0 again; or take the machine over: touch /run/dr/keep on it, and stop dr-restore-test",
      );
    }
    const { exitCode, stderr } = await remote.run(act("keep-machine"));
    if (exitCode !== 0) throw new Error(`${remote.name} has not booted: ${stderr}`);
    return remote;
  }

  async end(): Promise<void> {
    await this.groups.send(new SetDesiredCapacityCommand({ ...this.group, DesiredCapacity: 0 }));
    await this.groups.send(new ResumeProcessesCommand({ ...this.group, ScalingProcesses: [ENDS_BY_ALARM] }));
  }

  close(): void {
    for (const client of [this.ssm, this.ec2, this.groups]) client.destroy();
  }

  private async instance(): Promise<{ readonly wanted: number; readonly id: string | undefined }> {
    const { AutoScalingGroups: groups = [] } = await this.groups.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [this.region.restoreNode] }),
    );
    const [group] = groups;
    if (!group) {
      throw new UserError(
        `no autoscaling group ${this.region.restoreNode} in ${this.region.region}`,
        "The restore machine is part of the region's stack where restoreTest.everyHours is above 0.",
        "set it and run pulumi up; or run dr-restore on a database node: runbooks/point-in-time-restore.md",
      );
    }
    const { DesiredCapacity: wanted = 0, Instances: instances = [] } = group;
    return { wanted, id: instances.find(({ LifecycleState: state }) => state === "InService")?.InstanceId };
  }

  /** Waits until the machine's agent answers and its units have started. */
  private async reachable(): Promise<string> {
    const end = Date.now() + CALL_SECONDS * 1000;
    for (;;) {
      const { id } = await this.instance();
      if (id !== undefined && (await this.isOnline(id))) {
        const { exitCode } = await this.remote(id, id).run(act("machine-is-ready"));
        if (exitCode === 0) return id;
      }
      if (Date.now() > end) {
        throw new UserError(
          `${this.region.restoreNode} did not start within ${CALL_SECONDS} s`,
          id === undefined
            ? "Its group has no instance in service."
            : `Systems Manager can't reach ${id}, or it has not booted.`,
          `aws autoscaling describe-scaling-activities --region ${this.region.region} --auto-scaling-group-name ${this.region.restoreNode} shows why`,
        );
      }
      await this.sleep(5 * POLL_MILLIS);
    }
  }

  private async isOnline(id: string): Promise<boolean> {
    const { InstanceInformationList: known = [] } = await this.ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [id] }] }),
    );
    return known[0]?.PingStatus === "Online";
  }

  private remote(id: string, name: string): Remote {
    return { name, run: (what) => this.run(id, what) };
  }

  private async run(id: string, { document, parameters }: Act): Promise<Output> {
    const { Command: command } = await this.ssm.send(
      new SendCommandCommand({
        InstanceIds: [id],
        DocumentName: `${this.documentPrefix}${document}`,
        Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
        // The time until an agent takes the command: an agent that comes back late must not run an abandoned one.
        TimeoutSeconds: Math.min(Math.max(30, secondsOf(document)), DELIVERY_SECONDS),
      }),
    );
    for (;;) {
      await this.sleep(POLL_MILLIS);
      const found = await this.ssm
        .send(new GetCommandInvocationCommand({ CommandId: command?.CommandId, InstanceId: id }))
        .catch((error: Error) => {
          // The invocation isn't visible everywhere yet.
          if (error.name === "InvocationDoesNotExist") return undefined;
          throw error;
        });
      if (!found || ["Pending", "InProgress", "Delayed"].includes(found.Status ?? "")) continue;
      const {
        ResponseCode: code = -1,
        StandardOutputContent: stdout = "",
        StandardErrorContent: stderr = "",
      } = found;
      return { exitCode: code < 0 ? 255 : code, stdout, stderr: stderr || `${found.StatusDetails}` };
    }
  }
}
