/** Represents something outside the twin in the twin's network, as a process in a separate namespace. */
import { readlink } from "node:fs/promises";
import type { RegionId } from "../../../settings/stacks.js";
import { host, type Talker } from "../process.js";
import { PREFIX_LENGTH, type Switch } from "./switch.js";

export interface Plug {
  /** Name in the switch. */
  readonly name: string;
  readonly address: string;
  /** The region on whose bridge it is. */
  readonly bridge: RegionId;
}

/**
 * Gives it its address, so that it is reached through a port of the switch, as machines are; settles when it is ready.
 * @param forwarder started by `unshare --net`
 */
export async function plugForwarder(
  network: Switch,
  forwarder: Talker,
  { name, address, bridge }: Plug,
): Promise<void> {
  await ownNetwork(forwarder);
  await network.plug(name, address, bridge, forwarder.pid);
  await host(
    ["nsenter", `--net=/proc/${forwarder.pid}/ns/net`, "--", "ip", "-batch", "-"],
    ["link set lo up", `addr add ${address}/${PREFIX_LENGTH} dev eth0`, "link set eth0 up"].join("\n"),
  );
  await forwarder.ready;
}

/** Settles when it has entered its own network namespace: what is plugged in before would land in the host's. */
async function ownNetwork(forwarder: Talker): Promise<void> {
  const ours = await readlink("/proc/self/ns/net");
  for (;;) {
    const theirs = await readlink(`/proc/${forwarder.pid}/ns/net`).catch(() => ours);
    if (theirs !== ours) return;
    // Its own words tell why.
    if (!forwarder.alive) await forwarder.ready;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
