/** A region of the twin: no stack is deployed there, so the items that one would write are put into its claim table. */
import { ConditionalCheckFailedException, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { UserError } from "../../common/errors.js";
import type { Change } from "../../operations/engine/events.js";
import type { Deployment, PromotionSetting } from "../../operations/promotion/deployment.js";
import { OVERRIDE_ITEMS } from "../../operations/promotion/request.js";
import { openReplica } from "../../operations/replicas.js";
import { epochItem, PARTITION_KEY } from "../../settings/claim-items.js";
import type { Contract, RegionContract } from "../../settings/contract.js";
import { mustRun } from "./control.js";

/** @param claimed greatest epoch of the region in the table */
export async function twinDeployment(
  { claimTable }: Pick<Contract, "claimTable">,
  region: RegionContract,
  claimed: number,
): Promise<Deployment> {
  const { claims } = await mustRun();
  const settings = new Map<PromotionSetting, string>([["epoch", `${claimed}`]]);
  const wanted = () => itemsOf(settings, claimed, region);
  return {
    name: "the twin",
    site: "hot",
    settings: async () => Object.fromEntries(settings),
    async set(key, value) {
      if (value === undefined) settings.delete(key);
      else settings.set(key, value);
    },
    preview: async () => wanted().map(toChange),
    async up() {
      const { client } = openReplica(claims.region, claims);
      try {
        for (const item of wanted()) await client.send(put(claimTable, region.region, item));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        throw new UserError(
          `epoch ${settings.get("epoch")} of ${region.id}`,
          "It was claimed before; a claim is made once and stays for ever.",
          "npx dr status shows both regions",
        );
      } finally {
        client.destroy();
      }
      return wanted().map(toChange);
    },
  };
}

interface Item {
  readonly name: string;
  readonly key: string;
  readonly epoch: number;
}

/** What the region's stack would create: see components/activation.ts. */
function itemsOf(
  settings: ReadonlyMap<PromotionSetting, string>,
  claimed: number,
  { claimKey, fencedKey, acceptDataLossKey }: RegionContract,
): Item[] {
  const epoch = Number(settings.get("epoch"));
  const claim = epoch > claimed ? [{ name: `claim-${epoch}`, key: claimKey, epoch }] : [];
  const keys = { fenced: fencedKey, acceptDataLoss: acceptDataLossKey } as const;
  const overrides = (["fenced", "acceptDataLoss"] as const)
    .filter((what) => settings.get(what) === `${epoch}`)
    .map((what) => ({ name: `${OVERRIDE_ITEMS[what]}-${epoch}`, key: keys[what], epoch }));
  return [...claim, ...overrides];
}

const put = (table: string, region: string, { key, epoch }: Item) =>
  new PutItemCommand({
    TableName: table,
    Item: epochItem(key, region, epoch),
    ConditionExpression: `attribute_not_exists(${PARTITION_KEY})`,
  });

const toChange = ({ name }: Item): Change => ({
  operation: "create",
  type: "aws:dynamodb/tableItem:TableItem",
  name,
  urn: name,
  properties: [],
});
