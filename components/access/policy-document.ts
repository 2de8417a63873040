/** IAM policy documents as plain values. No Pulumi here, so that they can be read and tested as they are. */

import type { Contract } from "../../settings/contract.js";

type Many = string | readonly string[];

export interface Statement {
  /** Says what the statement is for; unique within its document. */
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  /** Only in policies that are attached to a resource, and in trust policies. */
  readonly Principal?: "*" | Readonly<Partial<Record<"AWS" | "Service" | "Federated", Many>>>;
  readonly Action: Many;
  /** Left out in trust policies only. */
  readonly Resource?: Many;
  /** Only in denials. */
  readonly NotResource?: Many;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Many>>>>;
}

/** The JSON text of a policy. */
export const policyDocument = (statements: readonly Statement[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

/** A role's trust in one AWS service. */
export const trustService = (service: string, condition?: Statement["Condition"]): string =>
  policyDocument([
    {
      Sid: "Trust",
      Effect: "Allow",
      Principal: { Service: service },
      Action: "sts:AssumeRole",
      ...(condition && { Condition: condition }),
    },
  ]);

/** The account itself: whatever its IAM policies allow, within the statement's conditions. */
export const accountPrincipal = (accountId: string) => ({ AWS: `arn:aws:iam::${accountId}:root` });

/** The claim table in both regions; a role may turn to either. */
export const claimTableArns = ({ home, recovery, accountId, claimTable }: Contract): string[] =>
  [home, recovery].map(({ region }) => `arn:aws:dynamodb:${region}:${accountId}:table/${claimTable}`);

/** The bucket itself and what is in it. */
export const everythingIn = (bucket: string): string[] => [
  `arn:aws:s3:::${bucket}`,
  `arn:aws:s3:::${bucket}/*`,
];
