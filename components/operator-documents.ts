/** The commands that operators may run on a region's machines: `nodes/operator-documents.ts` has their text. */
import * as ssm from "@pulumi/aws/ssm/index.js";
import * as pulumi from "@pulumi/pulumi";
import { contentOf, DOCUMENT_NAMES } from "../nodes/operator-documents.js";
import type { Contract } from "../settings/contract.js";

export interface OperatorDocumentsArgs {
  readonly contract: Pick<Contract, "operatorDocumentPrefix">;
}

export class OperatorDocuments extends pulumi.ComponentResource {
  constructor(name: string, { contract }: OperatorDocumentsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:operations:OperatorDocuments", name, {}, opts);
    for (const document of DOCUMENT_NAMES) {
      new ssm.Document(
        `${name}-${document}`,
        {
          name: `${contract.operatorDocumentPrefix}${document}`,
          documentType: "Command",
          documentFormat: "JSON",
          targetType: "/AWS::EC2::Instance",
          content: contentOf(document),
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }
}
