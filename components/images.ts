/**
 * Machine images of a region, built in the region: booting in a disaster then needs neither the internet nor
 * another region. EC2 Image Builder runs the install scripts that also make the twin's machines, monthly and
 * whenever somebody starts a pipeline, and leaves the newest image's id in an SSM parameter.
 */
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as imagebuilder from "@pulumi/aws/imagebuilder/index.js";
import * as s3 from "@pulumi/aws/s3/index.js";
import * as vpc from "@pulumi/aws/vpc/index.js";
import * as pulumi from "@pulumi/pulumi";
import {
  type BuildFiles,
  bundleKey,
  IMAGE_KINDS,
  type ImageKind,
  renderComponentDocument,
} from "../nodes/image/component-document.js";
import type { Contract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { ROOT_DEVICE } from "./machine.js";

export interface ImagesArgs {
  readonly settings: Pick<SharedSettings, "name" | "tags" | "database" | "fleet">;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  /** Install scripts and payload. */
  readonly build: BuildFiles;
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets with a way to the internet (Debian's mirrors, PyPI). One is enough for builds. */
  readonly privateSubnetIds: readonly pulumi.Input<string>[];
  /** KMS key in this region for the images. */
  readonly dataKeyArn: pulumi.Input<string>;
}

type Architecture = "arm64" | "amd64";

/** At three in the morning of the first of each month, after Debian's point releases. */
const MONTHLY = "cron(0 3 1 * ? *)";
/** Of the image; a machine's root disk is larger, and grows when it starts. */
const ROOT_GIB = 10;
const BUILD_MACHINES: Readonly<Record<Architecture, readonly string[]>> = {
  arm64: ["m7g.medium", "t4g.medium"],
  amd64: ["m7i.large", "t3.medium"],
};
const TEST_MINUTES = 60;
/** Contents decide: a changed recipe or component is another one, under another name. */
const VERSION = "1.0.0";

export class Images extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: ImagesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:images:Images", name, {}, opts);
    const files = this.uploadFiles();
    const infrastructure = this.infrastructure(this.buildGroup());
    for (const kind of IMAGE_KINDS) {
      const recipe = this.recipe(kind, this.component(kind, files));
      this.pipeline(kind, recipe, infrastructure, this.distribution(kind));
    }
    this.registerOutputs();
  }

  private get region() {
    return this.args.contract[this.args.region];
  }

  /** Other contents have another key, so that an image under way keeps the files it began with. */
  private uploadFiles(): s3.BucketObjectv2 {
    const { build } = this.args;
    return new s3.BucketObjectv2(
      `${this.name}-files`,
      {
        bucket: this.region.artifactBucket,
        key: bundleKey(build),
        content: build.bundle,
        contentType: "application/json; charset=utf-8",
      },
      // No role may delete there.
      { parent: this, retainOnDelete: true },
    );
  }

  /** Out to the mirrors, and nothing in. */
  private buildGroup(): ec2.SecurityGroup {
    const name = `${this.name}-build`;
    const group = new ec2.SecurityGroup(
      name,
      { vpcId: this.args.vpcId, description: "Machines that build images", tags: { Name: name } },
      { parent: this },
    );
    new vpc.SecurityGroupEgressRule(
      `${name}-to-mirrors`,
      {
        securityGroupId: group.id,
        description: "AWS APIs, mirrors of Debian, PyPI",
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
        cidrIpv4: "0.0.0.0/0",
      },
      { parent: this },
    );
    return group;
  }

  private infrastructure(
    group: ec2.SecurityGroup,
  ): Record<Architecture, imagebuilder.InfrastructureConfiguration> {
    const {
      settings,
      privateSubnetIds: [subnetId],
    } = this.args;
    const wanted = new Set(IMAGE_KINDS.map((kind) => this.architecture(kind)));
    const tags = { project: settings.name, "managed-by": "pulumi", ...settings.tags };
    return Object.fromEntries(
      [...wanted].map((architecture) => [
        architecture,
        new imagebuilder.InfrastructureConfiguration(
          `${this.name}-${architecture}`,
          {
            description: `Where ${architecture} images are built`,
            instanceProfileName: this.region.imageRole,
            instanceTypes: [...BUILD_MACHINES[architecture]],
            instanceMetadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
            subnetId,
            securityGroupIds: [group.id],
            terminateInstanceOnFailure: true,
            // The provider's default tags don't reach what Image Builder starts.
            resourceTags: { ...tags, Name: `${settings.name}-image-build` },
          },
          { parent: this },
        ),
      ]),
    ) as Record<Architecture, imagebuilder.InfrastructureConfiguration>;
  }

  private component(kind: ImageKind, files: s3.BucketObjectv2): imagebuilder.Component {
    const { contract, build } = this.args;
    const { artifactBucket, region } = this.region;
    return new imagebuilder.Component(
      `${this.name}-${kind}-component`,
      {
        platform: "Linux",
        version: VERSION,
        description: `Installs a machine of kind ${kind}`,
        data: renderComponentDocument({
          kind,
          build,
          bucket: artifactBucket,
          accountId: contract.accountId,
          region,
        }),
      },
      { parent: this, dependsOn: files },
    );
  }

  private recipe(kind: ImageKind, component: imagebuilder.Component): imagebuilder.ImageRecipe {
    return new imagebuilder.ImageRecipe(
      `${this.name}-${kind}-recipe`,
      {
        version: VERSION,
        description: `Debian 12 and a machine of kind ${kind}`,
        parentImage: `ssm:/aws/service/debian/release/12/latest/${this.architecture(kind)}`,
        components: [{ componentArn: component.arn }],
        blockDeviceMappings: [
          {
            deviceName: ROOT_DEVICE,
            ebs: {
              volumeType: "gp3",
              volumeSize: ROOT_GIB,
              encrypted: "true",
              kmsKeyId: this.args.dataKeyArn,
              deleteOnTermination: "true",
            },
          },
        ],
        // Session Manager is the only way onto a machine.
        systemsManagerAgent: { uninstallAfterBuild: false },
      },
      { parent: this },
    );
  }

  private distribution(kind: ImageKind): imagebuilder.DistributionConfiguration {
    const { settings, dataKeyArn } = this.args;
    return new imagebuilder.DistributionConfiguration(
      `${this.name}-${kind}-distribution`,
      {
        description: `Images of kind ${kind} stay in this region`,
        distributions: [
          {
            region: this.region.region,
            amiDistributionConfiguration: {
              name: `${settings.name}-${kind}-{{ imagebuilder:buildDate }}`,
              description: `Machine of kind ${kind}`,
              kmsKeyId: dataKeyArn,
              amiTags: { project: settings.name, "dr-image": kind },
            },
            ssmParameterConfigurations: [
              { parameterName: this.region.imageParameters[kind], dataType: "aws:ec2:image" },
            ],
          },
        ],
      },
      { parent: this },
    );
  }

  private pipeline(
    kind: ImageKind,
    recipe: imagebuilder.ImageRecipe,
    infrastructure: Readonly<Record<Architecture, imagebuilder.InfrastructureConfiguration>>,
    distribution: imagebuilder.DistributionConfiguration,
  ): void {
    new imagebuilder.ImagePipeline(
      `${this.name}-${kind}-pipeline`,
      {
        description: `Builds the image of machines of kind ${kind}`,
        imageRecipeArn: recipe.arn,
        infrastructureConfigurationArn: infrastructure[this.architecture(kind)].arn,
        distributionConfigurationArn: distribution.arn,
        imageTestsConfiguration: { imageTestsEnabled: true, timeoutMinutes: TEST_MINUTES },
        schedule: {
          scheduleExpression: MONTHLY,
          timezone: "UTC",
          // Debian's updates are no dependency that Image Builder would know of.
          pipelineExecutionStartCondition: "EXPRESSION_MATCH_ONLY",
        },
      },
      { parent: this },
    );
  }

  private architecture(kind: ImageKind): Architecture {
    const { database, fleet } = this.args.settings;
    return architectureOf(kind === "database" ? database.instanceType : fleet.instanceType);
  }
}

/** Graviton's types have a `g` right behind the generation: r7g, t4g, c6gn. a1 was the first of them. */
export const architectureOf = (instanceType: string): Architecture =>
  /^([a-z]+\d+g|a1\.)/.test(instanceType) ? "arm64" : "amd64";
