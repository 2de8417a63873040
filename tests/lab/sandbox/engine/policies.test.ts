/** The policy pack as the engine runs it: in `up`, on real resources, for AWS and Kubernetes. */
import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Sandbox } from "../../../../lab/sandbox/sandbox.js";
import { OperationFailed } from "../../../../operations/engine/events.js";
import { quiet } from "../../../support/quiet.js";
import { withTemporaryDir } from "../../support/temporary-dir.js";

const temporary = withTemporaryDir();
let sandbox: Sandbox;

beforeAll(async () => {
  await temporary.enter();
  sandbox = await Sandbox.open(quiet(), 0);
});
afterAll(() => temporary.leave());

const refusal = async (program: () => Promise<void>): Promise<OperationFailed> => {
  const error = await sandbox.up("prod", { program }).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(OperationFailed);
  return error as OperationFailed;
};

test("an open PostgreSQL port stops an up, and nothing is made", async () => {
  const { failure } = await refusal(async () => {
    const provider = new aws.Provider("aws", { region: "eu-west-1" });
    new aws.ec2.SecurityGroup(
      "open",
      { ingress: [{ protocol: "tcp", fromPort: 5432, toPort: 5432, cidrBlocks: ["0.0.0.0/0"] }] },
      { provider },
    );
  });
  expect(failure.violations.map(({ resource }) => resource)).toContain("open");
  const { deployment } = await sandbox.state("prod");
  expect((deployment.resources as { type: string }[]).map(({ type }) => type)).not.toContain(
    "aws:ec2/securityGroup:SecurityGroup",
  );
});

test("a wildcard in a Kubernetes role stops an up; a narrow role passes", async () => {
  const role = (verbs: string[]) => async () => {
    const provider = new kubernetes.Provider("cluster", { kubeconfig: "none" });
    new kubernetes.rbac.v1.ClusterRole(
      "role",
      { rules: [{ apiGroups: [""], resources: ["pods"], verbs }] },
      { provider },
    );
  };
  const { failure } = await refusal(role(["*"]));
  expect(failure.violations.map(({ resource }) => resource)).toContain("role");
  const { changes } = await sandbox.up("prod", { program: role(["get", "list"]) });
  expect(changes.map(({ type }) => type)).toContain("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole");
});
