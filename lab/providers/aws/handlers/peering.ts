/**
 * Peering between VPCs: the connection, its acceptance on the other side, its options.
 *
 * The emulator doesn't: carry a packet; keep options (whether the other side's names resolve to private
 * addresses); refuse peers whose networks overlap.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, tagMap, told } from "./read-back.js";

async function findPeering(aws: AwsContext, id: string): Promise<ec2.VpcPeeringConnection | undefined> {
  const found = await unlessGone(
    ec2Client(aws).send(new ec2.DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] })),
  );
  const [connection] = found?.VpcPeeringConnections ?? [];
  // A deleted or refused one stays visible for a while.
  return /^(deleted|deleting|rejected|failed|expired)$/.test(connection?.Status?.Code ?? "")
    ? undefined
    : connection;
}

const accept = (aws: AwsContext, id: string) =>
  ec2Client(aws).send(new ec2.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }));

const vpcPeeringConnection = readBack({
  replaceOn: ["vpcId", "peerVpcId", "peerRegion", "peerOwnerId"],
  recomputed: ["acceptStatus"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { VpcPeeringConnection } = await ec2Client(aws).send(
      new ec2.CreateVpcPeeringConnectionCommand({
        VpcId: inputs.vpcId,
        PeerVpcId: inputs.peerVpcId,
        PeerRegion: inputs.peerRegion,
        PeerOwnerId: inputs.peerOwnerId,
        TagSpecifications: taggedAs(aws, "vpc-peering-connection", inputs),
      }),
    );
    return VpcPeeringConnection?.VpcPeeringConnectionId as string;
  },
  async complete(aws, id, { autoAccept, peerRegion }) {
    if (!autoAccept) return;
    if (peerRegion && peerRegion !== aws.region) {
      throw new Error(
        `a peering with ${peerRegion} can't be accepted from ${aws.region}: leave autoAccept out`,
      );
    }
    await accept(aws, id);
  },
  async read(aws, id) {
    const found = await findPeering(aws, id);
    if (!found) return undefined;
    return told({
      vpcId: found.RequesterVpcInfo?.VpcId,
      peerVpcId: found.AccepterVpcInfo?.VpcId,
      peerRegion: found.AccepterVpcInfo?.Region,
      peerOwnerId: found.AccepterVpcInfo?.OwnerId,
      acceptStatus: found.Status?.Code,
      tagsAll: tagMap(found.Tags),
    });
  },
  delete: (aws, id) =>
    unlessGone(
      ec2Client(aws).send(new ec2.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })),
    ),
});

/** The other side's view of a connection. Deleting it only forgets it: the requester deletes. */
const vpcPeeringConnectionAccepter = readBack({
  replaceOn: ["vpcPeeringConnectionId"],
  tagging: ec2Tagging,
  async make(_aws, { vpcPeeringConnectionId }) {
    return vpcPeeringConnectionId;
  },
  async complete(aws, id, inputs) {
    if (inputs.autoAccept) await accept(aws, id);
    await ec2Tagging.put(aws, id, aws.allTags(inputs));
  },
  async read(aws, id) {
    const found = await findPeering(aws, id);
    if (!found) return undefined;
    return told({
      vpcPeeringConnectionId: id,
      // Seen from here, the requester is the peer.
      vpcId: found.AccepterVpcInfo?.VpcId,
      peerVpcId: found.RequesterVpcInfo?.VpcId,
      peerRegion: found.RequesterVpcInfo?.Region,
      peerOwnerId: found.RequesterVpcInfo?.OwnerId,
      acceptStatus: found.Status?.Code,
      tagsAll: tagMap(found.Tags),
    });
  },
  async update(aws, id, news) {
    if (news.autoAccept && (await findPeering(aws, id))?.Status?.Code !== "active") await accept(aws, id);
  },
  delete: async () => undefined,
});

const peeringConnectionOptions = readBack({
  replaceOn: ["vpcPeeringConnectionId"],
  async make(aws, { vpcPeeringConnectionId: id }) {
    const status = (await findPeering(aws, id))?.Status?.Code;
    if (status !== "active") {
      throw Object.assign(new Error(`Peering ${id} is not active (${status ?? "not found"})`), {
        name: "OperationNotPermitted",
      });
    }
    return id;
  },
  async read(aws, id) {
    return (await findPeering(aws, id)) ? { vpcPeeringConnectionId: id } : undefined;
  },
  update: async () => undefined,
  delete: async () => undefined,
});

export const peeringHandlers: Record<string, AwsHandler> = {
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": vpcPeeringConnection,
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": vpcPeeringConnectionAccepter,
  "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions": peeringConnectionOptions,
};
