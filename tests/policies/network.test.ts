import * as network from "../../policies/rules/network.js";
import { describeRule } from "../support/policy.js";

const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const remedy = "\n  → name the security group or network that needs it";

describeRule(network.securityGroupsClosed, {
  good: [
    { type: INGRESS, props: { cidrIpv4: "0.0.0.0/0", ipProtocol: "tcp", fromPort: 443, toPort: 443 } },
    {
      type: INGRESS,
      name: "db",
      props: { cidrIpv4: "10.20.0.0/16", ipProtocol: "tcp", fromPort: 5432, toPort: 5432 },
    },
    {
      type: "aws:ec2/securityGroupRule:SecurityGroupRule",
      props: { type: "ingress", cidrBlocks: ["10.10.0.0/16"], protocol: "tcp", fromPort: 8008, toPort: 8008 },
    },
    {
      type: "aws:ec2/securityGroup:SecurityGroup",
      props: { ingress: [{ cidrBlocks: ["10.10.0.0/16"], protocol: "tcp", fromPort: 22, toPort: 22 }] },
    },
    {
      type: INGRESS,
      name: "path-mtu",
      props: { cidrIpv4: "0.0.0.0/0", ipProtocol: "icmp", fromPort: 3, toPort: 4 },
    },
  ],
  bad: {
    "any other ICMP": {
      of: 4,
      set: { fromPort: 8, toPort: 0 },
      message: `fromPort = "8-0 from 0.0.0.0/0"\n  only ports 80 and 443 may be open to everybody, one by one${remedy}`,
    },
    "PostgreSQL from everywhere": {
      of: 1,
      set: { cidrIpv4: "0.0.0.0/0" },
      message: `fromPort = "5432-5432 from 0.0.0.0/0"\n  opens PostgreSQL (5432) to everybody${remedy}`,
    },
    "PostgreSQL from everywhere by IPv6": {
      of: 1,
      set: { cidrIpv4: undefined, cidrIpv6: "::/0" },
      message: `fromPort = "5432-5432 from ::/0"\n  opens PostgreSQL (5432) to everybody${remedy}`,
    },
    "all protocols": {
      set: { ipProtocol: "-1", fromPort: undefined, toPort: undefined },
      message: `fromPort = "0-65535 from 0.0.0.0/0"\n  opens SSH (22), RDP (3389), PostgreSQL (5432), Patroni (8008), etcd clients (2379), etcd peers (2380), the guard (8009) to everybody${remedy}`,
    },
    "a range that hides etcd": {
      set: { fromPort: 443, toPort: 2380 },
      message: `fromPort = "443-2380 from 0.0.0.0/0"\n  opens etcd clients (2379), etcd peers (2380) to everybody${remedy}`,
    },
    "any other port": {
      set: { fromPort: 9000, toPort: 9000 },
      message: `fromPort = "9000-9000 from 0.0.0.0/0"\n  only ports 80 and 443 may be open to everybody, one by one${remedy}`,
    },
    "Patroni by a separate rule": {
      of: 2,
      set: { cidrBlocks: ["10.10.0.0/16", "0.0.0.0/0"] },
      message: `fromPort = "8008-8008 from 0.0.0.0/0"\n  opens Patroni (8008) to everybody${remedy}`,
    },
    "SSH inside a group": {
      of: 3,
      set: { "ingress.0.cidrBlocks": ["0.0.0.0/0"] },
      message: `ingress.0.fromPort = "22-22 from 0.0.0.0/0"\n  opens SSH (22) to everybody${remedy}`,
    },
  },
});

const vpc = { type: "aws:ec2/vpc:Vpc", name: "network", props: { id: "vpc-1", cidrBlock: "10.10.0.0/16" } };

describeRule(network.defaultSecurityGroupEmpty, {
  good: [
    vpc,
    {
      type: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
      props: { vpcId: "vpc-1", ingress: [], egress: [] },
    },
  ],
  bad: {
    "no resource for it": {
      of: 1,
      drop: true,
      message:
        "defaultSecurityGroup = (not set)\n  resources without a group could connect to each other\n  → add a DefaultSecurityGroup without ingress and egress",
    },
    "another network's": {
      of: 1,
      set: { vpcId: "vpc-2" },
      message:
        "defaultSecurityGroup = (not set)\n  resources without a group could connect to each other\n  → add a DefaultSecurityGroup without ingress and egress",
    },
    "an opening": {
      of: 1,
      set: { ingress: [{ protocol: "-1", self: true }] },
      message:
        "defaultSecurityGroup.ingress = 1\n  resources without a group would get these openings\n  → leave ingress empty, and give resources their own group",
    },
  },
});

describeRule(network.flowLogsOn, {
  good: [vpc, { type: "aws:ec2/flowLog:FlowLog", props: { vpcId: "vpc-1", trafficType: "ALL" } }],
  bad: {
    "no flow log": {
      of: 1,
      drop: true,
      message:
        "flowLog = (not set)\n  an investigation could not reconstruct the connections\n  → add a FlowLog with trafficType ALL",
    },
    "refused traffic only": {
      of: 1,
      set: { trafficType: "REJECT" },
      message:
        'flowLog.trafficType = "REJECT"\n  half of the traffic would be missing\n  → set trafficType to ALL',
    },
  },
});

const tls =
  "\n  clients could fall back to TLS 1.0 or 1.1, or to ciphers without forward secrecy\n  → set sslPolicy to ELBSecurityPolicy-TLS13-1-2-2021-06 or newer";
describeRule(network.loadBalancerTls, {
  good: [
    {
      type: "aws:lb/listener:Listener",
      props: { protocol: "HTTPS", sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06" },
    },
    { type: "aws:lb/listener:Listener", name: "http", props: { protocol: "HTTP" } },
  ],
  bad: {
    "an old policy": {
      set: { sslPolicy: "ELBSecurityPolicy-2016-08" },
      message: `sslPolicy = "ELBSecurityPolicy-2016-08"${tls}`,
    },
    "TLS 1.0 in a new policy": {
      set: { sslPolicy: "ELBSecurityPolicy-TLS13-1-0-2021-06" },
      message: `sslPolicy = "ELBSecurityPolicy-TLS13-1-0-2021-06"${tls}`,
    },
    "AWS's default": { set: { sslPolicy: undefined }, message: `sslPolicy = (not set)${tls}` },
  },
});

const plain =
  "\n  sessions and passwords would cross the network in plain text\n  → set type to redirect, with protocol HTTPS";
describeRule(network.httpOnlyRedirects, {
  good: [
    {
      type: "aws:lb/listener:Listener",
      props: {
        protocol: "HTTP",
        defaultActions: [
          { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
        ],
      },
    },
  ],
  bad: {
    "HTTP that is served": {
      set: { "defaultActions.0": { type: "forward", targetGroupArn: "arn" } },
      message: `defaultActions.0.type = "forward"${plain}`,
    },
    "a redirect to HTTP": {
      set: { "defaultActions.0.redirect.protocol": "HTTP" },
      message: `defaultActions.0.type = "redirect"${plain}`,
    },
  },
});

describeRule(network.invalidHeadersDropped, {
  good: [
    { type: "aws:lb/loadBalancer:LoadBalancer", props: { dropInvalidHeaderFields: true } },
    { type: "aws:lb/loadBalancer:LoadBalancer", name: "nlb", props: { loadBalancerType: "network" } },
  ],
  bad: {
    "AWS's default": {
      set: { dropInvalidHeaderFields: undefined },
      message:
        "dropInvalidHeaderFields = (not set)\n  requests could be smuggled past the load balancer to Tomcat\n  → set dropInvalidHeaderFields to true",
    },
  },
});
