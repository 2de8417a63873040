/** Where each database node of a region finds its certificate. */
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { RegionId } from "../settings/stacks.js";
import type { Contract } from "../stacks/contract.js";
import { RECOVERY_WINDOW_DAYS } from "./credentials.js";

export interface NodeCertificatesArgs {
  readonly contract: Contract;
  /** Which region's nodes, read replicas included. The provider must be of the same region. */
  readonly region: RegionId;
  /** Data key of that region. */
  readonly keyArn: pulumi.Input<string>;
}

/**
 * One secret per node, without a value: `npx dr bootstrap ca` fills it, so that no private key is ever in a
 * state. It stands in the node's own region and nowhere else. Nobody else needs it; and a copy in the other
 * region could not be renewed while that region, which would hold the original, is gone.
 */
export class NodeCertificates extends pulumi.ComponentResource {
  constructor(name: string, args: NodeCertificatesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:credentials:NodeCertificates", name, {}, opts);
    const { contract, keyArn } = args;
    const { databaseNodes, readReplicas } = contract[args.region];
    for (const [kind, nodes] of Object.entries({ db: databaseNodes, read: readReplicas })) {
      nodes.forEach((node, i) => {
        new secretsmanager.Secret(
          `${name}-${kind}-${i + 1}`,
          {
            name: contract.certificateSecret(node.name),
            description: `TLS certificate and key of ${node.name}`,
            kmsKeyId: keyArn,
            recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
          },
          { parent: this, protect: true },
        );
      });
    }
    this.registerOutputs();
  }
}
