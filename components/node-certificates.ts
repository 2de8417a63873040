/** Where each database node of a region, and its restore machine, finds its certificate. */
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { RECOVERY_WINDOW_DAYS } from "./credentials.js";

export interface NodeCertificatesArgs {
  readonly contract: Contract;
  /** Which region's nodes, read replicas and restore machine included. The provider must be of the same region. */
  readonly region: RegionId;
  /** Data key of that region. */
  readonly keyArn: pulumi.Input<string>;
}

/**
 * One secret per node, without a value: `npx dr bootstrap ca` fills it, so that no private key is ever in a
 * state. It is in the node's own region and nowhere else. No other machine needs it; and a copy in the other
 * region could not be renewed while that region, which would hold the original, is gone.
 */
export class NodeCertificates extends pulumi.ComponentResource {
  constructor(name: string, args: NodeCertificatesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:credentials:NodeCertificates", name, {}, opts);
    const { contract, keyArn } = args;
    const { databaseNodes, readReplicas, restoreNode } = contract[args.region];
    const secretOf = (node: string, suffix: string) =>
      new secretsmanager.Secret(
        `${name}-${suffix}`,
        {
          name: contract.certificateSecret(node),
          description: `TLS certificate and key of ${node}`,
          kmsKeyId: keyArn,
          recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
        },
        { parent: this, protect: true },
      );
    databaseNodes.forEach((node, i) => void secretOf(node.name, `db-${i + 1}`));
    readReplicas.forEach((node, i) => void secretOf(node.name, `read-${i + 1}`));
    // Whether tests are on or off: what is protected can't come and go with a setting.
    secretOf(restoreNode, "restore");
    this.registerOutputs();
  }
}
