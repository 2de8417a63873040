/** Three nodes, their clients, faults, and what must never be seen. */

import type { Beat } from "../../../../../nodes/guard/leader/leader-facts.js";
import { keysOf } from "../../../../../nodes/guard/leader/leader-keys.js";
import { REGION } from "../../fakes/region.js";
import { simConfig } from "../../sim/guard.js";
import { World } from "../../sim/world.js";
import { GuardProcess, type Mutation } from "./guard-process.js";
import { SimNode } from "./node.js";
import { CONFIG, type PatroniScenario, SimPatroni } from "./patroni.js";

export type FaultKind =
  | "freeze"
  | "kill"
  | "cut"
  | "cut-in"
  | "cut-out"
  | "cut-etcd"
  | "cut-etcd-in"
  | "slow-answers"
  | "pause-guard"
  | "kill-guard"
  | "pause-patroni"
  | "etcd-down"
  | "wall-step";

export interface Fault {
  readonly kind: FaultKind;
  /** Index of the node; 3: the leader at that time. */
  readonly node: number;
  /** Milliseconds after the one before. */
  readonly after: number;
  readonly length: number;
}

export interface Scenario extends PatroniScenario {
  readonly seed: number;
  /** Share of messages that are slow. */
  readonly slowness: number;
  /** Clock rates in per mille, −10 to 10. */
  readonly rates: readonly [number, number, number];
  readonly faults: readonly Fault[];
  readonly leaderLease?: boolean;
  /** Patroni's watch of etcd takes up to 2 s to notice that it is back. */
  readonly lateWatch?: boolean;
  /** False: the kernel lets Patroni speak with etcd at any time. */
  readonly patroniKept?: boolean;
}

const NAMES = ["a", "b", "c"] as const;
const LEADER_LEASE = { leaseMillis: 2000, renewMillis: 250, timeoutMillis: 300 };
const SETTLE_MILLIS = 6_000;
/** After the last fault is over. Patroni's ttl decides where no guard may. */
export const RECOVERY_MILLIS = 30_000;
const HISTORY = "/s/x/history";

export class Cluster {
  readonly world: World;
  readonly nodes: SimNode[] = [];
  readonly guards: GuardProcess[] = [];
  readonly patronis: SimPatroni[] = [];
  readonly keys = keysOf({ namespace: "/s/", scope: "x" });
  readonly acknowledged: number[] = [];
  readonly acknowledgedAt: number[] = [];
  takeovers = 0;
  private nextId = 1;
  /** Nodes whose Patroni's watch of etcd has broken off. */
  private readonly deaf = new Set<SimNode>();

  constructor(
    private readonly scenario: Scenario,
    mutation: Mutation = {},
  ) {
    const { world, nodes, keys } = this.build(scenario);
    this.world = world;
    for (const node of nodes) {
      node.postgres.onAcknowledged = (id) => {
        this.acknowledged.push(id);
        this.acknowledgedAt.push(world.now);
        this.checkOneWriter();
      };
      const patroni = new SimPatroni(node, keys, HISTORY, scenario);
      patroni.onPromote = () => this.checkOneWriter();
      node.onShutOut = () => patroni.breakWatch();
      this.patronis.push(patroni);
      this.guards.push(
        new GuardProcess(
          node,
          simConfig(node.name, NAMES, {
            scope: "x",
            leaderLease: { ...LEADER_LEASE, enabled: scenario.leaderLease ?? true },
            region: REGION,
          }),
          mutation,
        ),
      );
    }
    world.etcd.onChange = (key, _before, after) => {
      if (key === keys.heartbeat && after) this.checkTakeover(JSON.parse(after.value) as Beat);
      if (key === keys.leader) world.note(`leader key: ${after?.value ?? "gone"}`);
      // Patroni watches its own keys: a heartbeat tells it nothing.
      if (key.startsWith(keys.patroni)) this.tellPatronis(key === keys.leader);
    };
  }

  private build(scenario: Scenario) {
    const world = new World(scenario.seed, scenario.slowness);
    NAMES.forEach((name, i) => {
      const rate = 1 + (scenario.rates[i] as number) / 1000;
      this.nodes.push(
        new SimNode(
          world,
          name,
          rate,
          1_000_000 * (i + 1),
          this.nodes,
          (scenario.leaderLease ?? true) && (scenario.patroniKept ?? true),
        ),
      );
    });
    return { world, nodes: this.nodes, keys: this.keys };
  }

  /** @returns what went wrong, the first thing only. */
  async run(): Promise<readonly string[]> {
    const { world, scenario } = this;
    this.boot();
    let at = SETTLE_MILLIS;
    let end = at;
    for (const fault of scenario.faults) {
      at += fault.after;
      end = Math.max(end, at + fault.length);
      world.after(at, () => this.strike(fault));
    }
    await world.runUntil(end);
    const calmSince = world.now;
    // Until a node has led for a while: one that comes back must not end that.
    let steady = 0;
    while (steady < 6 && world.now < calmSince + RECOVERY_MILLIS && world.violations.length === 0) {
      await world.runUntil(world.now + 500);
      steady = this.leader ? steady + 1 : 0;
    }
    if (world.violations.length === 0) this.checkEnd(calmSince);
    return world.violations;
  }

  /** Milliseconds between two acknowledgements, of any node. */
  get longestOutage(): number {
    const { acknowledgedAt } = this;
    return acknowledgedAt.reduce((max, at, i) => Math.max(max, at - (acknowledgedAt[i - 1] ?? at)), 0);
  }

  private get leader(): SimNode | undefined {
    return this.nodes.find(({ writable, leads }) => writable && leads);
  }

  private boot(): void {
    const [first] = this.nodes as [SimNode];
    first.postgres.promote(1);
    this.world.etcd.transact([], [{ put: this.keys.config, value: CONFIG }], []);
    for (const [i, node] of this.nodes.entries()) {
      this.patronis[i]?.start();
      this.guards[i]?.start();
      const stream = () => {
        node.database.do(() => node.postgres.stream());
        this.world.after(15, stream);
      };
      stream();
      const client = () => {
        if (node.writable) node.database.do(() => node.writable && node.postgres.write(this.nextId++));
        this.world.after(20 + this.world.random() * 40, client);
      };
      client();
    }
  }

  private tellPatronis(leaderChanged: boolean): void {
    for (const [i, node] of this.nodes.entries()) {
      if (this.isDeaf(node)) this.tellLater(node, i);
      else this.world.after(this.world.delay(), () => this.tell(node, i, leaderChanged));
    }
  }

  private tell(node: SimNode, i: number, leaderChanged: boolean): void {
    if (this.isDeaf(node)) this.tellLater(node, i);
    else
      node.database.do(() => {
        if (node.isAdmitted) this.patronis[i]?.notice(leaderChanged);
        else this.patronis[i]?.breakWatch();
      });
  }

  /** A watch that was cut off doesn't notice at once that it is back; it then reads all there is. */
  private tellLater(node: SimNode, i: number): void {
    if (this.deaf.has(node)) return;
    this.deaf.add(node);
    const delay = this.scenario.lateWatch ? 500 + this.world.random() * 1500 : this.world.random() * 20;
    this.world.after(delay, () => {
      this.deaf.delete(node);
      this.tell(node, i, true);
    });
  }

  private isDeaf(node: SimNode): boolean {
    // What was sent to a paused machine is sent again some time later.
    const isPaused = this.scenario.lateWatch === true && node.database.isPaused;
    return node.cuts.size > 0 || this.world.etcdDown || isPaused;
  }

  private strike({ kind, node: index, length }: Fault): void {
    const { world } = this;
    const leader = this.nodes.findIndex(({ leads }) => leads);
    const i = index < 3 ? index : Math.max(0, leader);
    const node = this.nodes[i] as SimNode;
    const why = `${kind} ${world.random()}`;
    world.note(`${kind} ${node.name} for ${length}`);
    const later = (run: () => void) => world.after(length, run);
    const cut = (...ways: Parameters<typeof node.cuts.add>[0][]) => {
      for (const way of ways) node.cuts.add(way);
      later(() => {
        for (const way of ways) node.cuts.delete(way);
      });
    };
    switch (kind) {
      case "freeze":
      case "pause-guard":
      case "pause-patroni": {
        const stopped = [
          ...(kind !== "pause-patroni" ? [node.guardProcess] : []),
          ...(kind !== "pause-guard" ? [node.database] : []),
        ];
        for (const process of stopped) process.pause(why);
        later(() => {
          for (const process of stopped) process.resume(why);
        });
        break;
      }
      case "kill":
        this.kill(i);
        later(() => this.restart(i));
        break;
      case "kill-guard":
        node.guardProcess.kill();
        later(() => {
          if (!node.alive || node.guardProcess.alive) return;
          node.guardProcess.start();
          this.guards[i]?.start(true);
        });
        break;
      case "cut":
        cut("in", "out");
        break;
      case "cut-in":
        cut("in");
        break;
      case "cut-out":
        cut("out");
        break;
      case "cut-etcd":
        cut("etcd-in", "etcd-out");
        break;
      case "cut-etcd-in":
        cut("etcd-in");
        break;
      case "slow-answers":
        node.answersTake = 285;
        later(() => {
          node.answersTake = 0;
        });
        break;
      case "etcd-down":
        world.etcdDown = true;
        later(() => {
          world.etcdDown = false;
        });
        break;
      case "wall-step":
        node.wallStep += length;
        break;
    }
  }

  private kill(i: number): void {
    const node = this.nodes[i] as SimNode;
    node.database.kill();
    node.guardProcess.kill();
    node.setPort(0, "replica");
    node.admit(0);
    node.postgres.become("down");
    node.holdsLock = false;
  }

  private restart(i: number): void {
    const node = this.nodes[i] as SimNode;
    if (node.alive) return;
    node.database.start();
    node.guardProcess.start();
    node.muted.clear();
    node.postgres.upstream = undefined;
    this.patronis[i]?.start();
    this.guards[i]?.start();
  }

  private checkOneWriter(): void {
    const writers = this.nodes.filter(({ writable }) => writable).map(({ name }) => name);
    if (writers.length > 1) this.world.violation(`${writers.join(" and ")} serve writes at one instant`);
  }

  /** Never robbed while clients can still see its acknowledgements. */
  private checkTakeover({ state, node: name }: Beat): void {
    if (state !== "taken") return;
    this.takeovers++;
    const node = this.nodes.find((one) => one.name === name);
    this.world.note(`taken from ${name}`);
    if (node?.leads || node?.writable) this.world.violation(`${name} is robbed while its port is open`);
  }

  /**
   * Of Patroni's own making, when two leaders die within a second of their promotion: who has the newest
   * timeline defers to one that wrote on alone, and that one's timeline is too old. A person has to choose.
   */
  private get isStalemate(): boolean {
    const logs = this.nodes.map(({ postgres }) => postgres);
    const newest = Math.max(...logs.map(({ timeline }) => timeline));
    const longest = Math.max(...logs.filter((one) => one.timeline === newest).map(({ log }) => log.length));
    return logs.some(({ timeline, log }) => timeline < newest && log.length > longest);
  }

  private checkEnd(calmSince: number): void {
    const { world } = this;
    const { leader } = this;
    if (!leader) {
      if (this.isStalemate) return;
      world.violation(`no node leads ${RECOVERY_MILLIS} ms after the last fault ended at ${calmSince}`);
      return;
    }
    const kept = new Set(leader.postgres.log);
    const lost = this.acknowledged.filter((id) => !kept.has(id));
    if (lost.length > 0) world.violation(`${lost.length} acknowledged records lost, first ${lost[0]}`);
  }
}
