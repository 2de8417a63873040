/** Functions of the AWS provider that the program calls. */
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import type { Props } from "../values.js";
import type { AwsContext } from "./context.js";
import { getRouteTable, getVpc } from "./ec2-lookups.js";

export const INVOKES: Readonly<Record<string, (aws: AwsContext, args: Props) => Promise<Props>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": async (aws) => {
    await aws.knock("sts");
    return {
      accountId: aws.accountId,
      arn: `arn:aws:iam::${aws.accountId}:root`,
      id: aws.accountId,
      userId: aws.accountId,
    };
  },
  "aws:ec2/getVpc:getVpc": getVpc,
  "aws:ec2/getRouteTable:getRouteTable": getRouteTable,
  "aws:ssm/getParameter:getParameter": async (aws, { name }) => {
    const { Parameter } = await aws
      .client(SSMClient)
      .send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    return {
      id: name,
      name,
      arn: Parameter?.ARN,
      type: Parameter?.Type,
      value: Parameter?.Value,
      version: Parameter?.Version,
    };
  },
};
