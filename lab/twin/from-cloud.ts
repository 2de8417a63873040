/**
 * The machines of a region as a cloud account holds them: launch templates, and what machines fetch at boot. Read
 * through the AWS API, so that a twin starts from what was deployed. Only a node's address is the contract's: the
 * emulator forgets the network interface that a launch template names.
 */
import { AutoScalingClient, paginateDescribeAutoScalingGroups } from "@aws-sdk/client-auto-scaling";
import { DescribeLaunchTemplateVersionsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import {
  GetSecretValueCommand,
  paginateListSecrets,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { paginateGetParametersByPath, SSMClient } from "@aws-sdk/client-ssm";
import { addressAt } from "../../settings/cidr-arithmetic.js";
import type { Contract, RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { parseUserData } from "./cloud-config.js";
import type { MachineSpec, Twin } from "./types.js";

export interface CloudAccess {
  /** Of the emulator. */
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** First address given to a Tomcat server: AWS gives any, and keeps the first four of a subnet. */
const FIRST_SERVER = 10;

/**
 * What Auto Scaling would start: one machine per group of a database node, and up to `tomcats` of the fleet's.
 * @throws Error when the region isn't deployed, or runs nothing.
 */
export async function machinesInCloud(
  access: CloudAccess,
  region: RegionContract,
  settings: SharedSettings,
  tomcats: number,
): Promise<MachineSpec[]> {
  const config = { region: region.region, ...access };
  const ec2 = new EC2Client(config);
  const machines: MachineSpec[] = [];
  const nodes = [...region.databaseNodes, ...region.readReplicas];
  for await (const page of paginateDescribeAutoScalingGroups({ client: new AutoScalingClient(config) }, {})) {
    for (const { LaunchTemplate: template, MinSize: size = 0 } of page.AutoScalingGroups ?? []) {
      if (!template?.LaunchTemplateId || size === 0) continue;
      const { LaunchTemplateVersions: versions } = await ec2.send(
        new DescribeLaunchTemplateVersionsCommand({
          LaunchTemplateId: template.LaunchTemplateId,
          Versions: [template.Version ?? "$Latest"],
        }),
      );
      const data = versions?.[0]?.LaunchTemplateData;
      if (!data?.UserData) throw new Error(`launch template ${template.LaunchTemplateName} has no user data`);
      const userData = Buffer.from(data.UserData, "base64").toString("utf8");
      const { hostname } = parseUserData(userData);
      if (hostname) {
        const node = nodes.find(({ name }) => name === hostname);
        if (!node)
          throw new Error(`a machine is to be called ${hostname}, which is no node of ${region.region}`);
        const role = region.databaseNodes.includes(node) ? "database" : "read-replica";
        const volumeMib = settings.database.volumeGib * 1024;
        const { name, address } = node;
        machines.push({ name, role, region: region.id, address, userData, volumeMib });
      } else {
        for (let i = 0; i < Math.min(size, tomcats); i++) {
          const subnet = region.privateCidrs[i % 3] as string;
          const address = addressAt(subnet, FIRST_SERVER + Math.floor(i / 3));
          machines.push({
            name: `${region.vpcName}-web-${i + 1}`,
            role: "tomcat",
            region: region.id,
            address,
            userData,
          });
        }
      }
    }
  }
  if (machines.length === 0) throw new Error(`no group in ${region.region} has a machine to start`);
  return machines;
}

/** Copies what the machines of a region fetch at boot: secrets, parameters, the application. */
export async function copyPlatform(
  access: CloudAccess,
  contract: Contract,
  region: RegionContract,
  name: string,
  twin: Twin,
): Promise<void> {
  const config = { region: region.region, ...access };
  const secrets = new SecretsManagerClient(config);
  const filled = new Set<string>();
  for await (const page of paginateListSecrets({ client: secrets }, {})) {
    for (const { Name: secret } of page.SecretList ?? []) {
      const answer = await secrets
        .send(new GetSecretValueCommand({ SecretId: secret }))
        .catch((error: Error) => {
          // Declared, but still without a value.
          if (error.name === "ResourceNotFoundException") return undefined;
          throw error;
        });
      if (!secret || !answer?.SecretString) continue;
      filled.add(secret);
      await twin.put("secrets", secret, answer.SecretString);
    }
  }
  const empty = Object.values(contract.secrets).filter((secret) => !filled.has(secret));
  if (empty.length > 0)
    throw new Error(`${empty.join(", ")} have no value in ${region.region}: npx dr bootstrap secrets`);
  const ssm = new SSMClient(config);
  let authority = false;
  const below = { Path: `/${name}/`, Recursive: true, WithDecryption: true };
  for await (const page of paginateGetParametersByPath({ client: ssm }, below)) {
    for (const { Name: parameter, Value: value } of page.Parameters ?? []) {
      if (!parameter || value === undefined) continue;
      authority ||= parameter === contract.authorityParameter;
      await twin.put("parameters", parameter, value);
    }
  }
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: region.artifactBucket })) {
    for (const { Key: key } of page.Contents ?? []) {
      const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: region.artifactBucket, Key: key }));
      if (body)
        await twin.put("artifacts", `${region.artifactBucket}/${key}`, await body.transformToByteArray());
    }
  }
  // Without it no node starts, and each tries for ever.
  if (!authority)
    throw new Error(
      `${contract.authorityParameter} is not set in ${region.region}: npx dr bootstrap ca --publish`,
    );
}
