/** The claim table of a twin: one copy, a road to it from each region, and what a stack or an operator writes there. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { statusOf } from "../../nodes/guard/region/claims.js";
import type { Item } from "../../nodes/guard/region/dynamodb.js";
import { NO_STATUS, type Status } from "../../nodes/guard/region/facts.js";
import { inTurn } from "../../sandbox/settle.js";
import type { RegionId } from "../../settings/stacks.js";
import { addressAt } from "../../stacks/cidr.js";
import type { Contract, RegionContract } from "../../stacks/contract.js";
import { PREFIX_LENGTH, type Switch } from "../network/switch.js";
import { host, Talker } from "../process.js";
import { type ClaimStore, EMULATOR_CREDENTIALS } from "./emulator.js";
import { ClaimsProxy } from "./proxy.js";

const FORWARD = fileURLToPath(new URL("forward.py", import.meta.url));
const PORT = 8000;
/** Of a private subnet: no machine has it. */
const HOST_NUMBER = 5;

export type Override = "fenced" | "acceptDataLoss";

export interface ClaimsView {
  readonly epoch: Readonly<Record<RegionId, number>>;
  readonly status: Readonly<Record<RegionId, Status>>;
}

interface Road {
  readonly proxy: ClaimsProxy;
  readonly forwarder: Talker;
  readonly socket: string;
}

export class TwinClaims {
  private readonly client: DynamoDBClient;

  private constructor(
    private readonly store: ClaimStore,
    private readonly contract: Contract,
    private readonly network: Switch,
    private readonly roads: ReadonlyMap<RegionId, Road>,
  ) {
    this.client = new DynamoDBClient({
      endpoint: store.endpoint,
      region: store.region,
      credentials: EMULATOR_CREDENTIALS,
    });
  }

  /** @param dir the twin's folder */
  static async open(
    dir: string,
    network: Switch,
    contract: Contract,
    regions: readonly RegionId[],
    store: ClaimStore,
  ): Promise<TwinClaims> {
    const roads = new Map<RegionId, Road>();
    for (const id of regions) {
      const socket = join(dir, "claims", `${id}.sock`);
      await mkdir(dirname(socket), { recursive: true });
      await rm(socket, { force: true });
      const proxy = await ClaimsProxy.start({ socket, endpoint: store.endpoint, region: store.region });
      const address = addressOf(contract[id]);
      const forwarder = new Talker(`road to the claims of ${id}`, [
        ...["unshare", "--net", "--", "python3", FORWARD, address, `${PORT}`, socket],
      ]);
      await network.plug(roadName(id), address, id, forwarder.pid);
      const inside = ["nsenter", `--net=/proc/${forwarder.pid}/ns/net`, "--", "ip", "-batch", "-"];
      await host(
        inside,
        ["link set lo up", `addr add ${address}/${PREFIX_LENGTH} dev eth0`, "link set eth0 up"].join("\n"),
      );
      await forwarder.ready;
      roads.set(id, { proxy, forwarder, socket });
    }
    return new TwinClaims(store, contract, network, roads);
  }

  /** What a guard's process is told, so that it asks here and not AWS. */
  get environment(): Readonly<Record<string, string>> {
    const endpoints = [...this.roads.keys()].map(
      (id) => `${this.contract[id].region}=http://${addressOf(this.contract[id])}:${PORT}`,
    );
    return {
      DR_CLAIMS_ENDPOINTS: endpoints.join(","),
      AWS_ACCESS_KEY_ID: EMULATOR_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: EMULATOR_CREDENTIALS.secretAccessKey,
    };
  }

  /** Where other processes of this host find the table. */
  get place(): Pick<ClaimStore, "endpoint" | "region"> {
    const { endpoint, region } = this.store;
    return { endpoint, region };
  }

  /** The road from one region's network. @throws Error for a region that doesn't run. */
  proxy(region: RegionId): ClaimsProxy {
    const road = this.roads.get(region);
    if (!road) throw new Error(`region ${region} does not run`);
    return road.proxy;
  }

  /** The road's own plug: what is cut there neither region's machines reach. */
  async cut(region: RegionId): Promise<void> {
    await this.network.cut(roadName(region), {});
  }

  async heal(region: RegionId): Promise<void> {
    this.proxy(region).set({});
    await this.network.heal(roadName(region));
  }

  /**
   * Claims an epoch as the region's stack does: once, and never again.
   * @returns false when it is claimed already.
   */
  claim(region: RegionId, epoch: number): Promise<boolean> {
    return this.put(this.contract[region].claimKey, region, epoch);
  }

  /** What an operator asserts, for one epoch of that region. */
  override(region: RegionId, what: Override, epoch: number): Promise<boolean> {
    const { fencedKey, acceptDataLossKey } = this.contract[region];
    return this.put(what === "fenced" ? fencedKey : acceptDataLossKey, region, epoch);
  }

  async read(): Promise<ClaimsView> {
    const [home, recovery] = (["home", "recovery"] as const).map(async (id) => ({
      epoch: await this.greatest(this.contract[id]),
      status: await this.status(this.contract[id]),
    }));
    const [a, b] = [await home, await recovery];
    if (!a || !b) throw new Error("there are two regions");
    return {
      epoch: { home: a.epoch, recovery: b.epoch },
      status: { home: a.status, recovery: b.status },
    };
  }

  async close(): Promise<void> {
    this.client.destroy();
    await inTurn(
      ...[...this.roads.values()].map(({ proxy, forwarder, socket }) => async () => {
        forwarder.kill();
        await forwarder.ended;
        await proxy.close();
        await rm(socket, { force: true });
      }),
      () => this.store.close(),
    );
  }

  private async put(key: string, region: RegionId, epoch: number): Promise<boolean> {
    try {
      await this.client.send(
        new PutItemCommand({
          TableName: this.contract.claimTable,
          Item: {
            pk: { S: key },
            sk: { N: `${epoch}` },
            region: { S: this.contract[region].region },
            epoch: { N: `${epoch}` },
          },
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  private async greatest({ claimKey }: RegionContract): Promise<number> {
    const { Items: items = [] } = await this.client.send(
      new QueryCommand({
        TableName: this.contract.claimTable,
        ConsistentRead: true,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: claimKey } },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    return Number(items[0]?.sk?.N ?? 0);
  }

  private async status({ statusKey }: RegionContract): Promise<Status> {
    const { Item: item } = await this.client.send(
      new GetItemCommand({
        TableName: this.contract.claimTable,
        ConsistentRead: true,
        Key: { pk: { S: statusKey }, sk: { N: "0" } },
      }),
    );
    return item ? statusOf(item as Item, statusKey) : NO_STATUS;
  }
}

const roadName = (id: RegionId): string => `claims-${id}`;
const addressOf = ({ privateCidrs }: RegionContract): string =>
  addressAt(privateCidrs[0] as string, HOST_NUMBER);
