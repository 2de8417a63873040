/** Machines: their credentials can't be stolen by a forged request, and none has a public address. */
import type * as autoscaling from "@pulumi/aws/autoscaling/index.js";
import type * as ec2 from "@pulumi/aws/ec2/index.js";
import { check, known, rule } from "../rule.js";
import { securityHub } from "../standards.js";

const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const INSTANCE = "aws:ec2/instance:Instance";

/** Without a session token, any request that a machine can be tricked into reads its credentials. */
export const imdsv2Required = rule(
  {
    name: "imdsv2-required",
    description: "Every machine gives out its credentials by IMDSv2 only.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("EC2.170"),
  },
  {
    [LAUNCH_TEMPLATE]: check<ec2.LaunchTemplateArgs>(function* ({ props }) {
      yield* tokensRequired(props.metadataOptions?.httpTokens);
    }),
    [INSTANCE]: check<ec2.InstanceArgs>(function* ({ props }) {
      yield* tokensRequired(props.metadataOptions?.httpTokens);
    }),
  },
);

/** What the world must reach is the load balancer; nothing else. */
export const noPublicAddresses = rule(
  {
    name: "no-public-addresses",
    description: "No machine has a public address.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("EC2.25"),
  },
  {
    [LAUNCH_TEMPLATE]: check<ec2.LaunchTemplateArgs>(function* ({ props }) {
      for (const [i, { associatePublicIpAddress }] of (props.networkInterfaces ?? []).entries()) {
        yield* noPublicAddress(`networkInterfaces.${i}.associatePublicIpAddress`, associatePublicIpAddress);
      }
    }),
    [INSTANCE]: check<ec2.InstanceArgs>(function* ({ props }) {
      yield* noPublicAddress("associatePublicIpAddress", props.associatePublicIpAddress);
    }),
    "aws:ec2/subnet:Subnet": check<ec2.SubnetArgs>(function* ({ props }) {
      yield* noPublicAddress("mapPublicIpOnLaunch", props.mapPublicIpOnLaunch);
    }),
  },
);

/** A group of one machine is in one zone; a larger group must not be. */
export const groupsSpanZones = rule(
  {
    name: "groups-span-zones",
    description: "Every autoscaling group of more than one machine spans zones.",
    level: "advisory",
    severity: "medium",
    reference: securityHub("AutoScaling.2"),
  },
  {
    "aws:autoscaling/group:Group": check<autoscaling.GroupArgs>(function* ({ props }) {
      if ((props.maxSize ?? 0) <= 1) return;
      for (const key of ["vpcZoneIdentifiers", "availabilityZones"] as const) {
        const places = known(() => props[key]);
        if (places && places.length < 2) {
          yield {
            key,
            value: known(() => [...places]),
            reason: "losing that zone would lose the whole group",
            remedy: "give it subnets in at least two zones",
          };
        }
      }
    }),
  },
);

function* tokensRequired(httpTokens: unknown) {
  if (httpTokens !== "required") {
    yield {
      key: "metadataOptions.httpTokens",
      value: httpTokens,
      reason: "a forged request from the machine would be enough to steal its credentials",
      remedy: 'set httpTokens to "required"',
    };
  }
}

function* noPublicAddress(key: string, value: unknown) {
  // Launch templates take a string.
  if (value === true || value === "true") {
    yield {
      key,
      value,
      reason: "machines would be reachable from the internet",
      remedy: "leave it out or set it to false; the load balancer is the only way in",
    };
  }
}
