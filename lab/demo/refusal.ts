import * as aws from "@pulumi/aws";
import { OperationFailed } from "../../operations/engine/events.js";
import { program } from "../../stacks/program.js";
import type { Scene } from "./demo-scene.js";

/** The project's program with one thing added that a reviewer should never let through. */
const carelessProgram = (region: string) => async () => {
  const outputs = await program();
  const provider = new aws.Provider("aws-careless", { region: region as aws.Region });
  new aws.ec2.SecurityGroup(
    "careless",
    {
      description: "quick fix",
      ingress: [{ protocol: "tcp", fromPort: 5432, toPort: 5432, cidrBlocks: ["0.0.0.0/0"] }],
    },
    { provider },
  );
  return outputs;
};

export async function showRefusal({ sandbox, progress, contract, say }: Scene): Promise<void> {
  say("  somebody adds a security group that opens PostgreSQL to the internet:");
  const before = JSON.stringify(await sandbox.state("prod"));
  const refused = await progress.during("preview prod with that change", () =>
    sandbox.preview("prod", { program: carelessProgram(contract.home.region) }).then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (!(refused instanceof OperationFailed) || refused.failure.violations.length === 0) {
    throw new Error(
      `the policy pack let PostgreSQL be opened to the internet; the preview ended with: ${refused}`,
    );
  }
  for (const { policy, resource, message } of refused.failure.violations) {
    say(`  refused by ${policy} on ${resource}`);
    for (const line of message.split("\n")) say(`    ${line}`);
  }
  if (JSON.stringify(await sandbox.state("prod")) !== before)
    throw new Error("a refused preview changed the state of prod");
}
