/** Every type that is really made in the emulator. All others are simulated (`../simulate.ts`). */
import { acmHandlers } from "./acm.js";
import { autoScalingHandlers } from "./auto-scaling.js";
import { cloudtrailHandlers } from "./cloudtrail.js";
import { cloudwatchHandlers } from "./cloudwatch.js";
import { dynamodbHandlers } from "./dynamodb.js";
import type { AwsHandler } from "./handler.js";
import { iamHandlers } from "./iam.js";
import { instanceHandlers } from "./instances.js";
import { kmsHandlers } from "./kms.js";
import { lambdaHandlers } from "./lambda.js";
import { launchTemplateHandlers } from "./launch-templates.js";
import { loadBalancerHandlers } from "./load-balancers.js";
import { networkAclHandlers } from "./network-acls.js";
import { peeringHandlers } from "./peering.js";
import { route53Handlers } from "./route53.js";
import { routeHandlers } from "./routes.js";
import { s3Handlers } from "./s3.js";
import { schedulerHandlers } from "./scheduler.js";
import { secretsmanagerHandlers } from "./secretsmanager.js";
import { securityGroupHandlers } from "./security-groups.js";
import { snsHandlers } from "./sns.js";
import { ssmHandlers } from "./ssm.js";
import { vpcHandlers } from "./vpc.js";

export const HANDLERS: Readonly<Record<string, AwsHandler>> = {
  ...acmHandlers,
  ...autoScalingHandlers,
  ...cloudtrailHandlers,
  ...cloudwatchHandlers,
  ...dynamodbHandlers,
  ...iamHandlers,
  ...instanceHandlers,
  ...kmsHandlers,
  ...lambdaHandlers,
  ...launchTemplateHandlers,
  ...loadBalancerHandlers,
  ...networkAclHandlers,
  ...peeringHandlers,
  ...routeHandlers,
  ...route53Handlers,
  ...s3Handlers,
  ...secretsmanagerHandlers,
  ...ssmHandlers,
  ...schedulerHandlers,
  ...securityGroupHandlers,
  ...snsHandlers,
  ...vpcHandlers,
};
