/** Every type that is really made in the emulator. All others are simulated (`../simulate.ts`). */
import type { Handler } from "../../resource-plugin.js";
import type { AwsContext } from "../context.js";
import { acm } from "./acm.js";
import { autoScalingHandlers } from "./auto-scaling.js";
import { cloudtrailHandlers } from "./cloudtrail.js";
import { cloudwatchHandlers } from "./cloudwatch.js";
import { dynamodb } from "./dynamodb.js";
import { iam } from "./iam.js";
import { instanceHandlers } from "./instances.js";
import { kms } from "./kms.js";
import { lambdaHandlers } from "./lambda.js";
import { launchTemplateHandlers } from "./launch-templates.js";
import { loadBalancerHandlers } from "./load-balancers.js";
import { networkAclHandlers } from "./network-acls.js";
import { peeringHandlers } from "./peering.js";
import { route53 } from "./route53.js";
import { routeHandlers } from "./routes.js";
import { s3 } from "./s3.js";
import { schedulerHandlers } from "./scheduler.js";
import { secretsmanager } from "./secretsmanager.js";
import { securityGroupHandlers } from "./security-groups.js";
import { snsHandlers } from "./sns.js";
import { ssm } from "./ssm.js";
import { vpcHandlers } from "./vpc.js";

export type AwsHandler = Handler<AwsContext>;

export const HANDLERS: Readonly<Record<string, AwsHandler>> = {
  ...acm,
  ...autoScalingHandlers,
  ...cloudtrailHandlers,
  ...cloudwatchHandlers,
  ...dynamodb,
  ...iam,
  ...instanceHandlers,
  ...kms,
  ...lambdaHandlers,
  ...launchTemplateHandlers,
  ...loadBalancerHandlers,
  ...networkAclHandlers,
  ...peeringHandlers,
  ...routeHandlers,
  ...route53,
  ...s3,
  ...secretsmanager,
  ...ssm,
  ...schedulerHandlers,
  ...securityGroupHandlers,
  ...snsHandlers,
  ...vpcHandlers,
};
