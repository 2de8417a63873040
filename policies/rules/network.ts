/** What is reachable from where, and that it is reached encrypted. */
import type * as ec2 from "@pulumi/aws/ec2/index.js";
import type * as lb from "@pulumi/aws/lb/index.js";
import type * as vpc from "@pulumi/aws/vpc/index.js";
import { PORTS } from "../../settings/contract.js";
import { argsOf, check, known, linked, rule, stackRule } from "../rule.js";
import { securityHub } from "../standards.js";

/** What may be reached from everywhere, and only on the load balancer. */
const WEB_PORTS = [80, 443];

/** Named in the message, as these are what an open port would cost. */
const SENSITIVE_PORTS: Readonly<Record<string, number>> = {
  SSH: 22,
  RDP: 3389,
  PostgreSQL: PORTS.postgres,
  Patroni: PORTS.patroni,
  "etcd clients": PORTS.etcdClient,
  "etcd peers": PORTS.etcdPeer,
  "the guard": PORTS.guard,
};

/** One way in: from whom, on which ports. */
interface Opening {
  readonly at: string;
  readonly sources: readonly (string | undefined)[];
  readonly protocol: string | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export const securityGroupsClosed = rule(
  {
    name: "security-groups-closed",
    description: "No security group opens anything but ports 80 and 443 to everybody.",
    level: "mandatory",
    severity: "critical",
    reference: securityHub("EC2.18"),
  },
  {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": check<vpc.SecurityGroupIngressRuleArgs>(
      function* ({ props }) {
        yield* webOnly({
          at: "",
          sources: [known(() => props.cidrIpv4), known(() => props.cidrIpv6)],
          protocol: props.ipProtocol,
          from: props.fromPort,
          to: props.toPort,
        });
      },
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": check<ec2.SecurityGroupRuleArgs>(function* ({ props }) {
      if (props.type !== "ingress") return;
      yield* webOnly({
        at: "",
        sources: [...(props.cidrBlocks ?? []), ...(props.ipv6CidrBlocks ?? [])],
        protocol: props.protocol,
        from: props.fromPort,
        to: props.toPort,
      });
    }),
    "aws:ec2/securityGroup:SecurityGroup": check<ec2.SecurityGroupArgs>(function* ({ props }) {
      for (const [i, opening] of (props.ingress ?? []).entries()) {
        yield* webOnly({
          at: `ingress.${i}.`,
          sources: [...(opening.cidrBlocks ?? []), ...(opening.ipv6CidrBlocks ?? [])],
          protocol: opening.protocol,
          from: opening.fromPort,
          to: opening.toPort,
        });
      }
    }),
  },
);

/** What forgets to name a group lands in the default one. */
export const defaultSecurityGroupEmpty = stackRule(
  {
    name: "default-security-group-empty",
    description: "Every VPC's default security group allows nothing.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("EC2.2"),
  },
  "aws:ec2/vpc:Vpc",
  function* (network, stack) {
    const type = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup";
    const found = linked(stack, type, "vpcId", network, idsOf(network));
    if (found.length === 0) {
      yield {
        key: "defaultSecurityGroup",
        value: undefined,
        reason: "resources without a group could connect to each other",
        remedy: "add a DefaultSecurityGroup without ingress and egress",
      };
    }
    for (const group of found) {
      const { ingress, egress } = argsOf<ec2.DefaultSecurityGroupArgs>(group);
      for (const [key, openings] of Object.entries({ ingress, egress })) {
        if (openings && openings.length > 0) {
          yield {
            key: `defaultSecurityGroup.${key}`,
            value: openings.length,
            reason: "resources without a group would get these openings",
            remedy: `leave ${key} empty, and give resources their own group`,
          };
        }
      }
    }
  },
);

/** Who talked to whom is what one asks first after an incident. */
export const flowLogsOn = stackRule(
  {
    name: "flow-logs-on",
    description: "Every VPC logs all of its traffic.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("EC2.6"),
  },
  "aws:ec2/vpc:Vpc",
  function* (network, stack) {
    const found = linked(stack, "aws:ec2/flowLog:FlowLog", "vpcId", network, idsOf(network));
    if (found.length === 0) {
      yield {
        key: "flowLog",
        value: undefined,
        reason: "an investigation could not reconstruct the connections",
        remedy: "add a FlowLog with trafficType ALL",
      };
    }
    for (const log of found) {
      const { trafficType } = argsOf<ec2.FlowLogArgs>(log);
      if (trafficType !== "ALL") {
        yield {
          key: "flowLog.trafficType",
          value: trafficType,
          reason: "half of the traffic would be missing",
          remedy: "set trafficType to ALL",
        };
      }
    }
  },
);

/** TLS 1.2 at least, with forward secrecy. */
export const loadBalancerTls = rule(
  {
    name: "load-balancer-tls",
    description: "Every HTTPS listener speaks TLS 1.2 or newer only.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("ELB.17"),
  },
  {
    "aws:lb/listener:Listener": check<lb.ListenerArgs>(function* ({ props }) {
      if (props.protocol !== "HTTPS" && props.protocol !== "TLS") return;
      if (!/^ELBSecurityPolicy-TLS13-1-[23]-/.test(props.sslPolicy ?? "")) {
        yield {
          key: "sslPolicy",
          value: props.sslPolicy,
          reason: "clients could fall back to TLS 1.0 or 1.1, or to ciphers without forward secrecy",
          remedy: "set sslPolicy to ELBSecurityPolicy-TLS13-1-2-2021-06 or newer",
        };
      }
    }),
  },
);

/** Plain HTTP answers with where HTTPS is, and nothing else. */
export const httpOnlyRedirects = rule(
  {
    name: "http-only-redirects",
    description: "Every HTTP listener only redirects to HTTPS.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("ELB.1"),
  },
  {
    "aws:lb/listener:Listener": check<lb.ListenerArgs>(function* ({ props }) {
      if (props.protocol !== "HTTP") return;
      for (const [i, action] of (props.defaultActions ?? []).entries()) {
        if (action.type !== "redirect" || action.redirect?.protocol !== "HTTPS") {
          yield {
            key: `defaultActions.${i}.type`,
            value: action.type,
            reason: "sessions and passwords would cross the network in plain text",
            remedy: "set type to redirect, with protocol HTTPS",
          };
        }
      }
    }),
  },
);

/** Two servers that read the same header differently are how requests are smuggled. */
export const invalidHeadersDropped = rule(
  {
    name: "invalid-headers-dropped",
    description: "Every application load balancer drops headers that aren't valid HTTP.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("ELB.4"),
  },
  {
    "aws:lb/loadBalancer:LoadBalancer": check<lb.LoadBalancerArgs>(function* ({ props }) {
      if ((props.loadBalancerType ?? "application") !== "application") return;
      if (props.dropInvalidHeaderFields !== true) {
        yield {
          key: "dropInvalidHeaderFields",
          value: props.dropInvalidHeaderFields,
          reason: "requests could be smuggled past the load balancer to Tomcat",
          remedy: "set dropInvalidHeaderFields to true",
        };
      }
    }),
  },
);

function* webOnly({ at, sources, protocol, from, to }: Opening) {
  const everybody = sources.filter((source) => source === "0.0.0.0/0" || source === "::/0");
  const all = protocol === "-1" || protocol === "all";
  const [low, high] = all ? [0, 65_535] : [from ?? 0, to ?? from ?? 65_535];
  if (everybody.length === 0 || (!all && low === high && WEB_PORTS.includes(low))) return;
  // Type and code: "fragmentation needed" comes from routers with unknown addresses, and opens no port.
  if (protocol === "icmp" && low === 3 && high === 4) return;
  const exposed = Object.entries(SENSITIVE_PORTS).filter(([, port]) => port >= low && port <= high);
  yield {
    key: `${at}fromPort`,
    value: `${low}-${high} from ${everybody.join(" and ")}`,
    reason:
      exposed.length > 0
        ? `opens ${exposed.map(([name, port]) => `${name} (${port})`).join(", ")} to everybody`
        : "only ports 80 and 443 may be open to everybody, one by one",
    remedy: "name the security group or network that needs it",
  };
}

const idsOf = (resource: Parameters<typeof linked>[3]) => [known(() => resource.props.id)].filter(Boolean);
