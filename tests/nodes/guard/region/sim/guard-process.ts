/**
 * The process that `main.ts` starts on a node: both halves of the guard and the keeper, the very classes, wired as there.
 * What they ask takes long, gets lost, or is overtaken.
 */
import type { Guard, GuardPorts } from "../../../../../nodes/guard/leader/guard.js";
import { Keeper, type KeeperPorts } from "../../../../../nodes/guard/region/keeper.js";
import { Region, type RegionPorts, SHUT_GATE } from "../../../../../nodes/guard/region/region.js";
import type { decideRegion } from "../../../../../nodes/guard/region/region-decision.js";
import type {
  LogEnd,
  Opening,
  Reading,
  RegionAction,
  RegionEvent,
  Source,
  Status,
} from "../../../../../nodes/guard/region/region-facts.js";
import { NO_OVERRIDES } from "../../../../../nodes/guard/region/region-facts.js";
import { roleOf } from "../../../../../nodes/guard/region/standby-cluster.js";
import type { Clock } from "../../../../../nodes/guard/shared/clock.js";
import type { GuardConfig, RegionRules } from "../../../../../nodes/guard/shared/config.js";
import type { Operation } from "../../../../../nodes/guard/shared/etcd.js";
import type { Log } from "../../../../../nodes/guard/shared/log.js";
import { REGION } from "../../fakes/region.js";
import { KernelQueue, type LeaderMutation, simClock, simConfig, WrongGuard } from "../../sim/guard.js";
import type { SimNode } from "./region.js";
import { other, type SimTable } from "./table.js";

/** One thing done wrong. */
export interface Mutation {
  readonly decide?: typeof decideRegion;
  /** When a reading counts from. */
  readonly startOf?: (startedAt: number, endedAt: number) => number;
  readonly clock?: (node: SimNode) => number;
  readonly log?: (log: LogEnd, node: SimNode) => LogEnd;
  readonly skip?: (action: RegionAction) => boolean;
  /** Of what the leader's half does. */
  readonly skipInLeader?: LeaderMutation["skip"];
  /** Role changes that compare nothing. */
  readonly blind?: boolean;
  /** A status that replaces any other. */
  readonly unconditional?: boolean;
}

/** How the network to the claim table does at the moment. */
export interface Weather {
  cut: boolean;
  /** Reads are answered, writes are not. */
  readOnly: boolean;
  /** Milliseconds more, at most. */
  slow: number;
  /** The same, of writes on their way there. */
  slowWrites: number;
  failShare: number;
}

/** To make a region primary, as it was written to etcd. */
export type OnPromotion = (node: SimNode, opening: Opening | undefined) => void;

const ANSWER = 1000;
const PROBE = 300;
/** Twice as long as on real nodes, and renewed at a third of the pace: tests/nodes/guard/leader tries that one, here it costs time. */
const LEADER_LEASE = { enabled: true, leaseMillis: 4000, renewMillis: 750, timeoutMillis: 300 };
const DONE = Promise.resolve();

class WrongRegion extends Region {
  constructor(
    private readonly mutation: Mutation,
    private readonly clock: Clock,
    private readonly seen: Set<string>,
    ...args: ConstructorParameters<typeof Region>
  ) {
    super(...args);
  }
  protected override decide(event: RegionEvent): ReturnType<typeof decideRegion> {
    if (event.kind === "tick" && event.heldUpUntil !== undefined) this.seen.add("turn held up");
    const { decide: wrong, skip } = this.mutation;
    const step = wrong ? wrong(this.rules, this.state, event, this.clock.now()) : super.decide(event);
    return skip ? { ...step, actions: step.actions.filter((action) => !skip(action)) } : step;
  }
}

export class GuardProcess {
  guard!: Guard;
  region!: Region;
  private readonly config: GuardConfig;
  private readonly clock: Clock;
  private readonly kernelQueue: KernelQueue;
  private saves = 0;

  constructor(
    readonly node: SimNode,
    private readonly table: SimTable,
    rules: RegionRules,
    private readonly weather: Weather,
    private readonly mutation: Mutation,
    private readonly onPromotion: OnPromotion,
  ) {
    const { world, region, name, rate } = node;
    const members = [1, 2, 3].map((i) => `${name.slice(0, -1)}${i}`);
    this.config = simConfig(name, members, {
      scope: name.slice(0, -2),
      leaderLease: LEADER_LEASE,
      region: { ...REGION, rules, source: region.source, startsAsStandby: region.side === 1 },
    });
    this.kernelQueue = new KernelQueue(world);
    this.clock = simClock(world, node.guard, rate, {
      now: () => mutation.clock?.(node) ?? node.clock,
      wall: () => node.wall,
    });
  }

  start(): void {
    const { node, clock, mutation } = this;
    const { world } = node;
    const log: Log = (event, details) => {
      world.seen.add(event);
      if (event === "role-changed") {
        world.note(`${node.name} ${details?.role}: ${details?.reason}`);
        const source = details?.source as Source | undefined;
        world.seen.add(source ? `role-changed: standby of ${source.kind}` : "role-changed: primary");
      }
    };
    this.guard = new WrongGuard(
      { skip: mutation.skipInLeader },
      clock,
      this.config,
      { clock, log, etcd: this.etcd(), patroni: this.patroni(), kernel: this.kernel() },
      { patroniIsOlder: node.runs && node.wasAdmitted, gate: SHUT_GATE },
    );
    const { guard } = this;
    this.region = new WrongRegion(mutation, clock, world.seen, guard, {
      clock,
      log,
      claims: this.claims(),
      postgres: this.postgres(),
    });
    const { region } = this;
    const keeper = new Keeper(region, { clock, log, ...this.volume() });
    void world
      .answer(node.guard, world.random() * 100, () => {})
      .then(() => Promise.race([guard.run(), region.run(), keeper.run()]))
      .catch((error) => world.violation(`the guard of ${node.name} ended: ${error?.stack}`));
  }

  /** Where a fault holds up a decision, this guard pauses right here. */
  private holdUp(changesRole: boolean): void {
    const { region, guard, world } = this.node;
    const pause = region.pauseAtDecision;
    if (!pause || (pause.ofRole && !changesRole)) return;
    region.pauseAtDecision = undefined;
    guard.pause("decision");
    world.note(`${this.node.name} pauses for ${pause.millis}`);
    world.after(pause.millis, () => guard.resume("decision"));
  }

  private etcd(): GuardPorts["etcd"] {
    const { node } = this;
    const { etcd, keys } = node.region;
    return {
      transact: (compare, success, failure = []) => {
        const changesRole = success.some((one) => "put" in one && one.put === keys.config);
        if (changesRole) this.holdUp(true);
        return this.askEtcd(() => {
          const isBlind = changesRole && this.mutation.blind;
          const outcome = etcd.transact(isBlind ? [] : compare, success, failure);
          if (changesRole && outcome.succeeded) this.tell(success);
          return outcome;
        });
      },
      grant: (seconds) => this.askEtcd(() => etcd.grant(seconds * 1000)),
      timeToLive: (lease) => this.askEtcd(() => etcd.ttlSeconds(lease)),
      revoke: (lease) => this.askEtcd(() => etcd.revoke(lease)),
    };
  }

  private tell(changes: readonly Operation[]): void {
    const { keys } = this.node.region;
    const value = (name: string) =>
      changes.flatMap((one) => ("put" in one && one.put === name ? [one.value] : []))[0];
    const opening = value(keys.opening);
    if (roleOf(value(keys.config))?.kind === "primary")
      this.onPromotion(this.node, opening === undefined ? undefined : (JSON.parse(opening) as Opening));
  }

  /** A request that is sent is carried out whatever becomes of who asked. */
  private askEtcd<T>(request: () => T): Promise<T> {
    const { node } = this;
    const { world, guard, region } = node;
    const { generation } = guard;
    return new Promise((resolve, reject) => {
      const later = (millis: number, settle: () => void) =>
        world.after(millis, () => world.settle(settle), guard, generation);
      guard.do(() =>
        world.after(world.delay(), () => {
          if (!region.etcdIsUp || !node.isUp) {
            later(LEADER_LEASE.timeoutMillis, () => reject(new Error("etcd does not answer")));
            return;
          }
          const answer = request();
          later(world.delay(), () => resolve(answer));
        }),
      );
    });
  }

  private patroni(): GuardPorts["patroni"] {
    const { node, clock } = this;
    const { world, region } = node;
    return {
      local: (_address, timeoutMillis) => {
        const startedAt = clock.now();
        const millis = 0.5 + world.random() * 4;
        if (!node.runs)
          return world.answer(node.guard, timeoutMillis, () => {
            throw new Error("Patroni does not answer");
          });
        return world.answer(node.guard, millis, () => {
          const isPrimary = node.role === "primary";
          const holdsLock = region.leader === node;
          const isLeader = holdsLock && region.role?.kind === "standby";
          return {
            startedAt,
            role: isPrimary ? "primary" : isLeader ? "standby_leader" : "replica",
            timeline: node.log.timeline,
            ancestors: isPrimary ? node.log.ancestors : undefined,
            holdsLock,
          };
        });
      },
      isAlive: (address) => {
        const found = region.nodes.find(({ name }) => name === address);
        const alive = found?.runs === true;
        return world.answer(node.guard, alive ? world.delay() * 2 : PROBE, () => alive);
      },
    };
  }

  /** The helper is a separate process: it carries out its orders even where the guard is paused or has ended. */
  private kernel(): GuardPorts["kernel"] {
    const { node, clock } = this;
    const { world } = node;
    const { boots } = node;
    const order = (apply: () => void): number => {
      const millis = this.kernelQueue.takes(node.region.kernelTakes);
      world.after(millis, () => {
        if (node.database.alive && node.boots === boots) apply();
      });
      return millis;
    };
    const trueTime = (until: number) => world.now + Math.max(0, until - clock.now()) / node.rate;
    const finished = (millis: number) => world.answer(node.guard, millis + 0.01, () => {});
    return {
      open: (until) => {
        const end = trueTime(until);
        const epoch = this.region.state.reading?.own ?? 0;
        order(() => {
          node.openUntil = end;
          node.servedEpoch = epoch;
        });
        return DONE;
      },
      close: () => {
        const took = order(() => {
          node.openUntil = 0;
        });
        return finished(took);
      },
      admit: (until) => {
        const end = trueTime(until);
        order(() => {
          node.admittedUntil = end;
          node.wasAdmitted = true;
        });
        return DONE;
      },
      shutOut: () =>
        finished(
          order(() => {
            node.admittedUntil = 0;
          }),
        ),
      mute: () => DONE,
      stop: () => {},
    };
  }

  /** Each request is consistent, all of them together are not. */
  private claims(): RegionPorts["claims"] {
    const { table, node, clock, mutation } = this;
    const mine = node.region.side;
    const theirs = other(mine);
    return {
      read: async () => {
        const startedAt = clock.now();
        const [own, peer] = await Promise.all([
          this.askTable(() => table.claims[mine]),
          this.askTable(() => table.claims[theirs]),
        ]);
        const items = await Promise.all([
          this.askTable(() => table.status[mine]),
          this.askTable(() => table.status[theirs]),
          own > peer
            ? this.askTable(() => ({
                fenced: table.fenced[mine],
                acceptDataLoss: table.acceptDataLoss[mine],
              }))
            : NO_OVERRIDES,
        ]);
        const endedAt = clock.now();
        return {
          startedAt: mutation.startOf?.(startedAt, endedAt) ?? startedAt,
          endedAt,
          own,
          peer,
          mine: items[0],
          theirs: items[1],
          overrides: items[2],
        } satisfies Reading;
      },
      writeStatus: (status) => {
        if (status.opened > table.status[mine].opened) node.region.onOpening();
        if (!isPublication(table.status[mine], status)) this.holdUp(false);
        return this.askTable(() => table.write(mine, status, mutation.unconditional), true);
      },
    };
  }

  private askTable<T>(request: () => T, writes = false): Promise<T> {
    const { node, weather } = this;
    const { world, guard } = node;
    const { generation } = guard;
    const isLost = () =>
      weather.cut || (weather.readOnly && writes) || world.random() < weather.failShare / 2;
    const way = () => 10 + world.random() * (20 + weather.slow);
    return new Promise((resolve, reject) => {
      const later = (millis: number, settle: () => void) =>
        world.after(millis, () => world.settle(settle), guard, generation);
      const fail = () => reject(new Error("the table does not answer"));
      guard.do(() => {
        if (isLost()) {
          later(ANSWER, fail);
          return;
        }
        const there = way() + (writes ? world.random() * weather.slowWrites : 0);
        world.after(there, () => {
          const answer = request();
          const back = way();
          // Else it is carried out, and its answer is lost.
          if (!isLost() && there + back <= ANSWER) later(back, () => resolve(answer));
          else later(ANSWER - there, fail);
        });
      });
    });
  }

  private postgres(): RegionPorts["postgres"] {
    const { node, clock } = this;
    const { world, region } = node;
    const mustRun = (): void => {
      if (!node.runs || node.role === "changing" || !node.hasData)
        throw new Error("PostgreSQL does not answer");
    };
    return {
      end: () => {
        const isPrimary = node.role === "primary";
        const { runs, log } = node;
        const end: LogEnd = {
          startedAt: clock.now(),
          isPrimary,
          timeline: isPrimary ? log.timeline : undefined,
          mark: region.markSeen(node),
          lsn: log.lsn,
          replay: isPrimary ? undefined : region.replayOf(node),
        };
        return world.answer(node.guard, world.random() * 20, () => {
          if (!runs) throw new Error("PostgreSQL does not answer");
          mustRun();
          return this.mutation.log?.(end, node) ?? end;
        });
      },
      mark: (mark) =>
        world.answer(node.guard, world.random() * 30, () => {
          mustRun();
          if (node.role !== "primary" || node.log.timeline !== mark.timeline)
            throw new Error(`the log is not on timeline ${mark.timeline}`);
          region.append(node, mark);
        }),
    };
  }

  private volume(): Pick<KeeperPorts, "slots" | "read" | "systemctl" | "request"> {
    const { node } = this;
    const { world } = node;
    const answer = <T>(give: () => T) => world.answer(node.guard, 1, give);
    return {
      slots: {
        // It may fail for a while.
        keep: ({ epoch, timeline }) =>
          answer(() => {
            if (!node.runs || node.role !== "primary" || world.random() < 0.3) throw new Error("no slots");
            node.kept = { epoch, timeline };
            return [];
          }),
        dropAll: () =>
          answer(() => {
            if (!node.runs) throw new Error("PostgreSQL does not answer");
            node.kept = undefined;
          }),
      },
      read: () =>
        answer(() => ({
          slots: node.kept ? [{ name: "kept", database: 1, ...node.kept }] : [],
          records: [...node.saved].map((epoch) => ({ epoch, state: "saved" }) as const),
          timeline: node.log.timeline,
          isStandby: node.hasData ? !node.wasPrimary : undefined,
          patroniRuns: !node.isSaving,
        })),
      request: (epoch) =>
        answer(() => {
          this.saves = epoch;
        }),
      systemctl: async (verb) => {
        if (verb === "is-active") return node.isSaving ? "active" : "inactive";
        if (verb === "start" && this.saves > 0) node.save(this.saves);
        return "";
      },
    };
  }
}

/** Only says how far the log has come: all else stays. */
function isPublication(before: Status, after: Status): boolean {
  const said = ({ opened, demoted, released }: Status) => JSON.stringify([opened, demoted, released]);
  return said(before) === said(after);
}
