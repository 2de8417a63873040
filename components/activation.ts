/** What decides which region is active: the claim table, a region's claims in it, and what an operator answers for. */
import * as dynamodb from "@pulumi/aws/dynamodb/index.js";
import * as pulumi from "@pulumi/pulumi";
import { epochItem, PARTITION_KEY, SORT_KEY } from "../settings/claim-items.js";
import type { Contract, RegionContract } from "../settings/contract.js";

export interface ClaimTableArgs {
  readonly contract: Contract;
  /** Region of the witness; within the same region set as both others (settings check it). */
  readonly witnessRegion: string;
  /** Provider of the home region. DynamoDB itself makes the replica and the witness from there. */
  readonly home: pulumi.ProviderResource;
}

/**
 * The claim table: full copies in home and recovery, a witness in a third region. With multi-Region strong
 * consistency a write is acknowledged by two of the three, and a strongly consistent read in either region
 * sees it. Losing any one region leaves a quorum.
 *
 * Items: `claim#<region>`, `fenced#<region>` and `acceptDataLoss#<region>` with `sk` = epoch, written once by that
 * region's stack; `status#<region>` with `sk` = 0, written by that region's nodes.
 */
export class ClaimTable extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  readonly tableName: pulumi.Output<string>;

  constructor(name: string, args: ClaimTableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:activation:ClaimTable", name, {}, opts);
    const { contract } = args;
    // The mode can be given only while the table is empty, so replica and witness come with the create.
    // Such a table can have no TTL, no local index and no transactions; none is used.
    const table = new dynamodb.Table(
      name,
      {
        name: contract.claimTable,
        billingMode: "PAY_PER_REQUEST",
        attributes: [
          { name: PARTITION_KEY, type: "S" },
          { name: SORT_KEY, type: "N" },
        ],
        hashKey: PARTITION_KEY,
        rangeKey: SORT_KEY,
        // The provider's documented way to a table with replicas. No component reads the stream.
        streamEnabled: true,
        streamViewType: "NEW_AND_OLD_IMAGES",
        replicas: [
          {
            regionName: contract.recovery.region,
            consistencyMode: "STRONG",
            pointInTimeRecovery: true,
            deletionProtectionEnabled: true,
            propagateTags: true,
          },
        ],
        globalTableWitness: { regionName: args.witnessRegion },
        // KMS under AWS's own key (aws/dynamodb), on purpose: disabling a key of ours would fence both
        // regions at once, and a strongly consistent replica that can't reach its key for a week is lost
        // for good. The items are region names and numbers, no secret.
        serverSideEncryption: { enabled: true },
        pointInTimeRecovery: { enabled: true },
        deletionProtectionEnabled: true,
      },
      { parent: this, provider: args.home, protect: true },
    );
    this.arn = table.arn;
    this.tableName = table.name;
    this.registerOutputs({ arn: this.arn, tableName: this.tableName });
  }
}

export interface RegionClaimArgs {
  /** The region that claims. */
  readonly region: RegionContract;
  /** Name of the claim table; its replica in the region's own provider is written. */
  readonly claimTable: string;
  /** Number to claim; 0 claims nothing. */
  readonly epoch: number;
  /** Epoch for which the other region is asserted to be silent. Of effect when it is `epoch`. Default: 0, for none. */
  readonly fenced?: number;
  /** Epoch for which the loss of writes is accepted, likewise. */
  readonly acceptDataLoss?: number;
}

/**
 * A region's claim of an epoch, and beside it the operator's overrides for that very epoch. Each is an item that is
 * created once (the provider's create is conditional: an epoch that was used can't be claimed again) and never
 * updated: its content depends on nothing but region and epoch. A higher epoch adds items; the earlier ones stay in
 * the table (`retainOnDelete`), because a claim taken back would let a fenced region open again. An override is no
 * part of the claim's item, so that it can follow a claim that is already there.
 */
export class RegionClaim extends pulumi.ComponentResource {
  constructor(
    name: string,
    private readonly args: RegionClaimArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:activation:RegionClaim", name, {}, opts);
    const { region, epoch, fenced = 0, acceptDataLoss = 0 } = args;
    if (epoch > 0) this.write(`claim-${epoch}`, region.claimKey);
    // An override for an earlier epoch is obsolete. A new claim must not bring it back.
    if (epoch > 0 && fenced === epoch) this.write(`fenced-${epoch}`, region.fencedKey);
    if (epoch > 0 && acceptDataLoss === epoch) {
      this.write(`accept-data-loss-${epoch}`, region.acceptDataLossKey);
    }
    this.registerOutputs();
  }

  private write(name: string, key: string): void {
    const { region, claimTable, epoch } = this.args;
    new dynamodb.TableItem(
      name,
      {
        tableName: claimTable,
        hashKey: PARTITION_KEY,
        rangeKey: SORT_KEY,
        item: JSON.stringify(epochItem(key, region.region, epoch)),
      },
      { parent: this, retainOnDelete: true },
    );
  }
}
