/** One machine of the twin: its namespaces, its disk, its processes, and how they are broken. */
import { once } from "node:events";
import { appendFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { inTurn } from "../../common/settle.js";
import type { Cgroup } from "./cgroups.js";
import { parseUserData, writeFiles } from "./cloud-config.js";
import { PREFIX_LENGTH, type Switch } from "./network/switch.js";
import { startInNetwork, Talker } from "./process.js";
import type { CommandOptions, CommandResult, Cut, Machine, MachineSpec, RunningCommand } from "./types.js";

const LAUNCH = fileURLToPath(new URL("machine/launch.py", import.meta.url));
const SLOW_DISK = fileURLToPath(new URL("machine/slow-disk.py", import.meta.url));
const INIT_FILES = ["init.py", "reaper.py", "service.py", "units.py", "systemctl.py", "s3.py"];
/** In /run/twin: NAME=value, one a line. */
export const ENVIRONMENT_FILE = "environment";
/** `run` waits this long unless told otherwise. */
const DEFAULT_TIMEOUT_MILLIS = 10_000;

export interface MachineContext {
  /** Folder of this machine. */
  readonly dir: string;
  /** Folders whose union is its root, uppermost first. */
  readonly layers: readonly string[];
  /** What the platform answers; the same for all machines. */
  readonly platform: string;
  readonly network: Switch;
  readonly cgroups: Cgroup;
  /** Files that the twin puts into every machine, path → content: where its stand-ins are. */
  readonly extras: ReadonlyMap<string, string>;
  /** Further lines of /etc/hosts. */
  readonly hosts: readonly string[];
  /** Environment of every process in it. */
  readonly environment: Readonly<Record<string, string>>;
}

export class TwinMachine implements Machine {
  private init: Talker | undefined;
  private group: Cgroup | undefined;
  private stopSlowDisk: (() => Promise<void>) | undefined;

  constructor(
    readonly spec: MachineSpec,
    private readonly context: MachineContext,
  ) {}

  get name(): string {
    return this.spec.name;
  }
  get address(): string {
    return this.spec.address;
  }
  get alive(): boolean {
    return this.init?.alive ?? false;
  }
  /** Process id, on the host, of its init. Undefined while it is dead. */
  pid: number | undefined;

  async boot({ emptyVolume = false } = {}): Promise<void> {
    if (this.alive) throw new Error(`${this.name} is running`);
    const { dir, layers, platform, network, cgroups, extras, hosts, environment } = this.context;
    const at = (name: string) => join(dir, name);
    await rm(at("upper"), { recursive: true, force: true });
    await rm(at("work"), { recursive: true, force: true });
    if (emptyVolume) await rm(at("volume.img"), { force: true });
    await Promise.all(
      ["upper", "work", "root", "shared/logs"].map((name) => mkdir(at(name), { recursive: true })),
    );
    const config = parseUserData(this.spec.userData);
    await writeFiles(at("upper"), config);
    const library = at("upper/usr/local/lib/twin");
    await mkdir(library, { recursive: true });
    for (const file of INIT_FILES) await cp(join(LAUNCH, "..", file), join(library, file));
    await mkdir(at("upper/usr/local/sbin"), { recursive: true });
    await writeFile(at("upper/usr/local/sbin/systemctl"), await readFile(join(LAUNCH, "../systemctl.py")), {
      mode: 0o755,
    });
    await mkdir(at("upper/etc"), { recursive: true });
    await writeFile(at("upper/etc/hostname"), `${this.name}\n`);
    const names = ["127.0.0.1 localhost", `${this.address} ${this.name}`, ...hosts];
    await appendFile(at("upper/etc/hosts"), `${names.join("\n")}\n`);
    // There is no name server in the twin. Nothing listens here, so that a query fails at once.
    await writeFile(at("upper/etc/resolv.conf"), "nameserver 127.0.0.1\n");
    // The sample application asks whether it may run, and may name hosts: drills read which node answered.
    const all = { DR_SAMPLE: "allowed", DR_SAMPLE_HOSTS: "shown", ...environment };
    const variables = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    // For what comes in from outside and is no service: `dr twin exec`.
    await writeFile(at(`shared/${ENVIRONMENT_FILE}`), variables.join("\n"));
    await mkdir(at("upper/etc/systemd/system.conf.d"), { recursive: true });
    await writeFile(
      at("upper/etc/systemd/system.conf.d/twin.conf"),
      `[Manager]\nDefaultEnvironment=${variables.join(" ")}\n`,
    );
    for (const [path, content] of extras) {
      await mkdir(dirname(at(`upper${path}`)), { recursive: true });
      await writeFile(at(`upper${path}`), content);
    }
    const group = await cgroups.child(this.name);
    await writeFile(
      at("launch.json"),
      JSON.stringify({
        name: this.name,
        layers,
        upper: at("upper"),
        work: at("work"),
        root: at("root"),
        shared: at("shared"),
        platform,
        cgroup: group.path,
        volume: this.spec.volumeMib && { file: at("volume.img"), mib: this.spec.volumeMib },
        boot: { address: this.address, prefix: PREFIX_LENGTH, commands: config.runcmd },
      }),
    );
    const namespaces = ["--pid", "--fork", "--kill-child", "--net", "--mount", "--ipc", "--uts"];
    const init = new Talker(`machine ${this.name}`, [
      // Into its group before anything else, so that whatever it starts is in it too.
      ...["sh", "-c", 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"', "sh", group.path],
      ...["unshare", ...namespaces, "--", "python3", LAUNCH, at("launch.json")],
    ]);
    this.init = init;
    this.group = group;
    this.pid = await firstChild(init);
    await network.plug(this.name, this.address, this.spec.region, this.pid);
    await init.ready;
    void init.ended.then(() => {
      if (this.init === init) this.pid = undefined;
    });
  }

  /** Settles when cloud-init's commands have ended. */
  async booted(): Promise<void> {
    await this.running().request({ verb: "booted" });
  }

  private running(): Talker {
    if (!this.init?.alive) throw new Error(`${this.name} is not running`);
    return this.init;
  }

  async run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.running().request<CommandResult>({
      verb: "run",
      argv,
      timeoutMillis: DEFAULT_TIMEOUT_MILLIS,
      ...options,
      env: { ...this.context.environment, ...options.env },
    });
  }

  async start(argv: readonly string[]): Promise<RunningCommand> {
    this.running();
    return startInNetwork(this.pid as number, argv);
  }

  async systemctl(verb: string, unit: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.running().request<CommandResult>({
      verb: "systemctl",
      arguments: [verb, unit],
    });
    if (exitCode !== 0)
      throw new Error(`systemctl ${verb} ${unit} on ${this.name}: ${stderr || stdout}`.trim());
    return stdout;
  }

  async isActive(unit: string): Promise<boolean> {
    const { exitCode } = await this.running().request<CommandResult>({
      verb: "systemctl",
      arguments: ["is-active", unit],
    });
    return exitCode === 0;
  }

  async signal(unit: string, signal: NodeJS.Signals, who: "main" | "all" = "main"): Promise<void> {
    const { exitCode, stderr } = await this.running().request<CommandResult>({
      verb: "signal",
      unit,
      signal,
      who,
    });
    if (exitCode !== 0) throw new Error(`signal ${signal} to ${unit} on ${this.name}: ${stderr}`);
  }

  async kill(): Promise<void> {
    await inTurn(
      () => this.stopSlowDisk?.(),
      // First the link: a dying process would still say goodbye, and a lost host doesn't.
      () => this.context.network.unplug(this.name),
      async () => {
        await this.group?.remove();
        await this.init?.ended;
        this.pid = undefined;
      },
    );
  }

  freeze(): Promise<void> {
    return (this.group as Cgroup).freeze(true);
  }
  thaw(): Promise<void> {
    return (this.group as Cgroup).freeze(false);
  }

  cut(cut: Cut = {}): Promise<void> {
    return this.context.network.cut(this.name, cut);
  }
  heal(): Promise<void> {
    return this.context.network.heal(this.name);
  }

  async fillDisk(leaveBytes = 0): Promise<void> {
    await this.mustRun([
      "sh",
      "-c",
      // Two steps: fallocate takes no more than is free, and what metadata took meanwhile is written away.
      `cd /var/lib/dr && free=$(($(stat -f -c '%a * %S' .) - ${leaveBytes})) && if [ $free -gt 0 ]; then fallocate -l $free filler || dd if=/dev/zero of=filler bs=1M oflag=append conv=notrunc || true; fi`,
    ]);
  }
  emptyDisk(): Promise<void> {
    return this.mustRun(["rm", "-f", "/var/lib/dr/filler"]);
  }

  async slowDisk(hangMillis: number, everyMillis: number): Promise<() => Promise<void>> {
    this.running();
    // Outlives the machine and this process, by as long as it takes to thaw: see the script.
    const child = execa(
      "nsenter",
      [
        ...[`--mount=/proc/${this.pid}/ns/mnt`, "--", "python3", SLOW_DISK],
        ...[join(this.context.dir, "root/var/lib/dr"), `${hangMillis}`, `${everyMillis}`],
      ],
      { stdin: "pipe", reject: false, detached: true, cleanup: false },
    );
    // It may have ended by itself.
    child.stdin.on("error", () => {});
    const stop = async () => {
      this.stopSlowDisk = undefined;
      child.stdin.end();
      const { exitCode, stderr } = await child;
      if (exitCode !== 0) throw new Error(`the volume of ${this.name} did not hang: ${stderr}`);
    };
    this.stopSlowDisk = stop;
    const hangs = await Promise.race([once(child.stdout, "data"), child.then(() => undefined)]);
    // It has ended, and says why.
    if (!hangs) await stop();
    return stop;
  }

  private async mustRun(argv: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.run(argv, { timeoutMillis: 60_000 });
    if (exitCode !== 0) throw new Error(`${argv.at(-1)} on ${this.name}: ${stderr.trim()}`);
  }
}

/** The process that `unshare` forked: process 1 of the machine, by its number on the host. */
async function firstChild(parent: Talker): Promise<number> {
  for (;;) {
    const { pid, alive } = parent;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const [child] = children.split(" ").map(Number);
    if (child) return child;
    // Its own words tell why.
    if (!alive) await parent.ready;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
