/** Who may write what in the claim table: a region's stack its claims, a region's nodes their status. No Pulumi here. */
import type { Contract, RegionContract } from "../../settings/contract.js";
import { claimTableArns, type Statement } from "./policy-document.js";

/** A region's deployer: its own claims and overrides. */
export function claimForRegion({ accountId, claimTable }: Contract, own: RegionContract): Statement[] {
  const { region } = own;
  return [
    {
      // Claims and overrides. No UpdateItem and no DeleteItem: an item is written once.
      Sid: "ClaimForThisRegion",
      Effect: "Allow",
      Action: ["dynamodb:GetItem", "dynamodb:PutItem"],
      Resource: `arn:aws:dynamodb:${region}:${accountId}:table/${claimTable}`,
      Condition: {
        "ForAllValues:StringEquals": {
          "dynamodb:LeadingKeys": [own.claimKey, own.fencedKey, own.acceptDataLossKey],
        },
        Null: { "dynamodb:LeadingKeys": "false" },
      },
    },
    {
      // The import of a claim that was made without Pulumi, or whose answer was lost, looks up the keys' names.
      Sid: "ImportClaims",
      Effect: "Allow",
      Action: "dynamodb:DescribeTable",
      Resource: `arn:aws:dynamodb:${region}:${accountId}:table/${claimTable}`,
    },
  ];
}

/**
 * A region's database nodes. Reads go to either replica (a regional outage of DynamoDB must not look like isolation), and so may the
 * status. Only the region's own status key can be written. `Null` because a `ForAllValues` condition also
 * holds for a request without keys.
 */
export function claimsAndStatus(contract: Contract, { statusKey }: RegionContract): Statement[] {
  return [
    {
      Sid: "ReadClaimsAndStatus",
      Effect: "Allow",
      Action: ["dynamodb:BatchGetItem", "dynamodb:Query"],
      Resource: claimTableArns(contract),
    },
    {
      Sid: "WriteOwnStatus",
      Effect: "Allow",
      Action: "dynamodb:PutItem",
      Resource: claimTableArns(contract),
      Condition: {
        "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [statusKey] },
        Null: { "dynamodb:LeadingKeys": "false" },
      },
    },
  ];
}

/** For every role, whatever its own policies say. */
export const claimsStay = (contract: Contract): Statement => ({
  // A claim taken back would let a fenced region open again; a batch can delete. A person adds or removes a
  // replica, for which AWS asks for some of these rights.
  Sid: "ClaimsStay",
  Effect: "Deny",
  Action: [
    "dynamodb:BatchWriteItem",
    "dynamodb:Delete*",
    "dynamodb:PartiQL*",
    "dynamodb:PutResourcePolicy",
    "dynamodb:Restore*",
    "dynamodb:Update*",
  ],
  Resource: claimTableArns(contract),
});

/**
 * For machines: only a stack claims, and says what an operator answers for. A node that could would promote its own region.
 * By what it may write, so that another kind of item is denied as well.
 */
export const onlyStatusIsWritten = (contract: Contract): Statement => ({
  Sid: "MachinesDoNotClaim",
  Effect: "Deny",
  Action: "dynamodb:PutItem",
  Resource: claimTableArns(contract),
  Condition: {
    "ForAnyValue:StringNotEquals": {
      "dynamodb:LeadingKeys": [contract.home.statusKey, contract.recovery.statusKey],
    },
  },
});
