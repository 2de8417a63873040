/** What happens to a whole region of a twin at once: its machines, its endpoint of DynamoDB, its way to the other region. */
import { allEnded } from "../../common/settle.js";
import type { RegionId } from "../../settings/stacks.js";
import { linkPlug } from "./claims/link.js";
import type { LocalTwin } from "./local-twin.js";
import type { TwinMachine } from "./machine.js";
import { wireEnd } from "./network/switch.js";
import { tlsProxyPlug } from "./vault/tls-proxy.js";
import type { Vaults } from "./vault/vaults.js";

export class RegionMachines {
  private dead = false;
  private isolated = false;

  constructor(
    readonly id: RegionId,
    private readonly twin: LocalTwin,
    private readonly vaults?: Pick<Vaults, "silence">,
  ) {}

  /** All of its machines, dead ones too. */
  get machines(): readonly TwinMachine[] {
    return this.twin.machines.filter(({ spec }) => spec.region === this.id);
  }

  /**
   * The region is gone: every link of it falls silent at one instant, that of DynamoDB's endpoint and the wire's end
   * too, and then every machine loses power. It stays away from the outside until `boot`, also when single machines
   * are started before.
   */
  async kill(): Promise<void> {
    this.dead = true;
    this.vaults?.silence(this.id, true);
    const { network } = this.twin;
    const machines = this.machines;
    const names = machines.map(({ name }) => name);
    await network.silence([...this.outside, ...names], true);
    await allEnded(machines.map((machine) => machine.kill()));
    await network.silence(names, false);
  }

  /**
   * Power is back: its links, unless it is isolated, and then every machine that is dead, each from its user data and
   * its old volume. Settles when all have run cloud-init's commands; whether they lead or follow is another matter.
   */
  async boot(): Promise<void> {
    this.dead = false;
    await this.links();
    const dead = this.machines.filter(({ alive }) => !alive);
    // All of them: after one that failed, no other must boot on unseen.
    await allEnded(
      dead.map(async (machine) => {
        await machine.boot();
        await machine.booted();
      }),
    );
  }

  /** Cuts it off from the other region and from the claims of both, at one instant. Inside all go on and see each other. */
  async isolate(): Promise<void> {
    this.isolated = true;
    await this.links();
  }

  /** Ends `isolate`, and nothing else: what was cut at machines, the wire or a claims proxy stays cut. */
  async heal(): Promise<void> {
    this.isolated = false;
    await this.links();
  }

  /** Stops every process of its database machines, voters and read replicas, that live. Its Tomcat servers go on. */
  async freeze(): Promise<void> {
    await allEnded(this.databases().map((machine) => machine.freeze()));
  }

  async thaw(): Promise<void> {
    await allEnded(this.databases().map((machine) => machine.thaw()));
  }

  private databases(): TwinMachine[] {
    return this.machines.filter(({ spec, alive }) => alive && spec.role !== "tomcat");
  }

  private get outside(): readonly string[] {
    return [wireEnd(this.id), linkPlug(this.id), tlsProxyPlug(this.id)];
  }

  private links(): Promise<void> {
    this.vaults?.silence(this.id, this.dead || this.isolated);
    return this.twin.network.silence(this.outside, this.dead || this.isolated);
  }
}
