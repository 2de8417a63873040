/** What a drill's steps work with: the twin under load, and the record of what they did. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../common/progress.js";
import type { RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import type { DatabaseCluster } from "../twin/database-cluster.js";
import type { RegionTwin } from "../twin/open.js";
import type { Machine, Twin } from "../twin/types.js";
import { now } from "../workload/clock.js";
import type { LedgerData } from "../workload/ledger.js";
import { type ClusterView, flaws, viewCluster } from "./cluster.js";
import type { Span } from "./lost-rows.js";
import type { ExtraMeasure, Proof } from "./records.js";
import { until } from "./until.js";

/** A step or a fault as it went, in milliseconds of CLOCK_MONOTONIC. */
export interface Done extends Span {
  readonly title: string;
  readonly kind: "step" | "fault";
  readonly error?: string;
}

/** Most that a replica may be behind and still count as caught up while writes go on. */
const LAG_UNDER_LOAD_BYTES = 1024 ** 2;

export class Scene {
  readonly done: Done[] = [];
  readonly proofs: Proof[] = [];
  readonly extra: ExtraMeasure[] = [];
  /** From the first fault until the cluster was seen whole again. */
  rejoinSeconds: number | undefined;
  /** From the moment that the service was set back to until it was closed for that, where a drill does so. */
  setBack: Span | undefined;

  constructor(
    /** The regions that run; its `apply` does what `pulumi up` with changed settings would. */
    readonly running: RegionTwin,
    /** @see id */
    protected under: RegionId,
    /** What clients have seen so far; grows while the drill runs. */
    readonly ledger: LedgerData,
    protected readonly progress: Progress,
  ) {}

  /** The region under test: of two, the one that is active, or was claimed to be last. */
  get id(): RegionId {
    return this.under;
  }
  get twin(): Twin {
    return this.running.twin;
  }
  get settings(): SharedSettings {
    return this.running.settings;
  }
  get region(): RegionContract {
    return this.running.contract[this.id];
  }
  /** For SQL on a node, and for Patroni's REST API with the node's own certificate. Never on a frozen node: it would wait. */
  get database(): DatabaseCluster {
    return this.running.database(this.id);
  }

  /** Once, before anything else: what the drill must query before it can use the twin. */
  async enter(): Promise<void> {}

  /** Whether the load has come to run well, beyond a write that was acknowledged. Throws as long as it has not. */
  async loadRunsWell(): Promise<void> {}

  /** One step of the runbook. What throws in it ends the drill. */
  step<T>(title: string, work: () => Promise<T>): Promise<T> {
    return this.record("step", title, work);
  }

  /** Does the harm (or the change) that the drill is about. Writes must be in flight while it does. */
  fault<T>(title: string, work: () => Promise<T>): Promise<T> {
    return this.record("fault", title, work);
  }

  get faults(): readonly Done[] {
    return this.done.filter(({ kind }) => kind === "fault");
  }

  /** Shows that the fault took effect, e.g. that the leader changed. A claim that doesn't hold makes the drill inconclusive. */
  prove(claim: string, held: boolean): void {
    this.proofs.push({ claim, held });
    this.progress.note(`${held ? "seen" : "NOT seen"}: ${claim}`);
  }

  /** Adds a figure of this drill's own to its report. */
  measure(measure: ExtraMeasure): void {
    this.extra.push(measure);
  }

  /** Seconds since the first fault began; 0 before it. */
  sinceFault(): number {
    const [first] = this.faults;
    return first ? (now() - first.from) / 1000 : 0;
  }

  /**
   * Waits until the condition gives something other than undefined or false, and returns that.
   * @throws Error naming what was waited for, and what the condition last threw.
   */
  eventually<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
    timeoutSeconds = 30,
    pollMillis?: number,
  ): Promise<T> {
    return until(what, timeoutSeconds, condition, pollMillis);
  }

  /** Lets the load run on, so that what follows has something to compare with. */
  settle = (seconds: number): Promise<void> => sleep(seconds * 1000);

  /** The nodes that vote, dead ones too. */
  get voters(): readonly Machine[] {
    return this.region.databaseNodes.map(({ name }) => this.twin.machine(name));
  }

  /** A running Tomcat server of the region; queries run from there. */
  get tomcat(): Machine {
    return aliveTomcat(this.twin, this.region);
  }

  view(): Promise<ClusterView | undefined> {
    return viewCluster(this.tomcat, this.voters);
  }

  /** The node that leads. @throws Error when none does within the time. */
  leader(timeoutSeconds = 10): Promise<Machine> {
    return this.leaderOtherThan([], timeoutSeconds);
  }

  /** Waits for a leader that is none of these. */
  leaderOtherThan(names: readonly string[], timeoutSeconds = 60): Promise<Machine> {
    const but = names.length > 0 ? ` other than ${names.join(", ")}` : "";
    return this.eventually(
      `a leader${but}`,
      async () => {
        const view = await this.view();
        return view && !names.includes(view.leader) && this.twin.machine(view.leader);
      },
      timeoutSeconds,
    );
  }

  /** Voters that don't lead. */
  async replicas(): Promise<readonly Machine[]> {
    const leader = await this.leader();
    return this.voters.filter(({ name }) => name !== leader.name);
  }

  /** Waits until a write that was sent from now on is acknowledged; says by which node. */
  writesFlow(timeoutSeconds = 60): Promise<string> {
    const from = now();
    return this.eventually(
      "an acknowledged write",
      () => {
        const { writes, sessions } = this.ledger;
        const written = writes.findLast(({ result, sent }) => result === "acknowledged" && sent >= from);
        if (written) return written.node;
        const last = writes.findLast(({ error }) => error) ?? sessions.findLast(({ ok }) => !ok);
        if (last) throw new Error(`clients see: ${last.error}`);
        return undefined;
      },
      timeoutSeconds,
    );
  }

  /** Waits until every node is a healthy member of one cluster again, and notes how long that took. */
  async whole(
    timeoutSeconds = 90,
    lagBytes = LAG_UNDER_LOAD_BYTES,
    role: "active" | "standby" = "active",
  ): Promise<ClusterView> {
    const names = this.voters.map(({ name }) => name);
    const replicas = this.region.readReplicas
      .map(({ name }) => name)
      .filter((name) => this.twin.machines.some((machine) => machine.name === name));
    const view = await this.eventually(
      "a whole cluster",
      async () => {
        const seen = await this.view();
        const wrong = flaws(seen, names, replicas, lagBytes, role);
        if (wrong.length > 0) throw new Error(wrong.join("; "));
        return seen;
      },
      timeoutSeconds,
    );
    if (this.faults.length > 0) this.rejoinSeconds ??= this.sinceFault();
    return view;
  }

  /** Runs a command on a machine. @returns its output. @throws Error when it fails. */
  async must(machine: Machine, argv: readonly string[], timeoutMillis = 10_000): Promise<string> {
    const { exitCode, stdout, stderr } = await machine.run(argv, { timeoutMillis });
    if (exitCode !== 0) {
      throw new Error(
        `${argv.join(" ")} on ${machine.name} ended with ${exitCode}: ${(stderr || stdout).trim()}`,
      );
    }
    return stdout;
  }

  private async record<T>(kind: Done["kind"], title: string, work: () => Promise<T>): Promise<T> {
    const from = now();
    const close = (error?: string) => this.done.push({ kind, title, from, to: now(), error });
    try {
      const result = await this.progress.during(title, work);
      close();
      return result;
    } catch (error) {
      close(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}

/** @throws Error when none runs. */
export function aliveTomcat(twin: Twin, region: RegionContract): Machine {
  const tomcat = twin.machines.find(
    ({ spec, alive }) => alive && spec.role === "tomcat" && spec.region === region.id,
  );
  if (!tomcat) throw new Error(`no Tomcat server of region ${region.id} runs`);
  return tomcat;
}
