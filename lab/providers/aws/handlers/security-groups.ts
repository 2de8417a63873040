/**
 * Security groups, their rules as separate resources, and a VPC's default group.
 *
 * The emulator doesn't: filter packets; refuse to delete a group that is in use; name the prefix list of a
 * rule; accept a rule between groups of different VPCs or regions any differently from another.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, filters, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, type Kind, readBack, tagMap, told } from "./read-back.js";

type Direction = "ingress" | "egress";

/** A rule as it is written inline in a group. */
const inlineRule = (permission: ec2.IpPermission): Props => {
  const sources = [
    ...(permission.IpRanges ?? []),
    ...(permission.Ipv6Ranges ?? []),
    ...(permission.UserIdGroupPairs ?? []),
  ];
  return told({
    protocol: permission.IpProtocol,
    fromPort: permission.FromPort ?? 0,
    toPort: permission.ToPort ?? 0,
    cidrBlocks: some(permission.IpRanges?.map(({ CidrIp }) => CidrIp)),
    ipv6CidrBlocks: some(permission.Ipv6Ranges?.map(({ CidrIpv6 }) => CidrIpv6)),
    securityGroups: some(permission.UserIdGroupPairs?.map(({ GroupId }) => GroupId)),
    description: sources.find(({ Description }) => Description)?.Description,
  });
};

const permission = (rule: Props, groupId: string): ec2.IpPermission => {
  const { description: Description } = rule;
  const groups = [...(rule.securityGroups ?? []), ...(rule.self ? [groupId] : [])];
  // AWS knows no ports for "all protocols".
  const ports = rule.protocol === "-1" ? {} : { FromPort: rule.fromPort, ToPort: rule.toPort };
  return {
    IpProtocol: rule.protocol,
    ...ports,
    IpRanges: some(rule.cidrBlocks?.map((CidrIp: string) => ({ CidrIp, Description }))),
    Ipv6Ranges: some(rule.ipv6CidrBlocks?.map((CidrIpv6: string) => ({ CidrIpv6, Description }))),
    UserIdGroupPairs: some(groups.map((GroupId) => ({ GroupId, Description }))),
  };
};

const some = <T>(items: T[] | undefined): T[] | undefined => (items && items.length > 0 ? items : undefined);

async function authorize(aws: AwsContext, GroupId: string, direction: Direction, rules: Props[] = []) {
  if (rules.length === 0) return;
  const IpPermissions = rules.map((rule) => permission(rule, GroupId));
  await (direction === "ingress"
    ? ec2Client(aws).send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }))
    : ec2Client(aws).send(new ec2.AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions })));
}

/** Revokes every rule that AWS has in one direction, whatever its origin. */
async function revokeAll(aws: AwsContext, GroupId: string, direction: Direction) {
  const group = await findGroup(aws, { "group-id": GroupId }, [GroupId]);
  const IpPermissions = direction === "ingress" ? group?.IpPermissions : group?.IpPermissionsEgress;
  if (!IpPermissions || IpPermissions.length === 0) return;
  await (direction === "ingress"
    ? ec2Client(aws).send(new ec2.RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions }))
    : ec2Client(aws).send(new ec2.RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions })));
}

async function findGroup(aws: AwsContext, filter: Record<string, string>, GroupIds?: string[]) {
  const request = GroupIds ? { GroupIds } : { Filters: filters(filter) };
  const found = await unlessGone(ec2Client(aws).send(new ec2.DescribeSecurityGroupsCommand(request)));
  return found?.SecurityGroups?.[0];
}

async function replaceRules(aws: AwsContext, id: string, news: Props, olds: Props) {
  for (const direction of ["ingress", "egress"] as const) {
    // A group without inline rules leaves them to separate resources.
    if (!news[direction] && !olds[direction]) continue;
    await revokeAll(aws, id, direction);
    await authorize(aws, id, direction, news[direction]);
  }
}

const readGroup: Kind["read"] = async (aws, id, known) => {
  const group = await findGroup(aws, {}, [id]);
  if (!group) return undefined;
  const inline = (direction: Direction, permissions: ec2.IpPermission[] = []) => {
    if (!known[direction]) return Object.keys(known).length === 0 ? permissions.map(inlineRule) : undefined;
    return inOrderOf(known[direction], permissions.map(inlineRule), ({ protocol, fromPort, toPort }: Props) =>
      JSON.stringify([protocol, fromPort, toPort]),
    );
  };
  return told({
    name: group.GroupName,
    description: group.Description,
    vpcId: group.VpcId,
    ingress: inline("ingress", group.IpPermissions),
    egress: inline("egress", group.IpPermissionsEgress),
    arn: aws.arn("ec2", `security-group/${id}`),
    ownerId: group.OwnerId,
    tagsAll: tagMap(group.Tags),
  });
};

const securityGroup = readBack({
  name: { property: "name", maxLength: 255 },
  replaceOn: ["name", "description", "vpcId"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { GroupId } = await ec2Client(aws).send(
      new ec2.CreateSecurityGroupCommand({
        GroupName: inputs.name,
        Description: inputs.description ?? "Managed by Pulumi",
        VpcId: inputs.vpcId,
        TagSpecifications: taggedAs(aws, "security-group", inputs),
      }),
    );
    return GroupId as string;
  },
  async complete(aws, id, inputs) {
    // AWS lets a new group send anything anywhere; the provider takes that away.
    await revokeAll(aws, id, "egress");
    await authorize(aws, id, "ingress", inputs.ingress);
    await authorize(aws, id, "egress", inputs.egress);
  },
  read: readGroup,
  update: replaceRules,
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteSecurityGroupCommand({ GroupId: id }))),
});

/** Adopts the group that AWS made with the VPC. Deleting it only forgets it. */
const defaultSecurityGroup = readBack({
  name: false,
  replaceOn: ["vpcId"],
  tagging: ec2Tagging,
  async make(aws, { vpcId }) {
    const group = await findGroup(aws, { "vpc-id": vpcId, "group-name": "default" });
    if (!group) throw new Error(`VPC ${vpcId} has no default security group`);
    return group.GroupId as string;
  },
  async complete(aws, id, inputs) {
    await replaceRules(aws, id, { ingress: [], egress: [], ...inputs }, inputs);
    await ec2Tagging.put(aws, id, aws.allTags(inputs));
  },
  read: readGroup,
  update: (aws, id, news) => replaceRules(aws, id, { ingress: [], egress: [], ...news }, {}),
  delete: async () => undefined,
});

function rule(egress: boolean): AwsHandler {
  return readBack({
    replaceOn: ["securityGroupId"],
    tagging: ec2Tagging,
    async make(aws, inputs) {
      const Description = inputs.description;
      const request = {
        GroupId: inputs.securityGroupId,
        IpPermissions: [
          {
            IpProtocol: inputs.ipProtocol,
            FromPort: inputs.fromPort,
            ToPort: inputs.toPort,
            IpRanges: inputs.cidrIpv4 && [{ CidrIp: inputs.cidrIpv4, Description }],
            Ipv6Ranges: inputs.cidrIpv6 && [{ CidrIpv6: inputs.cidrIpv6, Description }],
            PrefixListIds: inputs.prefixListId && [{ PrefixListId: inputs.prefixListId, Description }],
            UserIdGroupPairs: inputs.referencedSecurityGroupId && [
              { GroupId: inputs.referencedSecurityGroupId, Description },
            ],
          },
        ],
        TagSpecifications: taggedAs(aws, "security-group-rule", inputs),
      };
      const { SecurityGroupRules } = await (egress
        ? ec2Client(aws).send(new ec2.AuthorizeSecurityGroupEgressCommand(request))
        : ec2Client(aws).send(new ec2.AuthorizeSecurityGroupIngressCommand(request)));
      return SecurityGroupRules?.[0]?.SecurityGroupRuleId as string;
    },
    async read(aws, id) {
      const found = await unlessGone(
        ec2Client(aws).send(new ec2.DescribeSecurityGroupRulesCommand({ SecurityGroupRuleIds: [id] })),
      );
      const rule = found?.SecurityGroupRules?.[0];
      if (!rule) return undefined;
      const ports = rule.IpProtocol === "-1" ? {} : { fromPort: rule.FromPort, toPort: rule.ToPort };
      return told({
        securityGroupId: rule.GroupId,
        securityGroupRuleId: id,
        ipProtocol: rule.IpProtocol,
        ...ports,
        cidrIpv4: rule.CidrIpv4,
        cidrIpv6: rule.CidrIpv6,
        referencedSecurityGroupId: rule.ReferencedGroupInfo?.GroupId,
        description: rule.Description,
        arn: aws.arn("ec2", `security-group-rule/${id}`),
        tagsAll: tagMap(rule.Tags),
      });
    },
    async update(aws, id, news) {
      await ec2Client(aws).send(
        new ec2.ModifySecurityGroupRulesCommand({
          GroupId: news.securityGroupId,
          SecurityGroupRules: [
            {
              SecurityGroupRuleId: id,
              SecurityGroupRule: {
                IpProtocol: news.ipProtocol,
                FromPort: news.fromPort,
                ToPort: news.toPort,
                CidrIpv4: news.cidrIpv4,
                CidrIpv6: news.cidrIpv6,
                PrefixListId: news.prefixListId,
                ReferencedGroupId: news.referencedSecurityGroupId,
                Description: news.description,
              },
            },
          ],
        }),
      );
    },
    async delete(aws, id, { securityGroupId }) {
      const request = { GroupId: securityGroupId, SecurityGroupRuleIds: [id] };
      await unlessGone(
        egress
          ? ec2Client(aws).send(new ec2.RevokeSecurityGroupEgressCommand(request))
          : ec2Client(aws).send(new ec2.RevokeSecurityGroupIngressCommand(request)),
      );
    },
  });
}

export const securityGroupHandlers: Record<string, AwsHandler> = {
  "aws:ec2/securityGroup:SecurityGroup": securityGroup,
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": defaultSecurityGroup,
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule(false),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule(true),
};
