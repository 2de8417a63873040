/** Who may assume the roles for people. No Pulumi here. */
import { type Contract, HEALTH_METRICS_REGION } from "../../settings/contract.js";
import type { PersonRole } from "../../settings/people.js";
import type { SharedSettings } from "../../settings/schema.js";
import { accountPrincipal, type Statement } from "./policy-document.js";

type Trust = SharedSettings["people"]["trust"];

/** IAM's own bound. A role that is assumed from another role's session gets no more. */
export const PERSON_SESSION_SECONDS = 3600;

/** Regions in whose STS the roles can be assumed. A rule in each pages when somebody becomes break-glass. */
export const signInRegions = ({ home, recovery }: Pick<Contract, "home" | "recovery">): string[] => [
  ...new Set([home.region, recovery.region, HEALTH_METRICS_REGION]),
];

/**
 * Each way asks for `sts:SourceIdentity`, which stays in the session and in all that the session calls, also after
 * another change of role: so the trail names a person.
 */
export function personTrust(contract: Contract, role: PersonRole, trust: Trust): Statement[] {
  return [
    ...(trust.permissionSets ? permissionSet(contract, role) : []),
    ...(trust.samlProviderArn ? samlProvider(contract, trust.samlProviderArn) : []),
    ...(trust.usersOf ? users(contract, trust.usersOf) : []),
  ];
}

/** The session's name and tags come along; they belong to the same call. */
const ASSUME = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/** Identity Center has asked for MFA, if the organisation requires it; its sessions don't say so. */
const permissionSet = (contract: Contract, role: PersonRole): Statement[] => [
  {
    Sid: "PermissionSetOfThatName",
    Effect: "Allow",
    Principal: accountPrincipal(contract.accountId),
    Action: ASSUME,
    Condition: {
      // Identity Center appends 16 characters. Its roles may have a region in their path.
      ArnLike: {
        "aws:PrincipalArn": ["", "*/"].map(
          (path) =>
            `arn:aws:iam::${contract.accountId}:role/aws-reserved/sso.amazonaws.com/${path}AWSReservedSSO_${contract.personRole(role)}_????????????????`,
        ),
      },
      StringLike: { "sts:SourceIdentity": "?*" },
      StringEquals: { "aws:RequestedRegion": signInRegions(contract) },
    },
  },
];

const samlProvider = (contract: Contract, provider: string): Statement[] => [
  {
    Sid: "IdentityProvider",
    Effect: "Allow",
    Principal: { Federated: provider },
    Action: ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity", "sts:TagSession"],
    Condition: {
      StringEquals: {
        // The first one is us-east-1's; the others work without it.
        "SAML:aud": [
          "https://signin.aws.amazon.com/saml",
          ...signInRegions(contract).map((region) => `https://${region}.signin.aws.amazon.com/saml`),
        ],
        "aws:RequestedRegion": signInRegions(contract),
      },
      StringLike: { "sts:SourceIdentity": "?*" },
    },
  },
];

const users = (contract: Contract, accountId: string): Statement[] => [
  {
    Sid: "UsersWithMfa",
    Effect: "Allow",
    Principal: accountPrincipal(accountId),
    Action: ASSUME,
    Condition: {
      Bool: { "aws:MultiFactorAuthPresent": "true" },
      NumericLessThan: { "aws:MultiFactorAuthAge": `${PERSON_SESSION_SECONDS}` },
      // A user can't pass for another one. A session of a role has no such name, and is refused.
      StringEquals: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM's
        "sts:SourceIdentity": "${aws:username}",
        "aws:RequestedRegion": signInRegions(contract),
      },
    },
  },
];
