/** The calls of the verbs that people's roles are for: their code runs against recorded answers of AWS. */
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, vi } from "vitest";
import { act } from "../../nodes/operator-documents.js";
import { awsPlace } from "../../operations/places/aws.js";
import { awsRestoreMachines } from "../../operations/restore/aws.js";
// Loaded before the verbs need it: a status waits for a vault only a few seconds.
import "../../operations/vault/open.js";
import { inspect, protect, rollBack, unhide } from "../../operations/vault/repair.js";
import { ACCOUNT_ID } from "./recorder.js";

export type Input = Record<string, any>;

export interface Call {
  /** Name of the SDK's command. */
  readonly name: string;
  readonly region: string;
  readonly input: Input;
  /** Makes the same call by a client with these settings. */
  again(config: object): Promise<unknown>;
}

const FIXTURES = join(import.meta.dirname, "../fixtures");
const SINCE = Date.parse("2026-03-01T12:00:00Z");

const VERBS = {
  async status() {
    const place = await awsPlace(FIXTURES);
    await Promise.all([place.observe("home"), place.observe("recovery")]);
    expect(await place.backups()).toMatchObject({ home: { own: { value: { label: "20260301-010000F" } } } });
    place.close();
  },
  async restore() {
    const place = await awsPlace(FIXTURES);
    await place.observe();
    place.close();
    const machines = awsRestoreMachines(place.contract, async () => {});
    for (const region of ["home", "recovery"] as const) {
      const [node] = await machines.nodes(region);
      await machines.members(region);
      await node?.run(act("guard", { what: "status" }));
      await machines.call(region);
      await machines.end(region);
    }
    machines.close();
  },
  async "vault repair"() {
    const place = await awsPlace(FIXTURES);
    for (const stack of ["prod", "dr"] as const) {
      const vault = await place.openVault(stack);
      await inspect(vault.bucket, vault.prefix, SINCE, vault.lockDays);
      await unhide(vault.bucket, vault.prefix, SINCE, { yes: true });
      await rollBack(vault.bucket, vault.prefix, SINCE, [], { yes: true });
      await protect(vault.bucket, vault.lockDays, { yes: true });
      vault.close();
    }
    place.close();
  },
} as const;

/** `vault repair` stands for all verbs below `vault`. */
export type VerbOfPeople = keyof typeof VERBS;

const OLD = new Date("2026-03-01T00:00:00Z");
const NEW = new Date("2026-03-02T00:00:00Z");
const entry = (Key: string, VersionId: string, LastModified: Date, IsLatest: boolean) => ({
  ...{ Key, VersionId, LastModified, IsLatest, Size: 1 },
});

function answersOf(account: string): Readonly<Record<string, (input: Input) => unknown>> {
  let capacity = 0;
  return {
    GetCallerIdentityCommand: () => ({ Account: account }),
    ListObjectsV2Command: ({ Prefix: prefix, Delimiter: delimiter }) =>
      delimiter
        ? { CommonPrefixes: [{ Prefix: `${prefix}20260301-010000F/` }] }
        : { Contents: [{ Key: prefix, LastModified: OLD }] },
    ListObjectVersionsCommand: () => ({
      Versions: [
        entry("eu-west-1/x", "1", OLD, false),
        entry("eu-west-1/backup.info", "2", OLD, false),
        entry("eu-west-1/backup.info", "3", NEW, true),
      ],
      DeleteMarkers: [entry("eu-west-1/x", "4", NEW, true)],
    }),
    GetBucketVersioningCommand: () => ({ Status: "Suspended" }),
    DescribeInstancesCommand: () => ({
      Reservations: [{ Instances: [{ InstanceId: "i-1", Tags: [{ Key: "dr-node", Value: "n" }] }] }],
    }),
    DescribeAutoScalingGroupsCommand: () => ({
      AutoScalingGroups: [
        { DesiredCapacity: capacity, Instances: [{ InstanceId: "i-2", LifecycleState: "InService" }] },
      ],
    }),
    SetDesiredCapacityCommand: ({ DesiredCapacity: wanted }) => {
      capacity = wanted;
      return {};
    },
    DescribeInstanceInformationCommand: () => ({ InstanceInformationList: [{ PingStatus: "Online" }] }),
    SendCommandCommand: () => ({ Command: { CommandId: "1" } }),
    GetCommandInvocationCommand: () => ({ Status: "Success", ResponseCode: 0 }),
  };
}

/** @param account that the caller's credentials belong to; buckets' names have it */
export async function callsOf(verb: VerbOfPeople, account: string = ACCOUNT_ID): Promise<Call[]> {
  const calls: Call[] = [];
  const answers = answersOf(account);
  vi.stubGlobal("fetch", async () => new Response("", { status: 200 }));
  // The one class that all clients of the SDK are.
  const sdk = Object.getPrototypeOf(DynamoDBClient.prototype) as { send(command: any): Promise<unknown> };
  const send = vi.spyOn(sdk, "send").mockImplementation(async function (this: any, command: any) {
    const { constructor: Command, input } = command;
    const { constructor: Client } = this;
    const region = (await this.config.region()) as string;
    calls.push({
      name: Command.name,
      region,
      input,
      again: async (config) => new Client({ ...config, region }).send(new Command(input)),
    });
    return answers[Command.name]?.(input) ?? {};
  });
  try {
    await VERBS[verb]();
  } finally {
    send.mockRestore();
    vi.unstubAllGlobals();
  }
  return calls;
}
