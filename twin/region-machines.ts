/** A region as a whole, to be broken and healed: its machines, its link to the other, its road to the claims. */
import { allEnded } from "../sandbox/settle.js";
import type { RegionId } from "../settings/stacks.js";
import type { TwinClaims } from "./claims/claims.js";
import type { Machine, Twin } from "./types.js";

export class RegionMachines {
  constructor(
    private readonly twin: Twin,
    private readonly claims: TwinClaims,
    readonly id: RegionId,
  ) {}

  private get machines(): Machine[] {
    return this.twin.machines.filter(({ spec }) => spec.region === this.id);
  }

  /** Power off: every process and every plug at once, DynamoDB's copy there too. Data volumes stay. */
  async kill(): Promise<void> {
    await allEnded([...this.machines.map((machine) => machine.kill()), this.claims.cut(this.id)]);
  }

  /** Starts those that are dead. Settles when they have booted; their services may still be starting. */
  async boot(): Promise<void> {
    await this.claims.heal(this.id);
    const dead = this.machines.filter(({ alive }) => !alive);
    await allEnded(dead.map((machine) => machine.boot()));
  }

  /** Cuts it from the other region and from the claims of both. Its machines reach each other. */
  async isolate(): Promise<void> {
    this.claims.proxy(this.id).set({ cut: true });
    await this.wire.cut();
  }

  async heal(): Promise<void> {
    await this.claims.heal(this.id);
    await this.wire.heal();
  }

  /** Stops every process of its database nodes between two instructions. */
  async freeze(): Promise<void> {
    await allEnded(this.databases.map((machine) => machine.freeze()));
  }

  async thaw(): Promise<void> {
    await allEnded(this.databases.map((machine) => machine.thaw()));
  }

  private get databases(): Machine[] {
    return this.machines.filter(({ spec, alive }) => alive && spec.role !== "tomcat");
  }

  private get wire() {
    const { wire } = this.twin;
    if (!wire) throw new Error("one region runs: there is no link to cut");
    return wire;
  }
}
