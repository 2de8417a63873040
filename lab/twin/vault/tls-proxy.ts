/** S3's endpoint of one region: an address in its network, behind which the emulator stands. */
import { fileURLToPath } from "node:url";
import { inTurn } from "../../../common/settle.js";
import { addressAt } from "../../../settings/cidr-arithmetic.js";
import type { RegionContract } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { plugForwarder } from "../network/forwarder.js";
import type { Switch } from "../network/switch.js";
import { Talker } from "../process.js";

const TLS_PROXY = fileURLToPath(new URL("tls_proxy.py", import.meta.url));
const HTTPS = 443;
/** In the first private subnet, beside the claims' (5). Tomcat servers start at 10. */
const HOST_NUMBER = 6;

/** Name of its plug in the switch. No host name has a slash. */
export const tlsProxyPlug = (id: RegionId): string => `vault/${id}`;

const tlsProxyAddress = ({ privateCidrs }: RegionContract): string =>
  addressAt(privateCidrs[0] as string, HOST_NUMBER);

/** Lines of /etc/hosts, by which machines find it under the names that AWS has for it. */
export const tlsProxyHosts = (region: RegionContract): string =>
  `${tlsProxyAddress(region)} ${tlsProxyNames(region).join(" ")}`;

/** The endpoint's, and the vault's own. */
const tlsProxyNames = ({ region, vaultBucket }: RegionContract): readonly string[] => [
  `s3.${region}.amazonaws.com`,
  `${vaultBucket}.s3.${region}.amazonaws.com`,
];

/** As AWS's own certificates have them: for any bucket of the region. */
export const certificateNames = ({ region }: Pick<RegionContract, "region">): readonly string[] => [
  `s3.${region}.amazonaws.com`,
  `*.s3.${region}.amazonaws.com`,
];

export class VaultTlsProxy {
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
  ): Promise<VaultTlsProxy> {
    const address = tlsProxyAddress(region);
    // A separate network, so that it is reached through a port of the switch, as machines are.
    const forwarder = new Talker(`the TLS proxy to the vault of ${region.id}`, [
      ...["unshare", "--net", "--", "python3", TLS_PROXY, address, `${HTTPS}`, `${port}`],
    ]);
    const tlsProxy = new VaultTlsProxy(region.id, network, forwarder);
    try {
      await plugForwarder(network, forwarder, { name: tlsProxyPlug(region.id), address, bridge });
      return tlsProxy;
    } catch (error) {
      await tlsProxy.close();
      throw error;
    }
  }

  /** Nothing passes any more, in the middle of a request too. */
  cut(): Promise<void> {
    return this.network.cut(tlsProxyPlug(this.id), {});
  }

  heal(): Promise<void> {
    return this.network.heal(tlsProxyPlug(this.id));
  }

  close(): Promise<void> {
    return inTurn(
      () => this.network.unplug(tlsProxyPlug(this.id)),
      async () => {
        this.forwarder.kill();
        await this.forwarder.ended;
      },
    );
  }
}
