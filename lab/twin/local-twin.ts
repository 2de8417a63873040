/** A running twin: its network, its machines, what the platform would answer them. */
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { allEnded, inTurn } from "../../common/settle.js";
import type { RegionId } from "../../settings/stacks.js";
import { Cgroup } from "./cgroups.js";
import { clearFolder, takeFolder } from "./folder.js";
import { TwinMachine } from "./machine.js";
import { Switch } from "./network/switch.js";
import { liftSession } from "./priority.js";
import type { Machine, MachineSpec, Twin, Wire } from "./types.js";

/** One way between the regions: 30 ms there and back, as between Dublin and Frankfurt. */
const WIRE_DELAY_MILLIS = 15;

const PLATFORM_KINDS = ["secrets", "parameters", "artifacts"] as const;

export interface TwinOptions {
  /** Holds everything but the image. One twin at a time may use it. */
  readonly dir: string;
  readonly regions: readonly RegionId[];
  /** Folders whose union is a machine's root, uppermost first. */
  readonly layers: readonly string[];
}

/** One group per folder, so that the next twin there finds what a crashed one left. */
export const cgroupName = (dir: string): string =>
  `dr-twin-${createHash("sha256").update(resolve(dir)).digest("hex").slice(0, 12)}`;

export class LocalTwin implements Twin {
  private readonly all = new Map<string, TwinMachine>();
  /** Files that every machine gets at its next boot, path → content. */
  readonly extras = new Map<string, string>();
  /** Further lines of every machine's /etc/hosts: the twin has no name server. */
  readonly hosts: string[] = [];
  /** Environment of every process of a machine, as its platform would set it by the machine's role. */
  environment: (spec: MachineSpec) => Readonly<Record<string, string>> = () => ({});
  /** What else ends with the twin; before its network does. */
  readonly closing: (() => Promise<unknown>)[] = [];
  private closed = false;

  private constructor(
    readonly dir: string,
    private readonly layers: readonly string[],
    readonly network: Switch,
    private readonly cgroups: Cgroup,
    readonly wire: Wire | undefined,
  ) {}

  /**
   * An empty twin. Cleans up what a crashed one left in the same folder.
   * @throws UserError when one is running there, or when the folder is somebody else's.
   */
  static async open({ dir, regions, layers }: TwinOptions): Promise<LocalTwin> {
    await takeFolder(dir);
    const cgroups = await Cgroup.create(cgroupName(dir));
    await rm(join(dir, "machines"), { recursive: true, force: true });
    await rm(join(dir, "platform"), { recursive: true, force: true });
    for (const kind of PLATFORM_KINDS) await mkdir(join(dir, "platform", kind), { recursive: true });
    const settleDown = await liftSession();
    const network = await Switch.open(regions);
    const wire = regions.length > 1 ? await network.connect(WIRE_DELAY_MILLIS) : undefined;
    const twin = new LocalTwin(dir, layers, network, cgroups, wire);
    twin.closing.push(settleDown);
    return twin;
  }

  get machines(): readonly TwinMachine[] {
    return [...this.all.values()];
  }

  machine(name: string): Machine {
    const machine = this.all.get(name);
    if (!machine) throw new Error(`no machine ${name}; there are ${[...this.all.keys()].join(", ")}`);
    return machine;
  }

  async add(spec: MachineSpec): Promise<TwinMachine> {
    if (this.all.has(spec.name)) throw new Error(`${spec.name} is there already`);
    const machine = new TwinMachine(spec, {
      dir: join(this.dir, "machines", spec.name),
      layers: this.layers,
      platform: join(this.dir, "platform"),
      network: this.network,
      cgroups: this.cgroups,
      extras: this.extras,
      hosts: this.hosts,
      environment: this.environment(spec),
    });
    this.all.set(spec.name, machine);
    await machine.boot();
    return machine;
  }

  async remove(name: string): Promise<void> {
    const machine = this.all.get(name);
    if (!machine) return;
    // One that can't be killed stays known, for `close` to try again.
    await machine.kill();
    this.all.delete(name);
    await rm(join(this.dir, "machines", name), { recursive: true, force: true });
  }

  async put(
    kind: (typeof PLATFORM_KINDS)[number],
    name: string,
    content: string | Uint8Array,
  ): Promise<void> {
    const file = join(this.dir, "platform", kind, name);
    await mkdir(dirname(file), { recursive: true });
    // Readable in a machine, as with an instance's role; the folder above keeps others of the host out.
    await writeFile(file, content);
  }

  /** Everything that machines fetch is gone: secrets, parameters, artifacts. */
  async clearPlatform(): Promise<void> {
    for (const kind of PLATFORM_KINDS) {
      // The folders stay: machines see them from within.
      const folder = join(this.dir, "platform", kind);
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    }
  }

  async close({ keep = false } = {}): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await inTurn(
      () => allEnded(this.machines.map((machine) => machine.kill())),
      ...this.closing,
      () => this.network.close(),
      () => this.cgroups.remove(),
      () => rm(join(this.dir, "twin.pid"), { force: true }),
      () => keep || clearFolder(this.dir),
    );
  }
}
