import { expect, test } from "vitest";
import { statePolicy, statePolicyWithoutRoles } from "../../../components/access/state-policies.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { ACCOUNT_STACKS, type AccountStackName } from "../../../settings/stacks.js";
import { decide } from "../../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS } from "../../support/recorder.js";

const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), ACCOUNT_ID);
const policy = statePolicy(contract, "drs-state", "disaster-recovery");

/** What the engine writes for a stack, as a run of the sandbox shows it. */
const written = (stack: AccountStackName): string[] => [
  `stacks/disaster-recovery/${stack}.json`,
  `stacks/disaster-recovery/${stack}.json.bak`,
  `history/disaster-recovery/${stack}/${stack}-1796047937482575535.history.json`,
  `history/disaster-recovery/${stack}/${stack}-1796047937482575535.checkpoint.json`,
  `backups/disaster-recovery/${stack}/${stack}.1796047937486949647.json`,
  `locks/organization/disaster-recovery/${stack}/3f1c.json`,
];

const may = (purpose: string, action: string, key?: string, secure = "true") =>
  decide(
    {
      action,
      resource: `arn:aws:s3:::drs-state${key === undefined ? "" : `/.pulumi/${key}`}`,
      principal: `arn:aws:iam::${ACCOUNT_ID}:role/drs-pipeline-${purpose}`,
      context: { "aws:SecureTransport": secure },
    },
    policy,
  ) === "allow";

test("a deploy role reads and writes its stack's state, and no other", () => {
  for (const own of ACCOUNT_STACKS)
    for (const stack of ACCOUNT_STACKS)
      for (const key of written(stack))
        for (const action of ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
          expect(may(`deploy-${own}`, action, key), `${own}: ${action} ${key}`).toBe(own === stack);
});

test("the preview role reads all of them, and writes nothing", () => {
  for (const key of [...ACCOUNT_STACKS.flatMap(written), "meta.yaml"]) {
    expect(may("preview", "s3:GetObject", key), key).toBe(true);
    expect(may("preview", "s3:PutObject", key), key).toBe(false);
    expect(may("preview", "s3:DeleteObject", key), key).toBe(false);
  }
});

test("no role changes another project's state, the format, the bucket or a version, or comes without TLS", () => {
  for (const purpose of ["preview", ...ACCOUNT_STACKS.map((stack) => `deploy-${stack}`)]) {
    expect(may(purpose, "s3:ListBucket")).toBe(true);
    expect(may(purpose, "s3:ListBucket", undefined, "false")).toBe(false);
    expect(may(purpose, "s3:GetObject", "meta.yaml")).toBe(true);
    expect(may(purpose, "s3:PutObject", "meta.yaml")).toBe(false);
    expect(may(purpose, "s3:PutBucketPolicy")).toBe(false);
    for (const stack of ACCOUNT_STACKS) {
      expect(may(purpose, "s3:GetObject", `stacks/payroll/${stack}.json`)).toBe(false);
      expect(may(purpose, "s3:DeleteObjectVersion", `stacks/disaster-recovery/${stack}.json`)).toBe(false);
    }
  }
  expect(may("somebody-else", "s3:GetObject", "stacks/disaster-recovery/prod.json")).toBe(false);
});

test("no other policy gives the pipeline's roles a version or the bucket's protection: the state's policy denies it", () => {
  for (const text of [policy, statePolicyWithoutRoles(contract, "drs-state")]) {
    for (const purpose of ["preview", "deploy-global", "deploy-dr"]) {
      for (const action of [
        "DeleteObjectVersion",
        "BypassGovernanceRetention",
        "PutBucketPolicy",
        "DeleteBucketPolicy",
      ]) {
        const arn = `arn:aws:iam::${ACCOUNT_ID}:role/drs-pipeline-${purpose}`;
        const request = {
          action: `s3:${action}`,
          resource: `arn:aws:s3:::drs-state${action.includes("Bucket") ? "" : "/x"}`,
          principal: arn,
          context: { "aws:SecureTransport": "true", "aws:PrincipalArn": arn },
        };
        expect(decide(request, text), `${purpose} ${action}`).toBe("deny");
      }
    }
  }
});

test("before the roles exist the policy names none as a principal, which S3 would refuse", () => {
  const { Statement } = JSON.parse(statePolicyWithoutRoles(contract, "drs-state"));
  expect(Statement.map(({ Principal }: { Principal: unknown }) => Principal)).toEqual(
    Statement.map(() => "*"),
  );
});
