/** Names that move by themselves. */
import type * as route53 from "@pulumi/aws/route53/index.js";
import { check, rule } from "../rule.js";
import { guidance } from "../standards.js";

/** Without a health check Route 53 takes a failover record for healthy, whatever is behind it. */
export const failoverRecordsChecked = rule(
  {
    name: "failover-records-checked",
    description: "Every failover record has a health check.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "Route 53: health checks in failover",
      "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-configuring-options.html",
    ),
  },
  {
    "aws:route53/record:Record": check<route53.RecordArgs>(function* ({ props }) {
      for (const { type } of props.failoverRoutingPolicies ?? []) {
        if (!props.healthCheckId) {
          yield {
            key: "healthCheckId",
            value: props.healthCheckId,
            reason: `Route 53 would take the ${type} record for healthy even while its region is gone`,
            remedy: "set healthCheckId to the health check of its region",
          };
        }
      }
    }),
  },
);
