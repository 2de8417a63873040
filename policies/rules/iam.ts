/** Who may do what: no role may do everything, has no limit or trusts anonymous callers. */
import type * as iam from "@pulumi/aws/iam/index.js";
import type { Problem } from "../../common/errors.js";
import { conditionValues, isEverybody, type Statement, statementsOf } from "../documents.js";
import { type Check, check, rule } from "../rule.js";
import { guidance, securityHub } from "../standards.js";
import { isUnscoped } from "../unscoped-actions.js";

const ROLE = "aws:iam/role:Role";

/** One role may do everything, under a separate boundary, and its use pages. The contract gives it this name. */
const isBreakGlass = (role: string): boolean => role.endsWith("-break-glass");

/**
 * Policies that give rights to an identity. A permission boundary isn't one: it grants nothing, and its
 * first statement is wide on purpose. The contract ends its name in `-boundary`.
 */
function identityDocuments(
  judge: (document: unknown, role: () => string) => Iterable<Problem>,
): Record<string, Check> {
  return {
    "aws:iam/policy:Policy": check<iam.PolicyArgs>(function* ({ name, props }) {
      if ((props.name ?? name).endsWith("-boundary")) return;
      yield* judge(props.policy, () => "");
    }),
    "aws:iam/rolePolicy:RolePolicy": check<iam.RolePolicyArgs>(function* ({ props }) {
      if (!isBreakGlass(String(props.role))) yield* judge(props.policy, () => String(props.role));
    }),
    [ROLE]: check<iam.RoleArgs>(function* ({ name, props }) {
      for (const { policy } of isBreakGlass(props.name ?? name) ? [] : (props.inlinePolicies ?? [])) {
        yield* judge(policy, () => props.name ?? name);
      }
    }),
  };
}

/** The same, statement by statement. */
const identityPolicies = (judge: (statement: Statement, role: string) => Iterable<Problem>) =>
  identityDocuments(function* (document, role) {
    for (const statement of statementsOf(document)) {
      if (statement.allows) yield* judge(statement, role());
    }
  });

/** All of a service includes what the service will be able to do tomorrow. */
export const iamNoWildcardActions = rule(
  {
    name: "iam-no-wildcard-actions",
    description: "No policy allows all actions, or all of a service.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("IAM.21"),
  },
  identityPolicies(function* (statement) {
    const wide = statement.actions.filter(
      (action) => !isUnscoped(action) && (action === "*" || action.endsWith(":*")),
    );
    if (wide.length > 0 || statement.inverted) {
      yield {
        key: `policy.${statement.sid}.${statement.inverted ? "Not…" : "Action"}`,
        value: wide.length > 0 ? wide : statement.actions,
        reason: statement.inverted
          ? "an Allow with NotAction or NotResource allows everything except what it lists"
          : "also allows actions that were not intended, future ones included",
        remedy: "list the actions that are used",
      };
    }
  }),
);

/**
 * A deployer makes what doesn't exist yet, under ids that AWS chooses; it is bound by region instead, and by
 * the permission boundary. Its roles are named `…deploy-<stack>`.
 */
const isBoundDeployer = (statement: Statement, role: string): boolean =>
  /(^|-)deploy-[a-z]+$/.test(role) && conditionValues(statement, "aws:RequestedRegion").length > 0;

export const iamNoWildcardResources = rule(
  {
    name: "iam-no-wildcard-resources",
    description: "No policy allows an action on all resources where AWS takes narrower ones.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "IAM best practices: least privilege",
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    ),
  },
  identityPolicies(function* (statement, role) {
    if (!statement.resources.includes("*") || isBoundDeployer(statement, role)) return;
    const scoped = statement.actions.filter((action) => !isUnscoped(action));
    if (scoped.length > 0) {
      yield {
        key: `policy.${statement.sid}.Resource`,
        value: "*",
        reason: `${scoped.join(", ")} can be limited to the intended resources`,
        remedy: "name them, or, when AWS takes only *, add the action to policies/unscoped-actions.ts",
      };
    }
  }),
);

/** AWS's own policies that make an administrator. */
const ADMINISTRATORS = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];

export const iamNoAdministrators = rule(
  {
    name: "iam-no-administrators",
    description: "No role has one of AWS's administrator policies.",
    level: "mandatory",
    severity: "critical",
    reference: securityHub("IAM.1"),
  },
  {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": check<iam.RolePolicyAttachmentArgs>(function* ({
      props,
    }) {
      yield* notAdministrator("policyArn", String(props.policyArn));
    }),
    [ROLE]: check<iam.RoleArgs>(function* ({ props }) {
      for (const [i, arn] of (props.managedPolicyArns ?? []).entries()) {
        yield* notAdministrator(`managedPolicyArns.${i}`, arn);
      }
    }),
  },
);

/** With any of these a role becomes, makes or frees another identity. */
const ESCALATIONS = [
  "iam:AddClientIDToOpenIDConnectProvider",
  "iam:AddRoleToInstanceProfile",
  "iam:AttachRolePolicy",
  "iam:AttachUserPolicy",
  "iam:CreateAccessKey",
  "iam:CreateLoginProfile",
  "iam:CreateOpenIDConnectProvider",
  "iam:CreatePolicyVersion",
  "iam:CreateRole",
  "iam:CreateSAMLProvider",
  "iam:CreateUser",
  "iam:DeleteRolePermissionsBoundary",
  "iam:PutRolePermissionsBoundary",
  "iam:PutUserPolicy",
  "iam:SetDefaultPolicyVersion",
  "iam:UpdateAssumeRolePolicy",
  "sts:AssumeRole",
];

export const iamNoEscalation = rule(
  {
    name: "iam-no-escalation",
    description: "No role may make an identity, change whom a role trusts, or lift a boundary.",
    level: "mandatory",
    severity: "critical",
    reference: guidance(
      "IAM permissions boundaries: delegating",
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate",
    ),
  },
  identityPolicies(function* (statement) {
    const found = statement.actions.filter((action) =>
      ESCALATIONS.some((escalation) => matches(action, escalation)),
    );
    if (found.length > 0) {
      yield {
        key: `policy.${statement.sid}.Action`,
        value: found,
        reason: "a thief of the role gets another one, with other limits",
        remedy: "leave it to a person who deploys stack global",
      };
    }
  }),
);

const matches = (pattern: string, action: string): boolean =>
  new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`, "i").test(action);

/** What S3 replicates must not be taken back by the same way, nor by the same role. */
const DELETIONS = ["s3:ReplicateDelete", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"];

export const iamReplicationNeverDeletes = rule(
  {
    name: "iam-replication-never-deletes",
    description: "No role that replicates objects may delete any, or replicate a deletion.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "S3: delete markers in replication",
      "https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html",
    ),
  },
  identityDocuments(function* (document) {
    const allowed = statementsOf(document).filter(({ allows }) => allows);
    const may = (action: string) =>
      allowed.some(({ actions }) => actions.some((one) => matches(one, action)));
    if (!may("s3:ReplicateObject")) return;
    const deletions = DELETIONS.filter(may);
    if (deletions.length > 0) {
      yield {
        key: "policy",
        value: deletions,
        reason: "an attacker's delete would reach the copies, which are there to outlive it",
        remedy:
          "allow s3:ReplicateObject, s3:ReplicateTags and, for another account, s3:ObjectOwnerOverrideToBucketOwner",
      };
    }
  }),
);

export const iamRolesBounded = rule(
  {
    name: "iam-roles-bounded",
    description: "Every role has the project's permission boundary.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "IAM permissions boundaries",
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
    ),
  },
  {
    [ROLE]: check<iam.RoleArgs>(function* ({ props }) {
      if (!props.permissionsBoundary) {
        yield {
          key: "permissionsBoundary",
          value: props.permissionsBoundary,
          reason: "a mistake in one of its policies would have no limit",
          remedy: "set permissionsBoundary to the boundary of stack global",
        };
      }
    }),
  },
);

/** Who may become a role. */
export const iamTrustNamed = rule(
  {
    name: "iam-trust-named",
    description:
      "Every role names who may assume it: an OIDC identity by its subject, a workflow of GitHub also by its repository's number and its file.",
    level: "mandatory",
    severity: "critical",
    reference: guidance(
      "IAM: OIDC trust for GitHub",
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html#idp_oidc_Create_GitHub",
    ),
  },
  {
    [ROLE]: check<iam.RoleArgs>(function* ({ props }) {
      for (const statement of statementsOf(props.assumeRolePolicy)) {
        if (!statement.allows) continue;
        const key = `assumeRolePolicy.${statement.sid}`;
        if (isEverybody(statement) || statement.inverted) {
          yield {
            key: `${key}.Principal`,
            value: statement.principals,
            reason: "anyone with an AWS account could assume this role",
            remedy: "name the service, role or identity provider",
          };
        } else if (statement.principals.some((principal) => principal.includes(":saml-provider/"))) {
          yield* namedAudience(key, statement);
        } else if (statement.principals.some((principal) => principal.startsWith("Federated:"))) {
          yield* namedSubject(key, statement);
        }
      }
    }),
  },
);

/** Keys that don't expire are the ones that leak. */
export const iamNoUsers = rule(
  {
    name: "iam-no-users",
    description: "No IAM users and no access keys: machines have roles, people and pipelines federate.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "IAM best practices: temporary credentials",
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles",
    ),
  },
  Object.fromEntries(
    ["aws:iam/user:User", "aws:iam/accessKey:AccessKey"].map((type) => [
      type,
      function* ({ name }: { name: string }) {
        yield {
          key: type.split(":").at(-1) as string,
          value: name,
          reason: "its credentials never expire, and end up in files",
          remedy: "use a role, assumed by a machine or through OIDC",
        };
      },
    ]),
  ),
);

function* notAdministrator(key: string, arn: string) {
  if (ADMINISTRATORS.some((name) => arn.endsWith(`/${name}`))) {
    yield {
      key,
      value: arn,
      reason: "the role could do everything in the account",
      remedy: "write a policy with the actions that are used",
    };
  }
}

/** An assertion that the provider made for another service must not open the role. */
function* namedAudience(key: string, statement: Statement) {
  if (conditionValues(statement, "SAML:aud").length > 0) return;
  yield {
    key: `${key}.Condition`,
    value: undefined,
    reason: "an assertion for another service could assume this role",
    remedy: "add the condition SAML:aud with AWS's sign-in addresses",
  };
}

const GITHUB = "token.actions.githubusercontent.com";

function* namedSubject(key: string, statement: Statement) {
  const subjects = Object.values(statement.condition)
    .flatMap((keys) => Object.entries(keys))
    .filter(([name]) => name.endsWith(":sub"))
    .flatMap(([, values]) => values);
  // A star is harmless behind the repository's name, as in `repo:owner/name:ref:refs/heads/*`, and for the owner's number.
  const open = subjects.filter(
    (subject) => subject.includes("*") && !/^repo:[^*:/@]+(@\*|@\d+)?\/[^*:/@]+(@\d+)?:/.test(subject),
  );
  if (subjects.length === 0 || open.length > 0) {
    yield {
      key: `${key}.Condition`,
      value: subjects.length === 0 ? undefined : open,
      reason: "workflows of any repository could assume this role",
      remedy: "add a condition on the issuer's :sub that names the repository",
    };
  } else if (statement.principals.some((principal) => principal.endsWith(`/${GITHUB}`))) {
    const numbers = conditionValues(statement, `${GITHUB}:repository_id`);
    if (numbers.length === 0 || !numbers.every((number) => /^\d+$/.test(number))) {
      yield {
        key: `${key}.Condition`,
        value: numbers.length === 0 ? undefined : numbers,
        reason: "a repository made under the same name after this one is gone could assume this role",
        remedy: `add the condition ${GITHUB}:repository_id, a number`,
      };
    }
    const workflows = conditionValues(statement, `${GITHUB}:job_workflow_ref`);
    if (workflows.length === 0 || workflows.some((workflow) => !/^[^*]+\.ya?ml@/.test(workflow))) {
      yield {
        key: `${key}.Condition`,
        value: workflows.length === 0 ? undefined : workflows,
        reason: "any workflow of the repository could assume this role",
        remedy: `add the condition ${GITHUB}:job_workflow_ref, with the workflow's file`,
      };
    }
  }
}
