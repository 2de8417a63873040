/** S3's endpoint of one region: an address in its network, behind which the emulator stands. */
import { fileURLToPath } from "node:url";
import { inTurn } from "../../../common/settle.js";
import { addressAt } from "../../../settings/cidr.js";
import type { RegionContract } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { plugForwarder } from "../network/forwarder.js";
import type { Switch } from "../network/switch.js";
import { Talker } from "../process.js";

const DOOR = fileURLToPath(new URL("door.py", import.meta.url));
const HTTPS = 443;
/** In the first private subnet, beside the claims' (5). Tomcat servers start at 10. */
const HOST_NUMBER = 6;

/** Name of its plug in the switch. No host name has a slash. */
export const doorPlug = (id: RegionId): string => `vault/${id}`;

const doorAddress = ({ privateCidrs }: RegionContract): string =>
  addressAt(privateCidrs[0] as string, HOST_NUMBER);

/** Lines of /etc/hosts, by which machines find it under the names that AWS has for it. */
export const doorHosts = (region: RegionContract): string =>
  `${doorAddress(region)} ${doorNames(region).join(" ")}`;

/** The endpoint's, and the vault's own. */
export const doorNames = ({ region, vaultBucket }: RegionContract): readonly string[] => [
  `s3.${region}.amazonaws.com`,
  `${vaultBucket}.s3.${region}.amazonaws.com`,
];

export class VaultDoor {
  private constructor(
    private readonly id: RegionId,
    private readonly network: Switch,
    private readonly forwarder: Talker,
  ) {}

  /**
   * @param bridge the region on whose bridge it is
   * @param port of the emulator, on the host's loopback
   * @throws Error with the forwarder's words when it doesn't come up
   */
  static async open(
    region: RegionContract,
    bridge: RegionId,
    network: Switch,
    port: number,
  ): Promise<VaultDoor> {
    const address = doorAddress(region);
    // A network of its own, so that it is reached through a port of the switch, as machines are.
    const forwarder = new Talker(`the door to the vault of ${region.id}`, [
      ...["unshare", "--net", "--", "python3", DOOR, address, `${HTTPS}`, `${port}`],
    ]);
    const door = new VaultDoor(region.id, network, forwarder);
    try {
      await plugForwarder(network, forwarder, { name: doorPlug(region.id), address, bridge });
      return door;
    } catch (error) {
      await door.close();
      throw error;
    }
  }

  /** Nothing passes any more, in the middle of a request too. */
  cut(): Promise<void> {
    return this.network.cut(doorPlug(this.id), {});
  }

  heal(): Promise<void> {
    return this.network.heal(doorPlug(this.id));
  }

  close(): Promise<void> {
    return inTurn(
      () => this.network.unplug(doorPlug(this.id)),
      async () => {
        this.forwarder.kill();
        await this.forwarder.ended;
      },
    );
  }
}
