/** The claim table of a twin: one copy, a link to it through each region, and what a stack or an operator writes there. */
import { join } from "node:path";
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { inTurn } from "../../../common/settle.js";
import { statusOf } from "../../../nodes/guard/region/claims.js";
import type { Item } from "../../../nodes/guard/region/dynamodb.js";
import { NO_STATUS, type Status } from "../../../nodes/guard/region/region-facts.js";
import {
  epochItem,
  epochsQuery,
  isEpochOf,
  itemKey,
  PARTITION_KEY,
  SORT_KEY,
} from "../../../settings/claim-items.js";
import type { Contract, RegionContract } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import type { Switch } from "../network/switch.js";
import { recreateTable } from "./emulator.js";
import { ClaimsLink, linkUrl } from "./link.js";
import { type ClaimStore, EMULATOR_CREDENTIALS } from "./store.js";

const REGIONS = ["home", "recovery"] as const satisfies readonly RegionId[];

export type Override = "fenced" | "acceptDataLoss";

export interface ClaimsView {
  /** Greatest claimed epoch; 0 for none. */
  readonly epoch: Readonly<Record<RegionId, number>>;
  /** What each region's nodes say of it; `NO_STATUS` while they have said nothing. */
  readonly status: Readonly<Record<RegionId, Status>>;
}

export interface TwinClaimsOptions {
  /** For the sockets of the links. */
  readonly dir: string;
  readonly network: Switch;
  readonly contract: Contract;
  /** Those that run. */
  readonly regions: readonly RegionId[];
  readonly store: ClaimStore;
}

export class TwinClaims {
  private readonly client: DynamoDBClient;

  private constructor(
    private readonly contract: Contract,
    private readonly links: Readonly<Record<RegionId, ClaimsLink>>,
    private readonly store: ClaimStore,
  ) {
    this.client = new DynamoDBClient({ ...store, credentials: EMULATOR_CREDENTIALS });
  }

  /**
   * A link through each region, also through one that doesn't run: DynamoDB is there all the same, and is found on the
   * running region's bridge.
   */
  static async open({ dir, network, contract, regions, store }: TwinClaimsOptions): Promise<TwinClaims> {
    const opened: ClaimsLink[] = [];
    const open = async (id: RegionId) => {
      const bridge = regions.includes(id) ? id : (regions[0] as RegionId);
      const socket = join(dir, `${id}.sock`);
      const link = await ClaimsLink.open({ region: contract[id], bridge, network, store, socket });
      opened.push(link);
      return link;
    };
    try {
      return new TwinClaims(contract, { home: await open("home"), recovery: await open("recovery") }, store);
    } catch (error) {
      await inTurn(...opened.map((link) => () => link.close()));
      throw error;
    }
  }

  /** Environment of a guard's process, so that it reads the claims here and not from AWS. */
  get environment(): Readonly<Record<string, string>> {
    const endpoints = REGIONS.map((id) => `${this.contract[id].region}=${linkUrl(this.contract[id])}`);
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

  /** The table as one region's endpoint of DynamoDB shows it: where it is cut, refused, slow or failing. */
  proxy(region: RegionId): ClaimsLink {
    return this.links[region];
  }

  /**
   * Claims an epoch as the region's stack does: once, and never again.
   * @returns false when it is claimed already.
   */
  claim(region: RegionId, epoch: number): Promise<boolean> {
    return this.put(this.contract[region].claimKey, region, epoch);
  }

  /** Writes what an operator answers for, for one epoch of that region. @returns false when it is there already. */
  override(region: RegionId, what: Override, epoch: number): Promise<boolean> {
    const { fencedKey, acceptDataLossKey } = this.contract[region];
    return this.put(what === "fenced" ? fencedKey : acceptDataLossKey, region, epoch);
  }

  /** Past all links, whatever they suffer. @throws Error for a status that can't be understood. */
  async read(): Promise<ClaimsView> {
    const [home, recovery] = await Promise.all([this.readRegion("home"), this.readRegion("recovery")]);
    return {
      epoch: { home: home.epoch, recovery: recovery.epoch },
      status: { home: home.status, recovery: recovery.status },
    };
  }

  /** As in a new account: nothing was claimed, and no region has said anything. */
  recreate(): Promise<void> {
    return recreateTable(this.store, this.contract.claimTable);
  }

  async close(): Promise<void> {
    this.client.destroy();
    await inTurn(...REGIONS.map((id) => () => this.links[id].close()));
  }

  private async readRegion(id: RegionId): Promise<{ epoch: number; status: Status }> {
    const region = this.contract[id];
    const [epoch, status] = await Promise.all([this.greatest(region), this.status(region)]);
    return { epoch, status };
  }

  private async put(key: string, region: RegionId, epoch: number): Promise<boolean> {
    try {
      await this.client.send(
        new PutItemCommand({
          TableName: this.contract.claimTable,
          Item: epochItem(key, this.contract[region].region, epoch),
          ConditionExpression: `attribute_not_exists(${PARTITION_KEY})`,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  private async greatest({ claimKey, epochParity }: RegionContract): Promise<number> {
    const query = new QueryCommand(epochsQuery(this.contract.claimTable, claimKey));
    const { Items: items = [] } = await this.client.send(query);
    return items.map((item) => Number(item[SORT_KEY]?.N)).find((epoch) => isEpochOf(epoch, epochParity)) ?? 0;
  }

  private async status({ statusKey }: RegionContract): Promise<Status> {
    const { Item: item } = await this.client.send(
      new GetItemCommand({
        TableName: this.contract.claimTable,
        ConsistentRead: true,
        Key: itemKey(statusKey),
      }),
    );
    return item ? statusOf(item as Item, statusKey) : NO_STATUS;
  }
}
