/** Whose account the AWS credentials of the environment are. The client takes `AWS_ENDPOINT_URL` and credentials from there. */
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "./errors.js";

/** The account of the credentials. */
export const callersAccount = async (region: string): Promise<string> =>
  (await new STSClient({ region }).send(new GetCallerIdentityCommand({}))).Account as string;

/** @throws UserError when the credentials are another account's. */
export async function assertAccount(region: string, accountId: string): Promise<void> {
  const account = await callersAccount(region);
  if (account !== accountId) throw anotherAccount(account, accountId);
}

export const anotherAccount = (account: string, accountId: string): UserError =>
  new UserError(
    `the AWS credentials are account ${account}'s`,
    `accountId is ${accountId}`,
    "use credentials of that account",
  );
