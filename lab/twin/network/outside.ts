/**
 * Where users are: a machine of neither region with a port on both bridges, so that it reaches each whatever becomes
 * of the wire between them. It runs no services.
 */

import { addressAt } from "../../../settings/cidr-arithmetic.js";
import type { RegionContract } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { host, startInNetwork, Talker } from "../process.js";
import type { Machine } from "../types.js";
import type { Switch } from "./switch.js";

/** In the first public subnet, where AWS puts load balancers; it keeps a subnet's first four addresses. */
const HOST_NUMBER = 10;

export class Outside implements Pick<Machine, "start"> {
  private constructor(
    private readonly holder: Talker,
    private readonly network: Switch,
    private readonly regions: readonly RegionId[],
  ) {}

  /** Its address in a region: of the load balancer, which is played there. */
  static addressIn = ({ publicCidrs }: Pick<RegionContract, "publicCidrs">): string =>
    addressAt(publicCidrs[0] as string, HOST_NUMBER);

  static async open(network: Switch, regions: readonly RegionContract[]): Promise<Outside> {
    // Does nothing but keep the namespace, until its input ends.
    const holder = new Talker("the outside", [
      ...["unshare", "--net", "--", "sh", "-c"],
      `echo '{"ready":true}'; exec cat > /dev/null`,
    ]);
    const self = new Outside(
      holder,
      network,
      regions.map(({ id }) => id),
    );
    try {
      await holder.ready;
      for (const region of regions) {
        await network.plug(plugIn(region.id), Outside.addressIn(region), region.id, holder.pid, region.id);
      }
      await self.inside(["sh", "-e"], RULES.join("\n"));
      await self.inside(["ip", "-batch", "-"], outsideRoutes(regions).join("\n"));
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  /** Starts a program of the host there. */
  async start(argv: readonly string[]) {
    return startInNetwork(this.holder.pid, argv);
  }

  async close(): Promise<void> {
    for (const id of this.regions) await this.network.unplug(plugIn(id));
    this.holder.kill();
    await this.holder.ended;
  }

  private inside(argv: readonly string[], input: string): Promise<string> {
    return host(["nsenter", `--net=/proc/${this.holder.pid}/ns/net`, "--", ...argv], input);
  }
}

/** No host name has a slash. */
const plugIn = (id: RegionId): string => `outside/${id}`;

/** The bridges are joined by the wire: each port answers for its own address only, and nothing goes through. */
const RULES = [
  "echo 0 > /proc/sys/net/ipv4/ip_forward",
  "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore",
  "echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce",
];

/** Lines for `ip -batch`: into each region through its own port, and into nothing else. */
export const outsideRoutes = (
  regions: readonly Pick<RegionContract, "id" | "cidr" | "publicCidrs">[],
): string[] => [
  "link set lo up",
  ...regions.flatMap((region) => {
    const address = Outside.addressIn(region);
    return [
      `addr add ${address}/32 dev ${region.id}`,
      `link set ${region.id} up`,
      `route add ${region.cidr} dev ${region.id} scope link src ${address}`,
    ];
  }),
];
