/**
 * Who may do what on which resource. Each cell of `tests/golden/access.txt` is an evaluation of the documents as the
 * program renders them: the role's policies, its boundary, the resource's policy. A new permission is a changed cell.
 *
 * Each request carries the context that suits the caller best: a `no` is a no under any context.
 */
import { beforeAll, expect, test } from "vitest";
import {
  ADMINISTRATOR,
  type Ask,
  callersOf,
  judge,
  keyArn,
  roleArn,
  targetsOf,
  unrestrained,
} from "../support/access.js";
import { type Caller, covers, statementsOf } from "../support/iam.js";
import {
  ACCOUNT_ID,
  BASE_SETTINGS,
  type Recorded,
  type Recording,
  recordStack,
} from "../support/recorder.js";

const HOME = "eu-west-1";
const RECOVERY = "eu-central-1";
const ELSEWHERE = "us-west-2";

/** Columns: all roles of the home region, the pipeline's, and a person who may do everything. */
const COLUMNS: Readonly<Record<string, string>> = {
  node: `drs-${HOME}-database`,
  tomcat: `drs-${HOME}-tomcat`,
  restore: `drs-${HOME}-restore`,
  image: `drs-${HOME}-image`,
  schedule: `drs-${HOME}-restore-schedule`,
  snapshots: `drs-${HOME}-volume-backup`,
  flowlogs: `drs-${HOME}-flow-logs`,
  replicate: `drs-vault-${HOME}-to-${RECOVERY}`,
  canary: "drs-watch-canary",
  preview: "drs-pipeline-preview",
  global: "drs-pipeline-deploy-global",
  prod: "drs-pipeline-deploy-prod",
  dr: "drs-pipeline-deploy-dr",
  link: "drs-pipeline-deploy-link",
  "dr-op": "drs-dr-operator",
  "restore-op": "drs-restore-operator",
  "vault-op": "drs-vault-operator",
  auditor: "drs-auditor",
  glass: "drs-break-glass",
};
const ADMIN = "admin";

const SETTINGS = {
  ...BASE_SETTINGS,
  pipeline: { repository: "acme/dr", repositoryId: 456789 },
  images: { build: true },
  volumeBackup: { enabled: true },
  people: { trust: { permissionSets: true, usersOf: ACCOUNT_ID } },
};

let global: Recording;
let callers: ReadonlyMap<string, Caller>;
let targetOf: ReturnType<typeof targetsOf>;
beforeAll(async () => {
  global = await recordStack("global", SETTINGS);
  callers = callersOf(global);
  targetOf = targetsOf(global);
});

const caller = (column: string): Caller => {
  if (column === ADMIN) return ADMINISTRATOR;
  const found = callers.get(COLUMNS[column] as string);
  if (!found) throw new Error(`no role ${COLUMNS[column]}`);
  return found;
};
const may = (column: string, ask: Ask): boolean => judge(ask, caller(column), targetOf(ask.resource));

const table = (region: string) => `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/drs-claims`;
const bucket = (kind: string, region: string) => `arn:aws:s3:::drs-${kind}-${ACCOUNT_ID}-${region}`;
const secret = (name: string, region = HOME) =>
  `arn:aws:secretsmanager:${region}:${ACCOUNT_ID}:secret:${name}-a1B2c3`;
const parameter = (name: string) => `arn:aws:ssm:${HOME}:${ACCOUNT_ID}:parameter${name}`;
const policyArn = (name: string) => `arn:aws:iam::${ACCOUNT_ID}:policy/${name}`;
const watchRule = (what: string) => `arn:aws:events:${HOME}:${ACCOUNT_ID}:rule/drs-${HOME}-watch-${what}`;
const PROVIDER = `arn:aws:iam::${ACCOUNT_ID}:oidc-provider/token.actions.githubusercontent.com`;
const TRAIL = `arn:aws:cloudtrail:${HOME}:${ACCOUNT_ID}:trail/drs-audit`;
const OWN_KEY = { "aws:ResourceTag/project": "drs" };

const item = (action: string, key: string, region: string): Ask => ({
  action: `dynamodb:${action}`,
  resource: table(region),
  context: { "dynamodb:LeadingKeys": [key] },
});
const object = (action: string, kind: string, region: string, key: string): Ask => ({
  action: `s3:${action}`,
  resource: `${bucket(kind, region)}/${key}`,
  at: region,
});
const ofBucket = (action: string, kind: string, region: string): Ask => ({
  action: `s3:${action}`,
  resource: bucket(kind, region),
  at: region,
});
const key = (action: string, name: string, region: string, context: Ask["context"] = {}): Ask => ({
  action: `kms:${action}`,
  resource: keyArn(global, name),
  at: region,
  context: { ...OWN_KEY, ...context },
});
const through = (service: string, region: string, bucketArn?: string) => ({
  "kms:ViaService": `${service}.${region}.amazonaws.com`,
  ...(bucketArn && { "kms:EncryptionContext:aws:s3:arn": bucketArn }),
});
const role = (action: string, name: string, boundary?: string): Ask => ({
  action: `iam:${action}`,
  resource: roleArn(name),
  at: "us-east-1",
  context: boundary === undefined ? {} : { "iam:PermissionsBoundary": policyArn(boundary) },
});
const pass = (name: string, service: string): Ask => ({
  ...role("PassRole", name),
  context: { "iam:PassedToService": `${service}.amazonaws.com` },
});
const ask = (action: string, resource = "*", at = HOME, context: Ask["context"] = {}): Ask => ({
  action,
  resource,
  at,
  context,
});

const onMachine = (action: string, project: string): Ask =>
  ask(`ssm:${action}`, `arn:aws:ec2:${HOME}:${ACCOUNT_ID}:instance/i-1`, HOME, {
    "aws:ResourceTag/project": project,
  });
const document = (action: string, name: string): Ask =>
  ask(`ssm:${action}`, `arn:aws:ssm:${HOME}:${ACCOUNT_ID}:document/${name}`);
const group = (action: string, project: string, context: Ask["context"] = {}): Ask =>
  ask(
    `autoscaling:${action}`,
    `arn:aws:autoscaling:${HOME}:${ACCOUNT_ID}:autoScalingGroup:1:autoScalingGroupName/fleet-group-1`,
    HOME,
    { "aws:ResourceTag/project": project, ...context },
  );

const logs = (action: string, group: string): Ask =>
  ask(`logs:${action}`, `arn:aws:logs:${HOME}:${ACCOUNT_ID}:log-group:/drs/${HOME}/${group}:log-stream:x`);
const transcripts = (action: string): Ask =>
  ask(`logs:${action}`, `arn:aws:logs:${HOME}:${ACCOUNT_ID}:log-group:/drs/${HOME}/sessions`);
/** Session Manager asks for the machine and for the document. */
const DOCUMENT_IS_CHECKED = "ssm:SessionDocumentAccessCheck";
const shellOn = (project: string, checked: "true" | "false"): Ask => {
  const machine = onMachine("StartSession", project);
  return { ...machine, context: { ...machine.context, [DOCUMENT_IS_CHECKED]: checked } };
};

/** The boundary that a role has, which IAM puts into requests that change the role's policies. */
const MACHINES = "drs-machine-boundary";
const PIPELINE = "drs-pipeline-boundary";

const rows = (): Readonly<Record<string, Readonly<Record<string, Ask>>>> => ({
  claims: {
    "read the claims in the own region": item("Query", `claim#${HOME}`, HOME),
    "read the claims in the other region": item("Query", `claim#${HOME}`, RECOVERY),
    [`claim for ${HOME}`]: item("PutItem", `claim#${HOME}`, HOME),
    [`claim for ${RECOVERY}`]: item("PutItem", `claim#${RECOVERY}`, RECOVERY),
    [`claim for ${HOME} in the other region's replica`]: item("PutItem", `claim#${HOME}`, RECOVERY),
    [`vouch that ${RECOVERY} is fenced`]: item("PutItem", `fenced#${HOME}`, HOME),
    [`accept data loss for ${HOME}`]: item("PutItem", `acceptDataLoss#${HOME}`, HOME),
    "change a claim": item("UpdateItem", `claim#${HOME}`, HOME),
    "take a claim back": item("DeleteItem", `claim#${HOME}`, HOME),
    "take a claim back in a batch": item("BatchWriteItem", `claim#${HOME}`, HOME),
    "take a claim back in PartiQL": item("PartiQLDelete", `claim#${HOME}`, HOME),
    "claim in PartiQL": item("PartiQLInsert", `claim#${HOME}`, HOME),
    "change a claim in PartiQL": item("PartiQLUpdate", `claim#${HOME}`, HOME),
    "open the table to others": ask("dynamodb:PutResourcePolicy", table(HOME)),
    "delete the other region's replica": ask("dynamodb:DeleteTableReplica", table(HOME)),
    "delete the table": ask("dynamodb:DeleteTable", table(HOME)),
    "change the table": ask("dynamodb:UpdateTable", table(HOME)),
    "end point-in-time recovery": ask("dynamodb:UpdateContinuousBackups", table(HOME)),
    "restore over it from a backup": ask("dynamodb:RestoreTableToPointInTime", table(HOME)),
  },
  status: {
    [`write the status of ${HOME}`]: item("PutItem", `status#${HOME}`, HOME),
    [`write the status of ${HOME} in the other replica`]: item("PutItem", `status#${HOME}`, RECOVERY),
    [`write the status of ${RECOVERY}`]: item("PutItem", `status#${RECOVERY}`, HOME),
    "change a status in place": item("UpdateItem", `status#${HOME}`, HOME),
    "write an item of another kind": item("PutItem", "whatever", HOME),
  },
  "versions and locks": {
    "read a backup in the own vault": object("GetObject", "vault", HOME, `${HOME}/backup/x`),
    "list the backups": {
      ...ofBucket("ListBucket", "vault", HOME),
      context: { "s3:prefix": `${HOME}/backup/drs/` },
    },
    "list all of the vault": { ...ofBucket("ListBucket", "vault", HOME), context: { "s3:prefix": "" } },
    "read a hidden version": object("GetObjectVersion", "vault", HOME, `${HOME}/backup/x`),
    "read a backup in the other vault": object("GetObject", "vault", RECOVERY, `${RECOVERY}/backup/x`),
    "write a backup": object("PutObject", "vault", HOME, `${HOME}/backup/x`),
    "write where the other region's replicas are": object("PutObject", "vault", HOME, `${RECOVERY}/backup/x`),
    "write into the other vault": object("PutObject", "vault", RECOVERY, `${HOME}/backup/x`),
    "write a replica into the other vault": object("ReplicateObject", "vault", RECOVERY, `${HOME}/backup/x`),
    "replicate a deletion": object("ReplicateDelete", "vault", RECOVERY, `${HOME}/backup/x`),
    "write a restore test's report": object("PutObject", "vault", HOME, `${HOME}/restore-tests/x`),
    "hide a backup": object("DeleteObject", "vault", HOME, `${HOME}/backup/x`),
    "hide a restore test's report": object("DeleteObject", "vault", HOME, `${RECOVERY}/restore-tests/x`),
    "delete a version": object("DeleteObjectVersion", "vault", HOME, `${HOME}/backup/x`),
    "bypass a lock": object("BypassGovernanceRetention", "vault", HOME, `${HOME}/backup/x`),
    "change a lock's date": object("PutObjectRetention", "vault", HOME, `${HOME}/backup/x`),
    "change a legal hold": object("PutObjectLegalHold", "vault", HOME, `${HOME}/backup/x`),
    "change the vault's lock": ofBucket("PutBucketObjectLockConfiguration", "vault", HOME),
    "change the vault's versioning": ofBucket("PutBucketVersioning", "vault", HOME),
    "change the vault's expiry": ofBucket("PutLifecycleConfiguration", "vault", HOME),
    "change the vault's replication": ofBucket("PutReplicationConfiguration", "vault", HOME),
    "open the vault to others": ofBucket("PutBucketPolicy", "vault", HOME),
    "take the vault's policy away": ofBucket("DeleteBucketPolicy", "vault", HOME),
    "delete the vault": ofBucket("DeleteBucket", "vault", HOME),
    "delete a recovery point": ask(
      "backup:DeleteRecoveryPoint",
      `arn:aws:backup:${HOME}:${ACCOUNT_ID}:recovery-point:x`,
    ),
    "take the lock off a volume vault": ask(
      "backup:DeleteBackupVaultLockConfiguration",
      `arn:aws:backup:${HOME}:${ACCOUNT_ID}:backup-vault:drs-${HOME}-volumes`,
    ),
  },
  "other buckets": {
    "upload the application": object("PutObject", "artifacts", HOME, "x.war"),
    "upload the other region's application": object("PutObject", "artifacts", RECOVERY, "x.war"),
    "read the application": object("GetObject", "artifacts", HOME, "x.war"),
    "read an image script": object("GetObject", "artifacts", HOME, "images/install.sh"),
    "write a runbook": object("PutObject", "runbooks", HOME, "x.md"),
    "read another project's bucket": ask("s3:GetObject", "arn:aws:s3:::payroll/x"),
    "write into another project's bucket": ask("s3:PutObject", "arn:aws:s3:::payroll/x"),
  },
  keys: {
    "decrypt with the data key directly": key("Decrypt", "keys-data", HOME),
    "decrypt a secret": key("Decrypt", "keys-data", HOME, through("secretsmanager", HOME)),
    "decrypt a secret of the other region": key(
      "Decrypt",
      "keys-data-replica",
      RECOVERY,
      through("secretsmanager", RECOVERY),
    ),
    "decrypt a volume": key("Decrypt", "keys-data", HOME, through("ec2", HOME)),
    "decrypt a backup": key("Decrypt", "keys-backups", HOME, through("s3", HOME, bucket("vault", HOME))),
    "decrypt a backup of the other vault": key(
      "Decrypt",
      "keys-backups-replica",
      RECOVERY,
      through("s3", RECOVERY, bucket("vault", RECOVERY)),
    ),
    "decrypt the application": key(
      "Decrypt",
      "keys-backups",
      HOME,
      through("s3", HOME, bucket("artifacts", HOME)),
    ),
    "decrypt the trail": key("Decrypt", "keys-audit", HOME, through("s3", HOME, bucket("audit", HOME))),
    "grant the data key to somebody": key("CreateGrant", "keys-data", HOME),
    "grant the data key to a volume": key("CreateGrant", "keys-data", HOME, {
      ...through("ec2", HOME),
      "kms:GrantIsForAWSResource": "true",
    }),
    "open a key to others": key("PutKeyPolicy", "keys-backups", HOME),
    "disable a key": key("DisableKey", "keys-backups", HOME),
    "delete a key in 7 days": key("ScheduleKeyDeletion", "keys-backups", HOME, {
      "kms:ScheduleKeyDeletionPendingWindowInDays": "7",
    }),
    "delete a key in 30 days": key("ScheduleKeyDeletion", "keys-backups", HOME, {
      "kms:ScheduleKeyDeletionPendingWindowInDays": "30",
    }),
    "make a key": ask("kms:CreateKey", "*", HOME, { "aws:RequestTag/project": "drs" }),
    "open another project's key to others": ask(
      "kms:PutKeyPolicy",
      `arn:aws:kms:${HOME}:${ACCOUNT_ID}:key/payroll`,
      HOME,
      { "aws:ResourceTag/project": "payroll" },
    ),
    "decrypt with another project's key": ask(
      "kms:Decrypt",
      `arn:aws:kms:${HOME}:${ACCOUNT_ID}:key/payroll`,
      HOME,
      through("s3", HOME),
    ),
  },
  secrets: {
    "read the superuser's password": ask("secretsmanager:GetSecretValue", secret("drs/postgres/superuser")),
    "read it in the other region": ask(
      "secretsmanager:GetSecretValue",
      secret("drs/postgres/superuser", RECOVERY),
      RECOVERY,
    ),
    "read the application's password": ask(
      "secretsmanager:GetSecretValue",
      secret("drs/postgres/application"),
    ),
    "read the backups' passphrase": ask("secretsmanager:GetSecretValue", secret("drs/backup/cipher")),
    "read a node's certificate": ask("secretsmanager:GetSecretValue", secret(`drs/tls/drs-${HOME}-db-1`)),
    "read the restore machine's certificate": ask(
      "secretsmanager:GetSecretValue",
      secret(`drs/tls/drs-${HOME}-restore`),
    ),
    "replace a node's certificate": ask("secretsmanager:PutSecretValue", secret(`drs/tls/drs-${HOME}-db-1`)),
    "replace the superuser's password": ask(
      "secretsmanager:PutSecretValue",
      secret("drs/postgres/superuser"),
    ),
    "replace it by an update of the secret": ask(
      "secretsmanager:UpdateSecret",
      secret("drs/postgres/superuser"),
    ),
    "make an old password the current one": ask(
      "secretsmanager:UpdateSecretVersionStage",
      secret("drs/postgres/superuser"),
    ),
    "replace the backups' passphrase": ask("secretsmanager:PutSecretValue", secret("drs/backup/cipher")),
    "delete the backups' passphrase": ask("secretsmanager:DeleteSecret", secret("drs/backup/cipher")),
    "open a secret to others": ask("secretsmanager:PutResourcePolicy", secret("drs/backup/cipher")),
    "read the decoy": ask("secretsmanager:GetSecretValue", secret("drs/admin/password")),
    "read the decoy in the other region": ask(
      "secretsmanager:GetSecretValue",
      secret("drs/admin/password", RECOVERY),
      RECOVERY,
    ),
    "fill the decoy": ask("secretsmanager:PutSecretValue", secret("drs/admin/password")),
    "read another project's secret": ask("secretsmanager:GetSecretValue", secret("payroll/password")),
  },
  trail: {
    "write a transcript of a session": logs("PutLogEvents", "sessions"),
    "read transcripts of sessions": logs("GetLogEvents", "sessions"),
    "search transcripts of sessions": transcripts("FilterLogEvents"),
    "delete a transcript": logs("DeleteLogStream", "sessions"),
    "delete all transcripts": transcripts("DeleteLogGroup"),
    "lift the transcripts' protection from deletion": transcripts("PutLogGroupDeletionProtection"),
    "change how long transcripts are kept": transcripts("PutRetentionPolicy"),
    "keep transcripts for ever": transcripts("DeleteRetentionPolicy"),
    "take the key from the transcripts": transcripts("DisassociateKmsKey"),
    "mask what transcripts say": transcripts("PutDataProtectionPolicy"),
    "change what a shell logs": document("UpdateDocument", "drs-shell"),
    "delete the document of shells": document("DeleteDocument", "drs-shell"),
    "read the trail's files": object("GetObject", "audit", HOME, "AWSLogs/x"),
    "write into the trail's bucket": object("PutObject", "audit", HOME, "AWSLogs/x"),
    "delete a file of the trail": object("DeleteObjectVersion", "audit", HOME, "AWSLogs/x"),
    "open the trail's bucket to others": ofBucket("PutBucketPolicy", "audit", HOME),
    "stop the trail": ask("cloudtrail:StopLogging", TRAIL),
    "delete the trail": ask("cloudtrail:DeleteTrail", TRAIL),
    "change the trail": ask("cloudtrail:UpdateTrail", TRAIL),
    "narrow what the trail records": ask("cloudtrail:PutEventSelectors", TRAIL),
  },
  "IAM inside the project": {
    "make a role below the machines' boundary": role("CreateRole", `drs-${HOME}-new`, MACHINES),
    "make a role below the pipeline's boundary": role("CreateRole", "drs-new", PIPELINE),
    "make a role without a boundary": role("CreateRole", "drs-new"),
    "delete a machine's role": role("DeleteRole", `drs-${HOME}-database`),
    "change a machine's policy": role("PutRolePolicy", `drs-${HOME}-database`, MACHINES),
    "attach an administrator's policy to a machine": role(
      "AttachRolePolicy",
      `drs-${HOME}-database`,
      MACHINES,
    ),
    "change whom a machine's role trusts": role("UpdateAssumeRolePolicy", `drs-${HOME}-database`),
    "swap a machine's boundary": role("PutRolePermissionsBoundary", `drs-${HOME}-database`, PIPELINE),
    "lift a machine's boundary": role("DeleteRolePermissionsBoundary", `drs-${HOME}-database`, MACHINES),
    "give a machine another role": ask(
      "iam:AddRoleToInstanceProfile",
      `arn:aws:iam::${ACCOUNT_ID}:instance-profile/drs-${HOME}-tomcat`,
    ),
    "change the preview role's policy": role("PutRolePolicy", "drs-pipeline-preview", PIPELINE),
    "change whom the preview role trusts": role("UpdateAssumeRolePolicy", "drs-pipeline-preview"),
    "change the deploy role's policy": role("PutRolePolicy", "drs-pipeline-deploy-global", PIPELINE),
    "swap the deploy role's boundary": role(
      "PutRolePermissionsBoundary",
      "drs-pipeline-deploy-global",
      MACHINES,
    ),
    "delete the deploy role": role("DeleteRole", "drs-pipeline-deploy-prod"),
    "change the machines' boundary": ask("iam:CreatePolicyVersion", policyArn(MACHINES)),
    "change the pipeline's boundary": ask("iam:CreatePolicyVersion", policyArn(PIPELINE)),
    "make a policy": ask("iam:CreatePolicy", policyArn("drs-new")),
    "hand the node's role to a machine": pass(`drs-${HOME}-database`, "ec2"),
    "hand the node's role to a function": pass(`drs-${HOME}-database`, "lambda"),
    "hand the other region's node's role to a machine": pass(`drs-${RECOVERY}-database`, "ec2"),
    "hand the replication's role to S3": pass(`drs-vault-${HOME}-to-${RECOVERY}`, "s3"),
    "hand the deploy role to a machine": pass("drs-pipeline-deploy-global", "ec2"),
    "become the node's role": ask("sts:AssumeRole", roleArn(`drs-${HOME}-database`)),
  },
  "IAM outside the project": {
    "make a role": role("CreateRole", "company-new", MACHINES),
    "change an administrator's policy": role("PutRolePolicy", "Administrator", MACHINES),
    "change whom the administrator's role trusts": role("UpdateAssumeRolePolicy", "Administrator"),
    "attach a policy to another project's role": role("AttachRolePolicy", "payroll", MACHINES),
    "delete another project's role": role("DeleteRole", "payroll"),
    "change a policy of the company": ask("iam:CreatePolicyVersion", policyArn("company-developers")),
    "hand the administrator's role to a machine": pass("Administrator", "ec2"),
    "become the administrator": ask("sts:AssumeRole", roleArn("Administrator")),
    "make a user": ask("iam:CreateUser", `arn:aws:iam::${ACCOUNT_ID}:user/drs-new`),
    "make an access key": ask("iam:CreateAccessKey", `arn:aws:iam::${ACCOUNT_ID}:user/alice`),
    "trust another identity provider": ask(
      "iam:CreateOpenIDConnectProvider",
      `arn:aws:iam::${ACCOUNT_ID}:oidc-provider/evil.example.com`,
    ),
    "change GitHub's identity provider": ask("iam:AddClientIDToOpenIDConnectProvider", PROVIDER),
    "delete GitHub's identity provider": ask("iam:DeleteOpenIDConnectProvider", PROVIDER),
    "trust a SAML provider": ask("iam:CreateSAMLProvider", `arn:aws:iam::${ACCOUNT_ID}:saml-provider/evil`),
    "weaken the account's password rules": ask("iam:DeleteAccountPasswordPolicy"),
  },
  "machines and services": {
    "start a machine in the home region": ask("ec2:RunInstances", "*", HOME),
    "start a machine in the recovery region": ask("ec2:RunInstances", "*", RECOVERY),
    "start a machine in a third region": ask("ec2:RunInstances", "*", ELSEWHERE),
    "stop a machine": ask("ec2:StopInstances", `arn:aws:ec2:${HOME}:${ACCOUNT_ID}:instance/i-1`),
    "delete a volume": ask("ec2:DeleteVolume", `arn:aws:ec2:${HOME}:${ACCOUNT_ID}:volume/vol-1`),
    "run a command on a machine": onMachine("SendCommand", "drs"),
    "run a command on another project's machine": onMachine("SendCommand", "payroll"),
    "run one of the project's commands": document("SendCommand", "drs-op-restore"),
    "run any shell command": ask("ssm:SendCommand", `arn:aws:ssm:${HOME}::document/AWS-RunShellScript`),
    "change one of the project's commands": document("UpdateDocument", "drs-op-restore"),
    "make a command": document("CreateDocument", "company-new"),
    "open a shell on a machine": shellOn("drs", "true"),
    "open a shell with a transcript": document("StartSession", "drs-shell"),
    "open a shell by the account's own document": document("StartSession", "SSM-SessionManagerRunShell"),
    "open a shell whose document isn't checked": shellOn("drs", "false"),
    "open a tunnel to a machine": ask(
      "ssm:StartSession",
      `arn:aws:ssm:${HOME}::document/AWS-StartSSHSession`,
    ),
    "open a shell on another project's machine": shellOn("payroll", "true"),
    "grow a group": group("UpdateAutoScalingGroup", "drs"),
    "grow another project's group": group("UpdateAutoScalingGroup", "payroll"),
    "give a group another template": group("UpdateAutoScalingGroup", "drs", {
      "autoscaling:LaunchTemplateVersionSpecified": "true",
    }),
    "start the restore machine": ask(
      "autoscaling:SetDesiredCapacity",
      `arn:aws:autoscaling:${HOME}:${ACCOUNT_ID}:autoScalingGroup:1:autoScalingGroupName/drs-${HOME}-restore`,
    ),
    "make a function": ask("lambda:CreateFunction", `arn:aws:lambda:${HOME}:${ACCOUNT_ID}:function:x`),
    "replace the authority's certificate": ask("ssm:PutParameter", parameter("/drs/tls/authority")),
    "read the escrow's record": ask("ssm:GetParameter", parameter("/drs/escrow")),
    "replace the escrow's record": ask("ssm:PutParameter", parameter("/drs/escrow")),
    "replace the handoff": ask("ssm:PutParameter", parameter("/drs/handoff")),
    "change the nodes' settings": ask("ssm:PutParameter", parameter(`/drs/${HOME}/cluster`)),
    "write into the log of the database machines": logs("PutLogEvents", "database"),
    "write into the log of the Tomcats": logs("PutLogEvents", "tomcat"),
    "write into the log of the restore machine": logs("PutLogEvents", "restore"),
    "write into the flow logs": logs("PutLogEvents", "flow-logs"),
    "make a log group": logs("CreateLogGroup", "new"),
    "delete a machine's log": logs("DeleteLogGroup", "database"),
    "delete an alarm": ask("cloudwatch:DeleteAlarms", "*", HOME),
    "delete a rule of the watch": ask("events:DeleteRule", watchRule("buckets")),
    "disable a rule of the watch": ask("events:DisableRule", watchRule("buckets")),
    "remove a rule's targets": ask("events:RemoveTargets", watchRule("buckets")),
    "change a rule of the watch": ask("events:PutRule", watchRule("buckets")),
    "delete a rule of the watch in us-east-1": ask(
      "events:DeleteRule",
      `arn:aws:events:us-east-1:${ACCOUNT_ID}:rule/drs-watch-roles`,
    ),
    "tag the canary's rule": ask("events:TagResource", watchRule("canary")),
    "stop the canary": ask(
      "scheduler:DeleteSchedule",
      `arn:aws:scheduler:${HOME}:${ACCOUNT_ID}:schedule/default/drs-${HOME}-watch-canary`,
    ),
    "hand the canary's role to a schedule": pass("drs-watch-canary", "scheduler"),
    "change the canary's policy": role("PutRolePolicy", "drs-watch-canary", MACHINES),
    "delete the page topic": ask(
      "sns:DeleteTopic",
      `arn:aws:sns:${HOME}:${ACCOUNT_ID}:alarms-topics-page-a1b2c3d`,
    ),
    "say that an alarm is over": ask(
      "cloudwatch:SetAlarmState",
      `arn:aws:cloudwatch:${HOME}:${ACCOUNT_ID}:alarm:drs-${HOME}-vault-tampered`,
    ),
    "move the service's name": ask(
      "route53:ChangeResourceRecordSets",
      "arn:aws:route53:::hostedzone/Z0123456789",
      "us-east-1",
      { "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["app.example.com"] },
    ),
    "leave the organisation": ask("organizations:LeaveOrganization", "*", "us-east-1"),
    "close the account": ask("account:CloseAccount", "*", "us-east-1"),
  },
});

test("every role of the home region, of the pipeline and for people is a column", () => {
  const left = [...callers.keys()].filter(
    (name) => !Object.values(COLUMNS).includes(name) && !name.startsWith(`drs-${RECOVERY}-`),
  );
  // The other direction's replication, which is this one with the regions exchanged.
  expect(left).toEqual([`drs-vault-${RECOVERY}-to-${HOME}`]);
});

test("who may do what", async () => {
  const columns = [...Object.keys(COLUMNS), ADMIN];
  const width = Math.max(
    ...Object.values(rows()).flatMap((rows) => Object.keys(rows).map(({ length }) => length)),
  );
  const line = (label: string, cells: readonly string[]) =>
    [label.padEnd(width), ...cells.map((cell, i) => cell.padEnd((columns[i] as string).length))]
      .join("  ")
      .trimEnd();
  const lines = Object.entries(rows()).flatMap(([group, rows]) => [
    "",
    line(group.toUpperCase(), columns),
    ...Object.entries(rows).map(([label, ask]) =>
      line(
        label,
        columns.map((column) => (may(column, ask) ? "yes" : ".")),
      ),
    ),
  ]);
  const cells = lines.flatMap((text) => text.match(/ (?:yes|\.)(?= |$)/g) ?? []);
  expect(cells.length).toBeGreaterThan(1500);
  expect(cells.filter((cell) => cell === " yes").length).toBeLessThan(cells.length / 5);
  const note = "What each role may do (yes) and may not (.), in stack global of the tests' settings.";
  await expect(`${[note, ...lines].join("\n")}\n`).toMatchFileSnapshot("../golden/access.txt");
});

/**
 * What a stolen role can make itself into: every role whose policies it may write (within that role's boundary), and every
 * new role that it may make; and what those can make of themselves.
 */
function within(reach: Caller): Caller[] {
  const found = new Map([[reach.role, reach]]);
  const boundaries = global
    .ofType("aws:iam/policy:Policy")
    .map(({ inputs }) => ({ name: inputs.name as string, text: inputs.policy as string }));
  const can = (by: Caller, ask: Ask) => judge(ask, by, targetOf(ask.resource));
  for (const by of found.values()) {
    for (const [name, existing] of callers) {
      const boundary = boundaries.find(({ text }) => text === boundaryOf(name))?.name;
      if (can(by, role("PutRolePolicy", name, boundary))) found.set(existing.role, unrestrained(existing));
    }
    for (const name of ["drs-new", `drs-${HOME}-new`, "drs-vault-new", "drs-pipeline-new", "company-new"])
      for (const boundary of boundaries)
        if (can(by, role("CreateRole", name, boundary.name)))
          found.set(
            roleArn(name),
            unrestrained({ role: roleArn(name), policies: [], boundary: boundary.text }),
          );
  }
  return [...found.values()];
}

const boundaryOf = (name: string): string => {
  const { inputs } = global
    .ofType("aws:iam/role:Role")
    .find(({ inputs }) => inputs.name === name) as Recorded;
  return global.one(inputs.permissionsBoundary.split(":").at(-1), "aws:iam/policy:Policy").inputs.policy;
};

/** What a thief of any role of the pipeline or of a machine would do. */
const ATTACKS: readonly (readonly [string, readonly string[]])[] = [
  [
    "become an administrator of the account",
    [
      "change an administrator's policy",
      "change whom the administrator's role trusts",
      "hand the administrator's role to a machine",
      "become the administrator",
      "change a policy of the company",
      "attach a policy to another project's role",
    ],
  ],
  ["pass any role", ["hand the deploy role to a machine", "hand the node's role to a function"]],
  [
    "rewrite whom roles trust",
    [
      "change whom the preview role trusts",
      "change whom a machine's role trusts",
      "delete a machine's role",
      "give a machine another role",
    ],
  ],
  [
    "change the pipeline's own roles",
    [
      "change the preview role's policy",
      "change the deploy role's policy",
      "swap the deploy role's boundary",
    ],
  ],
  [
    "lift a boundary",
    ["change the machines' boundary", "change the pipeline's boundary", "lift a machine's boundary"],
  ],
  [
    "trust another identity provider",
    [
      "trust another identity provider",
      "change GitHub's identity provider",
      "delete GitHub's identity provider",
      "trust a SAML provider",
    ],
  ],
  [
    "take a claim back",
    ["take a claim back", "take a claim back in a batch", "take a claim back in PartiQL", "change a claim"],
  ],
  [
    "open or break the claim table",
    ["open the table to others", "delete the other region's replica", "delete the table", "change the table"],
  ],
  [
    "lose the keys",
    ["open a key to others", "disable a key", "delete a key in 7 days", "delete a key in 30 days"],
  ],
  [
    "delete or unlock a backup",
    ["delete a version", "bypass a lock", "change a lock's date", "delete the vault"],
  ],
  [
    "silence the watch",
    [
      "delete a rule of the watch",
      "delete a rule of the watch in us-east-1",
      "disable a rule of the watch",
      "remove a rule's targets",
      "stop the canary",
      "delete the page topic",
      "say that an alarm is over",
    ],
  ],
  ["open a vault to others", ["open the vault to others", "take the vault's policy away"]],
  [
    "silence the trail",
    ["stop the trail", "delete the trail", "change the trail", "narrow what the trail records"],
  ],
  [
    "take a transcript away",
    [
      "delete a transcript",
      "delete all transcripts",
      "lift the transcripts' protection from deletion",
      "change how long transcripts are kept",
      "mask what transcripts say",
      "change what a shell logs",
      "delete the document of shells",
    ],
  ],
  [
    "open a shell without a transcript",
    [
      "open a shell by the account's own document",
      "open a shell whose document isn't checked",
      "open a tunnel to a machine",
    ],
  ],
  [
    "reach other projects",
    ["read another project's secret", "make a function", "make a user", "make a role"],
  ],
];

/**
 * Break-glass may do all of it, and pages. A vault operator removes delete markers, which IAM can't tell from versions: what
 * keeps a version is its lock.
 */
const isHeldTo =
  (label: string) =>
  ([name]: readonly [string, Caller]): boolean =>
    name !== COLUMNS.glass && !(name === COLUMNS["vault-op"] && label === "delete a version");

test.each(ATTACKS)("no stolen role can %s, whatever it makes itself into", (_, labels) => {
  const all = Object.assign({}, ...Object.values(rows())) as Record<string, Ask>;
  for (const label of labels) {
    const wanted = all[label] as Ask;
    const able = [...callers].filter(isHeldTo(label)).flatMap(([name, stolen]) =>
      within(stolen)
        .filter((by) => judge(wanted, by, targetOf(wanted.resource)))
        .map((by) => `${name} as ${by.role.split("/").at(-1)}`),
    );
    expect(able, label).toEqual([]);
  }
});

test("break-glass itself opens no shell without a transcript, and takes no transcript away", () => {
  const all = Object.assign({}, ...Object.values(rows())) as Record<string, Ask>;
  const labels = ATTACKS.filter(([label]) => label.includes("transcript")).flatMap(([, labels]) => labels);
  expect(labels.length).toBeGreaterThan(8);
  expect(labels.filter((label) => may("glass", all[label] as Ask))).toEqual([]);
  for (const label of ["open a shell on a machine", "open a shell with a transcript"])
    expect(may("glass", all[label] as Ask), label).toBe(true);
});

test("a boundary cuts nothing off that a role's own policy grants", () => {
  const cut = [...callers].flatMap(([name, { policies, boundary }]) =>
    policies.slice(0, 1).flatMap((policy) =>
      statementsOf(policy)
        .filter(({ Effect }) => Effect === "Allow")
        .flatMap((own) =>
          [own.Action].flat().filter((action) => {
            const allowing = statementsOf(boundary as string).filter(
              ({ Effect, Action }) =>
                Effect === "Allow" &&
                [Action].flat().some((wide) => covers(wide.toLowerCase(), action.toLowerCase())),
            );
            return ![own.Resource]
              .flat()
              .every((resource) =>
                allowing.some(({ Resource }) => [Resource].flat().some((wide) => covers(wide, resource))),
              );
          }),
        )
        .map((action) => `${name}: ${action}`),
    ),
  );
  expect(cut).toEqual([]);
});
