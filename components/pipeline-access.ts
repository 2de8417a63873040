/** Roles of the deployment pipeline: GitHub Actions proves who it is by OIDC, no key is stored anywhere. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import { ACCOUNT_STACKS, type AccountStackName, type RegionId } from "../settings/stacks.js";
import { deployImagesStatements } from "./access/image-policies.js";
import { deployGlobalStatements } from "./access/pipeline-global-policies.js";
import {
  deployLinkStatements,
  deployRegionStatements,
  type PipelineIds,
  previewStatements,
} from "./access/pipeline-region-policies.js";
import { policyDocument, type Statement } from "./access/policy-document.js";

export interface PipelineAccessArgs {
  readonly contract: Contract;
  /** Prefix of every name of the project. */
  readonly prefix: string;
  /** Prefix of the roles' names. */
  readonly pipelineRolePrefix: string;
  /** `owner/name` of the repository whose workflows may assume the roles. */
  readonly repository: string;
  /** Its number, which no later repository of the same name gets. */
  readonly repositoryId: number;
  readonly zoneId: pulumi.Input<string>;
  readonly dataKeyArns: Readonly<Record<RegionId, pulumi.Input<string>>>;
  readonly backupsKeyArns: Readonly<Record<RegionId, pulumi.Input<string>>>;
  readonly trailArn: string;
  /** Whether regions build machine images. */
  readonly buildImages: boolean;
  readonly permissionsBoundary: pulumi.Input<string>;
}

const ISSUER = "token.actions.githubusercontent.com";

/** The longest a deployment takes: a first one waits for certificates. */
const DEPLOY_SESSION_SECONDS = 2 * 3600;

/**
 * One role per stack to deploy it, bound to the GitHub environment of the same name (whose reviewers thereby
 * decide who promotes), and one to preview, that changes nothing but reads the state: its environment's reviewers see a
 * pull request's code before it gets the role. The first `up` of `global` is a person's: a pipeline can't make its own roles.
 */
export class PipelineAccess extends pulumi.ComponentResource {
  readonly previewRoleArn: pulumi.Output<string>;
  readonly deployRoleArns: Readonly<Record<AccountStackName, pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: PipelineAccessArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:PipelineAccess", name, {}, opts);
    const issuer = this.issuer();
    this.previewRoleArn = this.previewRole(issuer);
    this.deployRoleArns = Object.fromEntries(
      ACCOUNT_STACKS.map((stack) => [stack, this.deployRole(stack, issuer)]),
    ) as Record<AccountStackName, pulumi.Output<string>>;
    this.registerOutputs({ previewRoleArn: this.previewRoleArn, deployRoleArns: this.deployRoleArns });
  }

  /** An account has one provider per issuer: where it exists already, `pulumi import` it. */
  private issuer(): iam.OpenIdConnectProvider {
    return new iam.OpenIdConnectProvider(
      `${this.name}-github`,
      // No thumbprints: AWS trusts GitHub's certificate authority itself.
      { url: `https://${ISSUER}`, clientIdLists: ["sts.amazonaws.com"] },
      { parent: this },
    );
  }

  private previewRole(issuer: iam.OpenIdConnectProvider): pulumi.Output<string> {
    const { contract, pipelineRolePrefix, repository, permissionsBoundary } = this.args;
    const role = new iam.Role(
      `${this.name}-preview`,
      {
        name: `${pipelineRolePrefix}preview`,
        description: `Previews pull requests from environment preview of ${repository}`,
        assumeRolePolicy: this.trust(issuer, "preview", "pull-request.yml@refs/pull/*/merge"),
        permissionsBoundary,
      },
      { parent: this },
    );
    new iam.RolePolicyAttachment(
      `${this.name}-preview-settings`,
      { role: role.name, policyArn: "arn:aws:iam::aws:policy/SecurityAudit" },
      { parent: this },
    );
    new iam.RolePolicy(
      `${this.name}-preview-policy`,
      { role: role.name, policy: policyDocument(previewStatements(contract)) },
      { parent: this },
    );
    return role.arn;
  }

  private deployRole(stack: AccountStackName, issuer: iam.OpenIdConnectProvider): pulumi.Output<string> {
    const { pipelineRolePrefix, repository, permissionsBoundary } = this.args;
    const role = new iam.Role(
      `${this.name}-deploy-${stack}`,
      {
        name: `${pipelineRolePrefix}deploy-${stack}`,
        description: `Deploys stack ${stack} from environment ${stack} of ${repository}`,
        maxSessionDuration: DEPLOY_SESSION_SECONDS,
        assumeRolePolicy: this.trust(issuer, stack, "deploy-stack.yml@refs/heads/main"),
        permissionsBoundary,
      },
      { parent: this },
    );
    const { zoneId, dataKeyArns, backupsKeyArns } = this.args;
    const policy = pulumi
      .output({ zoneId, dataKeyArns, backupsKeyArns })
      .apply((ids) => policyDocument(this.deployStatements(stack, ids)));
    new iam.RolePolicy(`${this.name}-deploy-${stack}-policy`, { role: role.name, policy }, { parent: this });
    return role.arn;
  }

  private deployStatements(stack: AccountStackName, ids: PipelineIds): Statement[] {
    const { contract, prefix, trailArn, buildImages } = this.args;
    const region = (id: RegionId) => [
      ...deployRegionStatements(contract, id, ids),
      ...(buildImages ? deployImagesStatements(contract, id) : []),
    ];
    switch (stack) {
      case "global":
        return deployGlobalStatements(contract, { prefix, trailArn }, ids);
      case "prod":
        return region("home");
      case "dr":
        return region("recovery");
      case "link":
        return deployLinkStatements(contract);
    }
  }

  /**
   * Trust in tokens that GitHub made for AWS, for jobs of this workflow in this environment. A repository that was made,
   * renamed or transferred after July 2026 has the numbers of owner and repository in its subject.
   * @param workflow its file, and the ref that it must come from: GitHub's `job_workflow_ref` names them
   */
  private trust(
    issuer: iam.OpenIdConnectProvider,
    environment: string,
    workflow: string,
  ): pulumi.Output<string> {
    const { repository, repositoryId } = this.args;
    const [owner, name] = repository.split("/");
    return issuer.arn.apply((arn) =>
      policyDocument([
        {
          Sid: "Trust",
          Effect: "Allow",
          Principal: { Federated: arn },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: {
            StringEquals: {
              [`${ISSUER}:aud`]: "sts.amazonaws.com",
              [`${ISSUER}:repository_id`]: `${repositoryId}`,
            },
            StringLike: {
              [`${ISSUER}:job_workflow_ref`]: `${repository}/.github/workflows/${workflow}`,
              [`${ISSUER}:sub`]: [
                `repo:${repository}:environment:${environment}`,
                `repo:${owner}@*/${name}@${repositoryId}:environment:${environment}`,
              ],
            },
          },
        },
      ]),
    );
  }
}
