/**
 * Stack `copy`: what survives an administrator of the protected account. The account in `backup.copyTo` deploys it with its own
 * credentials and keeps its state: who holds the state of a stack, or the right to deploy it, can take it down.
 *
 * It reads nothing of the first account, whose names it derives, so it may be deployed before `global` or after.
 */
import { UserError } from "../common/errors.js";
import { CopyVault } from "../components/copy-vault.js";
import { CopyWatch } from "../components/copy-watch.js";
import { contractOf } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { StackOutputs } from "./outputs.js";
import { awsProvider } from "./providers.js";

export function copyStack(settings: SharedSettings): StackOutputs {
  const { accountId, backup, audit, contacts } = settings;
  const contract = accountId ? contractOf(settings, accountId) : undefined;
  if (!contract?.copy)
    throw new UserError(
      "stack copy has nothing to create",
      "The setting backup.copyTo names no account for a copy.",
      "set accountId and backup.copyTo.accountId in Pulumi.yaml",
    );
  const { copy } = contract;
  const provider = awsProvider({ ...settings, accountId: copy.accountId }, copy.region);
  const vault = new CopyVault("copy", { contract, copy, backup, audit }, { provider });
  new CopyWatch("watch", { contract, copy, contacts }, { provider });
  return { buckets: vault.bucketNames, watchBus: copy.watchBusArn };
}
