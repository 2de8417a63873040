/** What commands ask of one region before they publish in it. The clients take `AWS_ENDPOINT_URL` and credentials from the environment. */
import { GetParameterCommand, ParameterNotFound, type SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "../common/errors.js";

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

/** @returns undefined when there is no such parameter. */
export async function parameterValue(ssm: SSMClient, name: string): Promise<string | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name: name }))).Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}
