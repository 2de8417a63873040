/**
 * The general simulation: a type without a handler exists in Pulumi's state only, with an id and an ARN. It
 * still knocks at its region's endpoint for every operation, so that a region out of reach fails here too.
 * It proves nothing about AWS.
 */
import { randomBytes } from "node:crypto";
import type { Handler } from "../resource-plugin.js";
import { schemaOf } from "../schema.js";
import type { AwsContext } from "./context.js";
import { describeKey } from "./handlers/kms.js";

/** Inputs that AWS can't change in place, for simulated types that the program uses. */
const REPLACE_ON: Readonly<Record<string, readonly string[]>> = {
  "aws:ec2/capacityReservation:CapacityReservation": [
    "availabilityZone",
    "ebsOptimized",
    "instanceMatchCriteria",
    "instancePlatform",
    "instanceType",
    "placementGroupArn",
    "tenancy",
  ],
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": ["name"],
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": [
    "name",
    "protectedResourceType",
    "restoreTestingPlanName",
  ],
  // A selection can't be changed at all; a change makes another.
  "aws:backup/selection:Selection": ["conditions", "iamRoleArn", "name", "planId", "resources"],
  "aws:backup/vault:Vault": ["kmsKeyArn", "name"],
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration": ["backupVaultName", "changeableForDays"],
  "aws:cloudwatch/eventRule:EventRule": ["name"],
  "aws:cloudwatch/eventTarget:EventTarget": ["rule"],
  "aws:ssm/document:Document": ["documentType", "name"],
  // Versions of these two can't be changed at all; a change makes another.
  "aws:imagebuilder/component:Component": ["data", "description", "kmsKeyId", "name", "platform", "version"],
  "aws:imagebuilder/imageRecipe:ImageRecipe": [
    "blockDeviceMappings",
    "components",
    "description",
    "name",
    "parentImage",
    "systemsManagerAgent",
    "version",
  ],
};

const keyExists = async (aws: AwsContext, arn: string): Promise<boolean> =>
  (await describeKey(aws, arn)) !== undefined;

export function simulate(type: string): Handler<AwsContext> {
  const service = type.split(":")[1]?.split("/")[0] ?? "aws";
  const kind = type.split(":")[2] ?? "Resource";
  return {
    replaceOn: REPLACE_ON[type],
    async create(aws, inputs) {
      await aws.knock(service);
      const id = inputs.name ?? `${kind.toLowerCase()}-${randomBytes(8).toString("hex")}`;
      const computed = schemaOf(type)?.computed ?? [];
      const arn = aws.arn(service, `${kind.toLowerCase()}/${id}`);
      return { id, outputs: computed.includes("arn") ? { arn } : {} };
    },
    async read(aws, id, known) {
      await aws.knock(service);
      if (Object.keys(known).length === 0) {
        throw new Error(
          `${type} '${id}' can't be imported here\n  The type is simulated, so nothing exists that could be read.\n  → import it against a real account`,
        );
      }
      // A restarted emulator has forgotten the key, and what is kept under it has gone with it: else it
      // would have to be replaced under the next one, which `protect` forbids.
      const key = known.kmsKeyArn;
      return typeof key === "string" && !(await keyExists(aws, key)) ? undefined : known;
    },
    async update(aws) {
      await aws.knock(service);
    },
    async delete(aws) {
      await aws.knock(service);
    },
  };
}
