import { beforeAll, expect, test } from "vitest";
import { allows, decide, type Request } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const ROLE = "aws:iam/role:Role";
const TABLE = (region: string) => `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/drs-claims`;
const ISSUER = "token.actions.githubusercontent.com";

let global: Recording;
let boundary: string;
beforeAll(async () => {
  global = await recordStack("global", {
    ...BASE_SETTINGS,
    pipeline: { repository: "acme/dr", repositoryId: 456789 },
  });
  boundary = global.one("boundary-pipeline", "aws:iam/policy:Policy").inputs.policy;
});

const may = (role: string, action: string, resource: string, context: Request["context"] = {}) =>
  allows(
    { action, resource, context },
    global.one(`pipeline-${role}-policy`, "aws:iam/rolePolicy:RolePolicy").inputs.policy,
    boundary,
  );
/** Claims of a token as GitHub makes them; the subject of a repository from before July 2026 when left out. */
const assume = (role: string, environment: string | undefined, changed: Record<string, string> = {}) => {
  const claims = {
    aud: "sts.amazonaws.com",
    sub: `repo:acme/dr:${environment ? `environment:${environment}` : "pull_request"}`,
    repository_id: "456789",
    job_workflow_ref: `acme/dr/.github/workflows/${role === "preview" ? "pull-request.yml@refs/pull/7/merge" : "deploy-stack.yml@refs/heads/main"}`,
    ...changed,
  };
  return decide(
    {
      action: "sts:AssumeRoleWithWebIdentity",
      resource: "role",
      principal: issuerArn(),
      context: Object.fromEntries(
        Object.entries(claims).map(([claim, value]) => [`${ISSUER}:${claim}`, value]),
      ),
    },
    global.one(`pipeline-${role}`, ROLE).inputs.assumeRolePolicy,
  );
};
const issuerArn = () => `arn:aws:iam:here:${ACCOUNT_ID}:pipeline-github`;

test("without a repository there is no pipeline and no trusted identity", async () => {
  const alone = await recordStack("global");
  expect(alone.resources.filter(({ name }) => name.startsWith("pipeline"))).toEqual([]);
  expect(alone.outputs).not.toHaveProperty("deployRoles");
});

/** What each role's token must not claim, and what a new repository's may. */
const FOREIGN: readonly [string, Record<string, string>][] = [
  ["another repository of the same name, made after this one was deleted", { repository_id: "999" }],
  ["another repository", { sub: "repo:evil/dr:environment:dr" }],
  ["a repository whose name begins alike", { sub: "repo:acme/dr-fork:environment:dr" }],
  ["an owner whose name begins alike", { sub: "repo:acme@1/x/dr@2:environment:dr" }],
  ["another audience", { aud: "https://github.com/acme" }],
];

test("a deploy role is for its own environment, and for the deploying workflow on main", () => {
  expect(assume("deploy-dr", "dr")).toBe("allow");
  expect(assume("deploy-dr", "dr", { sub: "repo:acme@123/dr@456789:environment:dr" })).toBe("allow");
  expect(assume("deploy-dr", "prod")).toBe("nothing");
  expect(assume("deploy-dr", undefined)).toBe("nothing");
  expect(assume("deploy-dr", undefined, { sub: "repo:acme/dr:ref:refs/heads/main" })).toBe("nothing");
  for (const ref of [
    "acme/dr/.github/workflows/deploy-stack.yml@refs/heads/topic",
    "acme/dr/.github/workflows/other.yml@refs/heads/main",
    "evil/dr/.github/workflows/deploy-stack.yml@refs/heads/main",
  ])
    expect(assume("deploy-dr", "dr", { job_workflow_ref: ref }), ref).toBe("nothing");
  for (const [what, claims] of FOREIGN) expect(assume("deploy-dr", "dr", claims), what).toBe("nothing");
});

test("the preview role is for an environment whose reviewers release it, and for no branch", () => {
  const preview = (changed: Record<string, string> = {}) => assume("preview", "preview", changed);
  expect(preview()).toBe("allow");
  expect(preview({ sub: "repo:acme@123/dr@456789:environment:preview" })).toBe("allow");
  expect(preview({ sub: "repo:acme/dr:pull_request" })).toBe("nothing");
  expect(preview({ sub: "repo:acme/dr:ref:refs/heads/topic" })).toBe("nothing");
  expect(preview({ job_workflow_ref: "acme/dr/.github/workflows/other.yml@refs/pull/7/merge" })).toBe(
    "nothing",
  );
  for (const [what, claims] of FOREIGN) {
    const { sub, ...rest } = claims;
    expect(preview({ ...rest, ...(sub && { sub: sub.replace(/dr$/, "preview") }) }), what).toBe("nothing");
  }
});

test("a preview reads the handoff and no data", () => {
  const handoff = (region: string) => `arn:aws:ssm:${region}:${ACCOUNT_ID}:parameter/drs/handoff`;
  expect(may("preview", "ssm:GetParameter", handoff("eu-west-1"))).toBe(true);
  expect(may("preview", "ssm:GetParameter", handoff("eu-central-1"))).toBe(true);
  expect(may("preview", "ssm:PutParameter", handoff("eu-west-1"))).toBe(false);
  expect(may("preview", "secretsmanager:GetSecretValue", "*")).toBe(false);
  const attached = global.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment");
  expect(attached.map(({ inputs }) => inputs.policyArn)).toEqual(["arn:aws:iam::aws:policy/SecurityAudit"]);
});

test("a region's role claims, and overrides, for its own region only, in its own region, once", () => {
  const claim = (role: string, region: string, key: string) =>
    may(role, "dynamodb:PutItem", TABLE(region), { "dynamodb:LeadingKeys": [key] });
  expect(claim("deploy-dr", "eu-central-1", "claim#eu-central-1")).toBe(true);
  expect(claim("deploy-dr", "eu-central-1", "claim#eu-west-1")).toBe(false);
  expect(claim("deploy-dr", "eu-central-1", "status#eu-central-1")).toBe(false);
  expect(claim("deploy-dr", "eu-west-1", "claim#eu-central-1")).toBe(false);
  expect(claim("deploy-prod", "eu-west-1", "claim#eu-west-1")).toBe(true);
  for (const override of ["fenced", "acceptDataLoss"]) {
    expect(claim("deploy-dr", "eu-central-1", `${override}#eu-central-1`), override).toBe(true);
    expect(claim("deploy-dr", "eu-central-1", `${override}#eu-west-1`), override).toBe(false);
    expect(claim("deploy-prod", "eu-central-1", `${override}#eu-central-1`), override).toBe(false);
  }
  for (const action of ["dynamodb:DeleteItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"]) {
    const own = { "dynamodb:LeadingKeys": ["fenced#eu-central-1"] };
    expect(may("deploy-dr", action, TABLE("eu-central-1"), own), action).toBe(false);
  }
  // `pulumi import` of a claim needs it.
  expect(may("deploy-dr", "dynamodb:DescribeTable", TABLE("eu-central-1"))).toBe(true);
  expect(may("deploy-dr", "dynamodb:DescribeTable", TABLE("eu-west-1"))).toBe(false);
});

test("a region's role builds in its own region and makes no roles", () => {
  const at = (region: string) => ({ "aws:RequestedRegion": region });
  expect(may("deploy-prod", "ec2:CreateVpc", "*", at("eu-west-1"))).toBe(true);
  expect(may("deploy-prod", "ec2:CreateVpc", "*", at("eu-central-1"))).toBe(false);
  expect(may("deploy-prod", "autoscaling:UpdateAutoScalingGroup", "*", at("eu-west-1"))).toBe(true);
  const role = `arn:aws:iam::${ACCOUNT_ID}:role/drs-eu-west-1-database`;
  expect(may("deploy-prod", "iam:CreateRole", role)).toBe(false);
  expect(may("deploy-prod", "iam:PassRole", role, { "iam:PassedToService": "ec2.amazonaws.com" })).toBe(true);
  expect(may("deploy-prod", "iam:PassRole", role, { "iam:PassedToService": "lambda.amazonaws.com" })).toBe(
    false,
  );
});

test("a region's role schedules restore tests, under its own region's names and with its own region's role", () => {
  const schedule = (region: string, name: string) =>
    may(
      "deploy-dr",
      "scheduler:CreateSchedule",
      `arn:aws:scheduler:${region}:${ACCOUNT_ID}:schedule/default/${name}`,
    );
  expect(schedule("eu-central-1", "drs-eu-central-1-restore-begin")).toBe(true);
  expect(schedule("eu-central-1", "payroll")).toBe(false);
  expect(schedule("eu-west-1", "drs-eu-west-1-restore-begin")).toBe(false);
  const pass = (role: string, service: string) =>
    may("deploy-dr", "iam:PassRole", `arn:aws:iam::${ACCOUNT_ID}:role/${role}`, {
      "iam:PassedToService": service,
    });
  expect(pass("drs-eu-central-1-restore-schedule", "scheduler.amazonaws.com")).toBe(true);
  expect(pass("drs-eu-central-1-restore", "ec2.amazonaws.com")).toBe(true);
  expect(pass("drs-eu-central-1-restore", "scheduler.amazonaws.com")).toBe(false);
  expect(pass("drs-eu-west-1-restore", "ec2.amazonaws.com")).toBe(false);
});

test("a region's role reads the handoff, and the parameters that images are named by, of its region", () => {
  const read = (region: string, name: string, account = ACCOUNT_ID) =>
    may("deploy-dr", "ssm:GetParameters", `arn:aws:ssm:${region}:${account}:parameter/${name}`);
  expect(read("eu-central-1", "drs/handoff")).toBe(true);
  expect(read("eu-central-1", "drs/images/tomcat")).toBe(true);
  expect(read("eu-central-1", "aws/service/debian/release/12/latest/arm64", "")).toBe(true);
  expect(read("eu-central-1", "payroll/password")).toBe(false);
  expect(read("eu-west-1", "drs/handoff")).toBe(false);
});

test("a region's role publishes its nodes' settings, and not the authority or the handoff", () => {
  const put = (region: string, name: string) =>
    may("deploy-dr", "ssm:PutParameter", `arn:aws:ssm:${region}:${ACCOUNT_ID}:parameter${name}`);
  expect(put("eu-central-1", "/drs/eu-central-1/cluster")).toBe(true);
  expect(put("eu-west-1", "/drs/eu-west-1/cluster")).toBe(false);
  expect(put("eu-central-1", "/drs/tls/authority")).toBe(false);
  expect(put("eu-central-1", "/drs/handoff")).toBe(false);
});

test("a region's role uploads its application; bucket and key are bound together", () => {
  const object = (kind: string, region: string) => `arn:aws:s3:::drs-${kind}-${ACCOUNT_ID}-${region}/x.war`;
  expect(may("deploy-dr", "s3:PutObject", object("artifacts", "eu-central-1"))).toBe(true);
  expect(may("deploy-dr", "s3:PutObject", object("artifacts", "eu-west-1"))).toBe(false);
  expect(may("deploy-dr", "s3:DeleteObject", object("artifacts", "eu-central-1"))).toBe(false);
  expect(may("deploy-dr", "s3:PutObject", object("vault", "eu-central-1"))).toBe(false);
  const key = `arn:aws:kms:here:${ACCOUNT_ID}:keys-backups-replica`;
  const of = (kind: string) => ({
    "kms:ViaService": "s3.eu-central-1.amazonaws.com",
    "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::drs-${kind}-${ACCOUNT_ID}-eu-central-1`,
  });
  expect(may("deploy-dr", "kms:GenerateDataKey", key, of("artifacts"))).toBe(true);
  expect(may("deploy-dr", "kms:Decrypt", key, of("vault"))).toBe(false);
});

test("the role of stack global makes the certificates' secrets, and can neither read nor fill them", () => {
  const secret = `arn:aws:secretsmanager:eu-central-1:${ACCOUNT_ID}:secret:drs/tls/drs-eu-central-1-db-1-a1B2c3`;
  expect(may("deploy-global", "secretsmanager:CreateSecret", secret)).toBe(true);
  expect(may("deploy-global", "secretsmanager:GetSecretValue", secret)).toBe(false);
  expect(may("deploy-global", "secretsmanager:PutSecretValue", secret)).toBe(false);
});

test("a region's role changes its own name in DNS, not the service's", () => {
  const change = (name: string) =>
    may("deploy-prod", "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z0123456789", {
      "route53:ChangeResourceRecordSetsNormalizedRecordNames": [name],
    });
  expect(change("eu-west-1.app.example.com")).toBe(true);
  expect(change("eu-central-1.app.example.com")).toBe(false);
  expect(change("app.example.com")).toBe(false);
});

test("the role of stack global changes what machines may do below their boundary, and makes no role", () => {
  const role = `arn:aws:iam::${ACCOUNT_ID}:role/drs-eu-west-1-database`;
  const below = (name: string) => ({
    "iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT_ID}:policy/${name}`,
  });
  expect(may("deploy-global", "iam:PutRolePolicy", role, below("drs-machine-boundary"))).toBe(true);
  expect(may("deploy-global", "iam:PutRolePolicy", role, below("company"))).toBe(false);
  expect(may("deploy-global", "iam:PutRolePolicy", role)).toBe(false);
  for (const action of ["CreateRole", "DeleteRole", "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary"])
    expect(may("deploy-global", `iam:${action}`, role, below("drs-machine-boundary")), action).toBe(false);
});

test("the role of stack global can't let go of what must stay", () => {
  expect(may("deploy-global", "dynamodb:DeleteTable", TABLE("eu-west-1"))).toBe(false);
  expect(may("deploy-global", "kms:ScheduleKeyDeletion", `arn:aws:kms:eu-west-1:${ACCOUNT_ID}:key/k`)).toBe(
    false,
  );
});

test("the role of stack global manages keys of this project, and no others", () => {
  const key = `arn:aws:kms:eu-central-1:${ACCOUNT_ID}:key/k`;
  const of = (project: string) => ({ "aws:ResourceTag/project": project });
  expect(may("deploy-global", "kms:EnableKeyRotation", key, of("drs"))).toBe(true);
  expect(may("deploy-global", "kms:EnableKeyRotation", key, of("payroll"))).toBe(false);
  expect(may("deploy-global", "kms:EnableKeyRotation", key)).toBe(false);
  // A key without the project's tag would be one of ours after that.
  expect(may("deploy-global", "kms:TagResource", key, { "aws:RequestTag/project": "drs" })).toBe(false);
  for (const action of ["kms:CreateKey", "kms:PutKeyPolicy", "kms:DisableKey"])
    expect(may("deploy-global", action, key, of("drs")), action).toBe(false);
  const alias = (name: string) => `arn:aws:kms:eu-west-1:${ACCOUNT_ID}:alias/${name}`;
  expect(may("deploy-global", "kms:UpdateAlias", alias("drs-data"))).toBe(true);
  expect(may("deploy-global", "kms:UpdateAlias", alias("payroll"))).toBe(false);
});

test("the role of stack global writes runbooks, and sets up vaults without reading or hiding a backup", () => {
  const object = (kind: string) => `arn:aws:s3:::drs-${kind}-${ACCOUNT_ID}-eu-west-1/eu-west-1/x`;
  expect(may("deploy-global", "s3:PutObject", object("runbooks"))).toBe(true);
  for (const bucket of ["vault", "audit"]) {
    for (const action of ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention", "s3:DeleteObject"]) {
      expect(may("deploy-global", action, object(bucket)), `${action} ${bucket}`).toBe(false);
    }
  }
  const vault = `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-eu-west-1`;
  expect(may("deploy-global", "s3:PutReplicationConfiguration", vault)).toBe(true);
});

test("the role of stack global touches its own trail, and alarms only where the health checks' are", () => {
  const trail = (name: string) => `arn:aws:cloudtrail:eu-west-1:${ACCOUNT_ID}:trail/${name}`;
  expect(may("deploy-global", "cloudtrail:AddTags", trail("drs-audit"))).toBe(true);
  expect(may("deploy-global", "cloudtrail:AddTags", trail("company"))).toBe(false);
  expect(may("deploy-global", "cloudtrail:UpdateTrail", trail("drs-audit"))).toBe(false);
  const at = (region: string) => ({ "aws:RequestedRegion": region });
  expect(may("deploy-global", "cloudwatch:PutMetricAlarm", "*", at("us-east-1"))).toBe(true);
  expect(may("deploy-global", "cloudwatch:DeleteAlarms", "*", at("eu-west-1"))).toBe(false);
});

test("the pipeline can't choose who its roles trust or what they may do, nor recreate them", () => {
  const role = `arn:aws:iam::${ACCOUNT_ID}:role/drs-pipeline-deploy-prod`;
  for (const boundary of ["drs-machine-boundary", "drs-pipeline-boundary"]) {
    const below = { "iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT_ID}:policy/${boundary}` };
    for (const action of ["CreateRole", "DeleteRole", "PutRolePolicy", "UpdateAssumeRolePolicy"])
      expect(may("deploy-global", `iam:${action}`, role, below), action).toBe(false);
  }
});

test("the role of stack link peers the two regions and does nothing else", () => {
  const at = { "aws:RequestedRegion": "eu-west-1" };
  expect(may("deploy-link", "ec2:CreateVpcPeeringConnection", "*", at)).toBe(true);
  expect(may("deploy-link", "ec2:CreateRoute", "*", at)).toBe(true);
  expect(may("deploy-link", "ec2:DeleteVpc", "*", at)).toBe(false);
  expect(may("deploy-link", "ec2:CreateRoute", "*", { "aws:RequestedRegion": "us-west-2" })).toBe(false);
});
