/**
 * The network between the machines: one namespace with a bridge per region and a port per machine. Cuts are
 * rules on the bridge, so a machine notices nothing but silence. Nothing has a name outside the namespace: it
 * is gone when its holder is.
 */
import { fileURLToPath } from "node:url";
import type { RegionId } from "../../../settings/stacks.js";
import { NEVER_WAITS } from "../priority.js";
import { host, Talker } from "../process.js";
import type { Cut, Wire } from "../types.js";

/** Every address of both regions is reached directly: the twin has no routers. */
export const PREFIX_LENGTH = 8;

const WIRE = fileURLToPath(new URL("wire.py", import.meta.url));
const bridge = (region: RegionId) => `br-${region}`;
/** Name of one end of the wire between the regions, as a plug. No host name has a slash. */
export const wireEnd = (region: RegionId): string => `wire/${region}`;

export class Switch {
  private readonly cuts = new Map<string, { readonly port: string; cuts: Cut[] }>();
  /** Plugs that nothing passes, whatever else is cut or reconnected there. */
  private readonly silent = new Set<string>();
  private ports = 0;
  private wireProcess: Talker | undefined;
  /** Rules are replaced as a whole, one replacement after the other. */
  private rules: Promise<unknown> = Promise.resolve();

  private constructor(private readonly holder: Talker) {}

  static async open(regions: readonly RegionId[]): Promise<Switch> {
    // Does nothing but keep the namespace, until its input ends.
    const holder = new Talker("the switch", [
      ...["unshare", "--net", "--", "sh", "-c"],
      `echo '{"ready":true}'; exec cat > /dev/null`,
    ]);
    await holder.ready;
    const self = new Switch(holder);
    await self.ip(
      regions.flatMap((region) => [
        // No spanning tree, no waiting before a new port forwards, no learning from groups.
        `link add ${bridge(region)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
        `link set ${bridge(region)} up`,
      ]),
    );
    await self.nft(
      "add table bridge cuts\nadd chain bridge cuts across { type filter hook forward priority 0; }",
    );
    return self;
  }

  /** Runs a command in the switch's namespace. */
  enter(argv: readonly string[]): readonly string[] {
    return ["nsenter", `--net=/proc/${this.holder.pid}/ns/net`, "--", ...argv];
  }

  private ip(lines: readonly string[]) {
    return host(this.enter(["ip", "-batch", "-"]), lines.join("\n"));
  }

  private nft(rules: string) {
    return host(this.enter(["nft", "-f", "-"]), rules);
  }

  /** Plugs a machine in: its device appears in the network namespace of that process. */
  async plug(name: string, address: string, region: RegionId, pid: number, device = "eth0"): Promise<void> {
    const port = `p${++this.ports}`;
    // The same after each boot, or the others would talk to the one before for a while.
    const mac = `02:00:${address
      .split(".")
      .map((byte) => Number(byte).toString(16).padStart(2, "0"))
      .join(":")}`;
    await this.ip([
      `link add ${port} type veth peer name ${device} address ${mac} netns ${pid}`,
      `link set ${port} master ${bridge(region)}`,
      `link set ${port} up`,
    ]);
    this.cuts.set(name, { port, cuts: [] });
    // A plug that was silent still is.
    if (this.silent.has(name)) await this.replaceRules();
  }

  /** Pulls the plug. */
  async unplug(name: string): Promise<void> {
    const port = this.cuts.get(name);
    if (!port) return;
    this.cuts.delete(name);
    // It may be gone already with the machine's namespace.
    await this.ip([`link del ${port.port}`]).catch(() => {});
    await this.replaceRules();
  }

  async cut(name: string, cut: Cut): Promise<void> {
    this.port(name).cuts.push(cut);
    await this.replaceRules();
  }

  async heal(name: string): Promise<void> {
    this.port(name).cuts = [];
    await this.replaceRules();
  }

  /** Lets nothing pass these plugs from one instant on, or ends that. Cuts stay as they are. */
  async silence(names: readonly string[], silent: boolean): Promise<void> {
    for (const name of names) {
      if (silent) this.silent.add(name);
      else this.silent.delete(name);
    }
    await this.replaceRules();
  }

  private port(name: string) {
    const port = this.cuts.get(name);
    if (!port) throw new Error(`${name} is not plugged in`);
    return port;
  }

  private replaceRules(): Promise<void> {
    const replace = async () => {
      const rules = [...this.cuts].flatMap(([name, { port, cuts }]) =>
        (this.silent.has(name) ? [{}, ...cuts] : cuts).flatMap((cut) => rulesOf(port, cut)),
      );
      await this.nft(
        [
          "flush chain bridge cuts across",
          ...rules.map((rule) => `add rule bridge cuts across ${rule}`),
        ].join("\n"),
      );
    };
    const done = this.rules.then(replace);
    this.rules = done.catch(() => {});
    return done;
  }

  /** Joins the two bridges by a link that takes its time. */
  async connect(delayMillis: number): Promise<Wire> {
    const wire = new Talker("the wire between the regions", [
      ...this.enter([
        ...NEVER_WAITS,
        "python3",
        WIRE,
        bridge("home"),
        bridge("recovery"),
        `${delayMillis}`,
        "0",
      ]),
    ]);
    await wire.ready;
    this.wireProcess = wire;
    // The script names its ends in the order of the bridges.
    this.cuts.set(wireEnd("home"), { port: "wire0", cuts: [] });
    this.cuts.set(wireEnd("recovery"), { port: "wire1", cuts: [] });
    const ask = async (settings: object) => {
      await wire.request(settings);
    };
    return {
      set: ask,
      cut: () => ask({ cut: true }),
      heal: () => ask({ cut: false }),
    };
  }

  async close(): Promise<void> {
    this.wireProcess?.kill();
    this.holder.kill();
    await Promise.all([this.holder.ended, this.wireProcess?.ended]);
  }
}

/** What a cut drops, in nftables' words. `in` and `out` are the machine's. */
function rulesOf(port: string, { direction = "both", peers, ports }: Cut): string[] {
  const rules: string[] = [];
  const tcp = ports ? [` tcp sport { ${ports.join(", ")} }`, ` tcp dport { ${ports.join(", ")} }`] : [""];
  const hosts = peers ? `{ ${peers.join(", ")} }` : undefined;
  for (const match of tcp) {
    if (direction !== "out") rules.push(`oifname "${port}"${hosts ? ` ip saddr ${hosts}` : ""}${match} drop`);
    if (direction !== "in") rules.push(`iifname "${port}"${hosts ? ` ip daddr ${hosts}` : ""}${match} drop`);
  }
  return rules;
}
