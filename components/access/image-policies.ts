/** What building images takes: the build machine's rights, and those of who deploys the pipelines. No Pulumi here. */

import type { Contract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { imageBuildersProgram } from "./boundary-policies.js";
import type { Statement } from "./policy-document.js";

/**
 * A build machine: fetch the scripts, be steered by Image Builder through Systems Manager. AWS's ready policies
 * for it reach into every bucket with `imagebuilder` in its name and read every parameter.
 * Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/EC2InstanceProfileForImageBuilder.html
 */
export function imageBuilderStatements(contract: Contract, id: RegionId, backupsKeyArn: string): Statement[] {
  const { accountId } = contract;
  const { region, artifactBucket } = contract[id];
  const bucket = `arn:aws:s3:::${artifactBucket}`;
  return [
    {
      Sid: "FetchScripts",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: `${bucket}/images/*`,
    },
    {
      Sid: "DecryptScripts",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: backupsKeyArn,
      Condition: {
        StringEquals: {
          "kms:ViaService": `s3.${region}.amazonaws.com`,
          "kms:EncryptionContext:aws:s3:arn": bucket,
        },
      },
    },
    {
      Sid: "FetchImageBuildersProgram",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: imageBuildersProgram(contract[id]),
    },
    {
      Sid: "ReadOwnComponents",
      Effect: "Allow",
      Action: "imagebuilder:GetComponent",
      Resource: `arn:aws:imagebuilder:${region}:${accountId}:component/*`,
    },
    {
      Sid: "WriteBuildLogs",
      Effect: "Allow",
      Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: `arn:aws:logs:${region}:${accountId}:log-group:/aws/imagebuilder/*`,
    },
    {
      // Systems Manager's channels know no resource.
      Sid: "BeSteered",
      Effect: "Allow",
      Action: [
        "ec2messages:AcknowledgeMessage",
        "ec2messages:DeleteMessage",
        "ec2messages:FailMessage",
        "ec2messages:GetEndpoint",
        "ec2messages:GetMessages",
        "ec2messages:SendReply",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "RegisterWithSystemsManager",
      Effect: "Allow",
      Action: "ssm:UpdateInstanceInformation",
      Resource: `arn:aws:ec2:${region}:${accountId}:instance/*`,
    },
  ];
}

/** Further rights of a region's deploy role, where regions build images. */
export function deployImagesStatements(contract: Contract, id: RegionId): Statement[] {
  const { accountId } = contract;
  const { region, imageRole, imageParameters } = contract[id];
  const role = `arn:aws:iam::${accountId}:role/${imageRole}`;
  return [
    {
      Sid: "ManageImagePipelines",
      Effect: "Allow",
      Action: [
        "imagebuilder:Create*",
        "imagebuilder:Delete*",
        "imagebuilder:Get*",
        "imagebuilder:List*",
        "imagebuilder:StartImagePipelineExecution",
        "imagebuilder:TagResource",
        "imagebuilder:UntagResource",
        "imagebuilder:Update*",
      ],
      Resource: `arn:aws:imagebuilder:${region}:${accountId}:*`,
    },
    {
      Sid: "ReadBuiltImages",
      Effect: "Allow",
      Action: ["ssm:GetParameter", "ssm:GetParameters"],
      Resource: Object.values(imageParameters).map(
        (name) => `arn:aws:ssm:${region}:${accountId}:parameter${name}`,
      ),
    },
    {
      Sid: "HandRoleToBuildMachines",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: role,
      Condition: {
        StringEquals: { "iam:PassedToService": ["ec2.amazonaws.com", "imagebuilder.amazonaws.com"] },
      },
    },
    {
      // Image Builder looks whether the profile is there.
      Sid: "SeeProfileOfBuildMachines",
      Effect: "Allow",
      Action: "iam:GetInstanceProfile",
      Resource: `arn:aws:iam::${accountId}:instance-profile/${imageRole}`,
    },
    {
      Sid: "FirstUseOfImageBuilder",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:aws:iam::${accountId}:role/aws-service-role/imagebuilder.amazonaws.com/*`,
      Condition: { StringEquals: { "iam:AWSServiceName": "imagebuilder.amazonaws.com" } },
    },
  ];
}
