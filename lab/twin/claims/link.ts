/** The way from the machines to the claim table through one region: an address in its network, and what can happen there. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { inTurn } from "../../../common/settle.js";
import { addressAt } from "../../../settings/cidr-arithmetic.js";
import type { RegionContract } from "../../../settings/contract.js";
import type { RegionId } from "../../../settings/stacks.js";
import { plugForwarder } from "../network/forwarder.js";
import type { Switch } from "../network/switch.js";
import { NEVER_WAITS } from "../priority.js";
import { Talker } from "../process.js";
import { type ClaimFaults, requireFaults } from "./faults.js";
import { ClaimsProxy } from "./proxy.js";
import type { ClaimStore } from "./store.js";

const FORWARD = fileURLToPath(new URL("forward.py", import.meta.url));
const PORT = 8000;
/** In the first private subnet. Tomcat servers start at 10. */
const HOST_NUMBER = 5;

/** Name of its plug in the switch. No host name has a slash. */
export const linkPlug = (id: RegionId): string => `claims/${id}`;

const linkAddress = ({ privateCidrs }: RegionContract): string =>
  addressAt(privateCidrs[0] as string, HOST_NUMBER);

export const linkUrl = (region: RegionContract): string => `http://${linkAddress(region)}:${PORT}`;

export interface LinkOptions {
  readonly region: RegionContract;
  /** The region on whose bridge it is. */
  readonly bridge: RegionId;
  readonly network: Switch;
  readonly store: ClaimStore;
  /** Path of a socket of the host, by which the network's end and this process speak. */
  readonly socket: string;
}

export class ClaimsLink {
  private current: ClaimFaults = {};
  /** One change after the other. */
  private changes: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: LinkOptions,
    private readonly proxy: ClaimsProxy,
    private readonly forwarder: Talker,
  ) {}

  /** @throws UserError for a socket's path that is too long; Error with the forwarder's words when it doesn't come up. */
  static async open(options: LinkOptions): Promise<ClaimsLink> {
    const { region, bridge, network, store, socket } = options;
    const address = linkAddress(region);
    await mkdir(dirname(socket), { recursive: true });
    await rm(socket, { force: true });
    const proxy = await ClaimsProxy.start(socket, store);
    // A separate network, so that it is reached through a port of the switch, as machines are.
    const forwarder = new Talker(`the link to the claims of ${region.id}`, [
      ...["unshare", "--net", "--", ...NEVER_WAITS, "python3", FORWARD, address, `${PORT}`, socket],
    ]);
    const link = new ClaimsLink(options, proxy, forwarder);
    try {
      await plugForwarder(network, forwarder, { name: linkPlug(region.id), address, bridge });
      return link;
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** Requests that arrived since the start. */
  get requests(): number {
    return this.proxy.requests;
  }

  get faults(): ClaimFaults {
    return this.current;
  }

  /**
   * Takes the place of what was set before; settles when it is so.
   * @throws UserError for a share that is none, or a delay below 0.
   */
  set(faults: ClaimFaults): Promise<void> {
    requireFaults(faults);
    const change = async () => {
      const { cut = false, refused = false } = faults;
      const { network, region } = this.options;
      this.proxy.faults = faults;
      if (refused !== (this.current.refused ?? false)) await this.forwarder.request({ refuse: refused });
      if (cut !== (this.current.cut ?? false)) {
        await (cut ? network.cut(linkPlug(region.id), {}) : network.heal(linkPlug(region.id)));
      }
      this.current = faults;
    };
    const done = this.changes.then(change);
    this.changes = done.catch(() => {});
    return done;
  }

  heal(): Promise<void> {
    return this.set({});
  }

  close(): Promise<void> {
    const { network, region, socket } = this.options;
    return inTurn(
      () => network.unplug(linkPlug(region.id)),
      async () => {
        this.forwarder.kill();
        await this.forwarder.ended;
      },
      () => this.proxy.close(),
      () => rm(socket, { force: true }),
    );
  }
}
