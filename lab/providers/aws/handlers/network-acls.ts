/**
 * Network ACLs with their rules inline.
 *
 * The emulator doesn't: filter packets; keep a rule's ports and ICMP types; know which subnets an ACL
 * applies to (it forgets the subnet when an association moves). Those are taken over from the program, so
 * no drift shows in them.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { fillIn, inOrderOf, type Kind, readBack, tagMap, told } from "./read-back.js";

/** AWS speaks in protocol numbers; both are accepted. */
const PROTOCOLS: Readonly<Record<string, string>> = { tcp: "6", udp: "17", icmp: "1", all: "-1" };
const protocolNumber = (protocol: string | number): string => PROTOCOLS[protocol] ?? String(protocol);

/** The last rule, "deny everything", is AWS's own and can't be changed. */
const LAST_RULE = 32_767;

const entryFor = (
  NetworkAclId: string,
  egress: boolean,
  rule: Props,
): ec2.CreateNetworkAclEntryCommandInput => ({
  NetworkAclId,
  Egress: egress,
  RuleNumber: rule.ruleNo,
  RuleAction: rule.action,
  Protocol: protocolNumber(rule.protocol),
  CidrBlock: rule.cidrBlock || undefined,
  Ipv6CidrBlock: rule.ipv6CidrBlock || undefined,
  PortRange: { From: rule.fromPort, To: rule.toPort },
  IcmpTypeCode: rule.icmpType === undefined ? undefined : { Type: rule.icmpType, Code: rule.icmpCode },
});

async function findAcl(aws: AwsContext, id: string): Promise<ec2.NetworkAcl | undefined> {
  const found = await unlessGone(
    ec2Client(aws).send(new ec2.DescribeNetworkAclsCommand({ NetworkAclIds: [id] })),
  );
  return found?.NetworkAcls?.[0];
}

const entries = (acl: ec2.NetworkAcl | undefined, egress: boolean): ec2.NetworkAclEntry[] =>
  (acl?.Entries ?? []).filter(({ Egress, RuleNumber }) => Egress === egress && RuleNumber !== LAST_RULE);

/** Rules of one direction in the words of the inputs, their protocols as the user wrote them. */
function rules(acl: ec2.NetworkAcl, egress: boolean, known: Props[] | undefined): Props[] {
  const found = entries(acl, egress).map((entry) => {
    const before = known?.find(({ ruleNo }) => ruleNo === entry.RuleNumber);
    const rule = told({
      ruleNo: entry.RuleNumber,
      action: entry.RuleAction,
      protocol:
        before && protocolNumber(before.protocol) === entry.Protocol ? before.protocol : entry.Protocol,
      cidrBlock: entry.CidrBlock,
      ipv6CidrBlock: entry.Ipv6CidrBlock,
    });
    return fillIn(rule, before, ["fromPort", "toPort", "icmpType", "icmpCode"]);
  });
  return inOrderOf(known, found, ({ ruleNo }) => ruleNo);
}

async function setRules(aws: AwsContext, id: string, inputs: Props) {
  const acl = await findAcl(aws, id);
  for (const [name, Egress] of [
    ["ingress", false],
    ["egress", true],
  ] as const) {
    for (const { RuleNumber } of entries(acl, Egress)) {
      await ec2Client(aws).send(
        new ec2.DeleteNetworkAclEntryCommand({ NetworkAclId: id, Egress, RuleNumber }),
      );
    }
    for (const rule of inputs[name] ?? []) {
      await ec2Client(aws).send(new ec2.CreateNetworkAclEntryCommand(entryFor(id, Egress, rule)));
    }
  }
}

const readAcl: Kind["read"] = async (aws, id, known) => {
  const acl = await findAcl(aws, id);
  if (!acl) return undefined;
  const imported = Object.keys(known).length === 0;
  return told({
    vpcId: acl.VpcId,
    ingress: known.ingress || imported ? rules(acl, false, known.ingress) : undefined,
    egress: known.egress || imported ? rules(acl, true, known.egress) : undefined,
    arn: aws.arn("ec2", `network-acl/${id}`),
    ownerId: acl.OwnerId,
    tagsAll: tagMap(acl.Tags),
  });
};

const networkAcl = readBack({
  replaceOn: ["vpcId"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { NetworkAcl } = await ec2Client(aws).send(
      new ec2.CreateNetworkAclCommand({
        VpcId: inputs.vpcId,
        TagSpecifications: taggedAs(aws, "network-acl", inputs),
      }),
    );
    return NetworkAcl?.NetworkAclId as string;
  },
  complete: setRules,
  read: readAcl,
  async update(aws, id, news, olds) {
    // Without inline rules they belong to separate resources.
    if (news.ingress || news.egress || olds.ingress || olds.egress) await setRules(aws, id, news);
  },
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteNetworkAclCommand({ NetworkAclId: id }))),
});

export const networkAclHandlers: Record<string, AwsHandler> = {
  "aws:ec2/networkAcl:NetworkAcl": networkAcl,
};
