/** Whose account the AWS credentials of the environment are. */
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "./errors.js";

/** @throws UserError unless the credentials are the account's. */
export async function assertAccount(region: string, accountId: string): Promise<void> {
  const { Account } = await new STSClient({ region }).send(new GetCallerIdentityCommand({}));
  if (Account === accountId) return;
  throw new UserError(
    `the AWS credentials are account ${Account}'s`,
    `accountId is ${accountId}`,
    "use credentials of that account",
  );
}
