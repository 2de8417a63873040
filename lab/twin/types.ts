/** What the twin offers to drills, benches and the demo: machines that boot, break and recover. */
import type { RegionId } from "../../settings/stacks.js";

/** A machine as the cloud would start it: its address and its user data, nothing else. */
export interface MachineSpec {
  /** Host name, unique in the twin. */
  readonly name: string;
  readonly role: MachineRole;
  readonly region: RegionId;
  /** Private IPv4 address. */
  readonly address: string;
  /** cloud-init's `#cloud-config`, exactly as a launch template carries it. */
  readonly userData: string;
  /** Size of the data volume; none when left out. It outlives the machine. */
  readonly volumeMib?: number;
}

export type MachineRole = "database" | "read-replica" | "tomcat" | "restore";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** User inside the machine; root when left out. */
  readonly user?: string;
  readonly input?: string;
  /** Milliseconds; the command is killed after it. 10 s when left out. */
  readonly timeoutMillis?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program of ours that runs in a machine's network and talks over its standard input and output. */
export interface RunningCommand {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  /** At once, by SIGKILL. */
  kill(): void;
  /** Settles when it has ended, with its exit code (128 + signal when killed). */
  readonly ended: Promise<number>;
}

/** What a cut takes away. Both directions and everything when left out. */
export interface Cut {
  /** As the machine sees it: `in` drops what others send to it, `out` what it sends. */
  readonly direction?: "in" | "out" | "both";
  /** Only towards these addresses. */
  readonly peers?: readonly string[];
  /** Only these TCP ports, on either side. */
  readonly ports?: readonly number[];
}

export interface Machine {
  readonly spec: MachineSpec;
  readonly name: string;
  readonly address: string;
  /** Whether its processes exist. */
  readonly alive: boolean;

  /** Runs a program inside (its processes, files and network) and waits. Never throws for an exit code. */
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Starts a program of the host (its files, not the machine's) in the machine's network namespace only. */
  start(argv: readonly string[]): Promise<RunningCommand>;
  /** Runs `systemctl <verb> <unit>` inside. @throws Error with its output when it fails. */
  systemctl(verb: string, unit: string): Promise<string>;
  /** Sends a signal to a unit's main process, or to all of its processes. */
  signal(unit: string, signal: NodeJS.Signals, who?: "main" | "all"): Promise<void>;
  /** Whether a unit is active. */
  isActive(unit: string): Promise<boolean>;

  /** Power off: all processes and the link at once. The data volume keeps what was synced… and what was not. */
  kill(): Promise<void>;
  /** Starts it again as the platform would replace it: fresh root from its user data, the same data volume. */
  boot(options?: { readonly emptyVolume?: boolean }): Promise<void>;
  /** Stops every process between two instructions, and lets them go on. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;

  /** Drops packets at the switch; several cuts add up. */
  cut(cut?: Cut): Promise<void>;
  /** Takes all cuts of this machine away. */
  heal(): Promise<void>;

  /** Takes all free space of the data volume but this many bytes; gives it back. */
  fillDisk(leaveBytes?: number): Promise<void>;
  emptyDisk(): Promise<void>;
  /** Makes writes to the data volume wait: it hangs for `hangMillis` out of every `everyMillis`, until told to stop. @throws Error when it can't. */
  slowDisk(hangMillis: number, everyMillis: number): Promise<() => Promise<void>>;
}

export interface Wire {
  /** @param options.loss share of packets that are lost, 0 to 1 */
  set(options: { readonly loss: number }): Promise<void>;
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface Twin {
  readonly dir: string;
  /** All machines, dead ones too. */
  readonly machines: readonly Machine[];
  /** @throws Error for a name that isn't there. */
  machine(name: string): Machine;
  /** Between the two regions; undefined with one region. */
  readonly wire: Wire | undefined;
  /** Starts a machine that isn't there yet. */
  add(spec: MachineSpec): Promise<Machine>;
  /** Ends a machine and forgets it and its volume. */
  remove(name: string): Promise<void>;
  /** Writes what a platform service would answer: a secret, a parameter, an artifact. */
  put(
    kind: "secrets" | "parameters" | "artifacts",
    name: string,
    content: string | Uint8Array,
  ): Promise<void>;
  /** Ends everything. Nothing is left but what is in the folder; that goes too unless `keep`. @throws the first error, once all is done that can be. */
  close(options?: { readonly keep?: boolean }): Promise<void>;
}
