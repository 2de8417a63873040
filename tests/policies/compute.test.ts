import * as compute from "../../policies/rules/compute.js";
import { describeRule } from "../support/policy.js";

const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

const tokens =
  '\n  a forged request from the machine would be enough to steal its credentials\n  → set httpTokens to "required"';
describeRule(compute.imdsv2Required, {
  good: [
    { type: TEMPLATE, props: { metadataOptions: { httpTokens: "required" } } },
    { type: "aws:ec2/instance:Instance", props: { metadataOptions: { httpTokens: "required" } } },
  ],
  bad: {
    "optional tokens": {
      set: { "metadataOptions.httpTokens": "optional" },
      message: `metadataOptions.httpTokens = "optional"${tokens}`,
    },
    "no options": {
      of: 1,
      set: { metadataOptions: undefined },
      message: `metadataOptions.httpTokens = (not set)${tokens}`,
    },
  },
});

const address =
  "\n  machines would be reachable from the internet\n  → leave it out or set it to false; the load balancer is the only way in";
describeRule(compute.noPublicAddresses, {
  good: [
    {
      type: TEMPLATE,
      props: { networkInterfaces: [{ deviceIndex: 0, associatePublicIpAddress: "false" }] },
    },
    { type: "aws:ec2/instance:Instance", props: { associatePublicIpAddress: false } },
    { type: "aws:ec2/subnet:Subnet", props: { mapPublicIpOnLaunch: false } },
  ],
  bad: {
    "a template with one": {
      set: { "networkInterfaces.0.associatePublicIpAddress": "true" },
      message: `networkInterfaces.0.associatePublicIpAddress = "true"${address}`,
    },
    "an instance with one": {
      of: 1,
      set: { associatePublicIpAddress: true },
      message: `associatePublicIpAddress = true${address}`,
    },
    "a subnet that gives them out": {
      of: 2,
      set: { mapPublicIpOnLaunch: true },
      message: `mapPublicIpOnLaunch = true${address}`,
    },
  },
});

describeRule(compute.groupsSpanZones, {
  good: [
    { type: "aws:autoscaling/group:Group", props: { maxSize: 12, vpcZoneIdentifiers: ["a", "b", "c"] } },
    { type: "aws:autoscaling/group:Group", name: "node", props: { maxSize: 1, availabilityZones: ["a"] } },
  ],
  bad: {
    "a group in one zone": {
      set: { vpcZoneIdentifiers: ["a"] },
      message:
        'vpcZoneIdentifiers = ["a"]\n  losing that zone would lose the whole group\n  → give it subnets in at least two zones',
    },
  },
});
