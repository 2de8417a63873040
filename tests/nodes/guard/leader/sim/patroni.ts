/**
 * Patroni 4.1's high-availability loop, as far as it matters to guards, with the habits that make it dangerous:
 * it works on a cached view, trusts its session without comparing the leader key, may create the key again, and
 * changes the sync key by compare-and-set on the version it knows.
 */
import type { Keys } from "../../../../../nodes/guard/leader/leader-keys.js";
import type { SimNode } from "./node.js";

/** What a scenario says about Patroni. */
export interface PatroniScenario {
  /** PostgreSQL answers Patroni's queries after seconds, now and then. */
  readonly slowQueries?: boolean;
  /** Patroni's setting of that name. */
  readonly checkTimeline?: boolean;
}

export const TTL = 20_000;
const LOOP_WAIT = 1_000;
const RETRY_TIMEOUT = 4_000;
/** Its dynamic configuration, where guards read how long it takes to forget. */
export const CONFIG = JSON.stringify({ loop_wait: LOOP_WAIT / 1000, retry_timeout: RETRY_TIMEOUT / 1000 });
/** Its picture of etcd must be there within this. */
const READ_TIMEOUT = 1_300;
/** Without a word on its watch it sends a keepalive, as it was set up before it knew its configuration. */
const KEEPALIVE = 20_000;
/** What its queries of PostgreSQL may take in a cycle, between its picture and its requests. */
const QUERIES = 4_000;
/** Of one request to another node's REST API. */
const POLL_TIMEOUT = 2_000;

interface Cached {
  value: string;
  mod: number;
  lease: string;
}
interface Sync {
  leader: string;
  voters: string[];
  quorum: number;
}
/** Of a member asked during an election. */
interface Answer {
  readonly name: string;
  readonly position: number | "primary";
}
type Effect = (resume: (value: never) => void) => void;
type Script<T = void> = Generator<Effect, T, never>;

export class SimPatroni {
  private session: string | undefined;
  /** What its watch has told. */
  private cache = new Map<string, Cached>();
  /** What it was when the cycle began: the whole cycle works on it. */
  private picture = this.cache;
  private wake: (() => void) | undefined;
  private run = 0;
  /** Its watch of etcd is established. Without it, Patroni works on no picture at all. */
  private isReady = true;
  /** Called when it makes PostgreSQL a primary. */
  onPromote: (node: SimNode) => void = () => {};

  constructor(
    private readonly node: SimNode,
    private readonly keys: Keys,
    private readonly history: string,
    private readonly scenario: PatroniScenario,
  ) {}

  start(): void {
    this.session = undefined;
    this.isReady = false;
    const run = ++this.run;
    this.perform(this.rebuild(run), undefined as never);
    this.perform(this.loop(run), undefined as never);
    this.perform(this.keepWatch(run), undefined as never);
  }

  /** Its connection has been reset. */
  breakWatch(): void {
    if (!this.isReady || !this.node.alive) return;
    this.isReady = false;
    this.node.world.note(`${this.node.name} has lost its watch`);
    this.perform(this.rebuild(this.run), undefined as never);
  }

  private *rebuild(run: number): Script {
    while (run === this.run) {
      const answered = yield* this.etcd(() => true);
      if (answered) break;
      yield* this.wait(1_000);
    }
    if (run !== this.run) return;
    this.refresh();
    this.isReady = true;
    this.wake?.();
  }

  /** At a random phase: nothing else tells it that the kernel would refuse. */
  private *keepWatch(run: number): Script {
    while (run === this.run) {
      yield* this.wait(KEEPALIVE * this.node.world.random());
      if (!this.node.isAdmitted) this.breakWatch();
    }
  }

  /** Its watch of etcd tells it of a change, if the stream is alive. */
  notice(leaderChanged: boolean): void {
    this.refresh();
    if (leaderChanged) this.wake?.();
  }

  private refresh(): void {
    this.cache = new Map([...this.node.world.etcd.keys].map(([key, stored]) => [key, { ...stored }]));
  }

  private perform(script: Script, value: never): void {
    const { done, value: effect } = script.next(value);
    if (!done) effect((answer) => this.node.database.do(() => this.perform(script, answer)));
  }

  private *wait(millis: number): Script {
    yield (resume) => this.node.world.after(millis, () => resume(undefined as never));
  }

  private ask<T>(request: () => T, done: (answer: T | undefined) => void): void {
    const { node } = this;
    if (node.isAdmitted) node.ask(node.database, READ_TIMEOUT, request, done);
    else node.world.after(0.1, () => done(undefined));
  }

  /** Tries again until it is answered or `retry_timeout` is over. */
  private *etcd<T>(request: () => T): Generator<Effect, T | undefined, never> {
    const deadline = this.node.world.now + RETRY_TIMEOUT;
    for (;;) {
      const answer: T | undefined = yield ((resume) =>
        this.ask(request, (value) => resume(value as never))) as Effect;
      if (answer !== undefined || this.node.world.now > deadline) return answer;
      yield* this.wait(20);
    }
  }

  private *loop(run: number): Script {
    while (run === this.run) {
      yield* this.cycle();
      yield (resume) => {
        let woken = false;
        const go = () => {
          if (woken) return;
          woken = true;
          this.wake = undefined;
          resume(undefined as never);
        };
        this.wake = go;
        this.node.world.after(LOOP_WAIT, go);
      };
    }
  }

  private *cycle(): Script {
    const { node } = this;
    const { etcd } = node.world;
    if (node.postgres.role === "down") {
      yield* this.wait(400);
      node.postgres.become("replica");
    }
    const patience = node.world.now + READ_TIMEOUT;
    while (!this.isReady && node.world.now < patience) yield* this.wait(20);
    if (!this.isReady) {
      node.holdsLock = false;
      if (node.postgres.role === "primary") yield* this.demote();
      return;
    }
    this.picture = this.cache;
    const { random } = node.world;
    // Rarely long: PostgreSQL waits for its disk.
    yield* this.wait(this.scenario.slowQueries && random() < 0.05 ? random() * QUERIES : random() * 20);
    const session = this.session;
    const alive = yield* this.etcd(() => (session !== undefined && etcd.keepAlive(session) ? "yes" : "no"));
    if (alive === undefined) {
      node.holdsLock = false;
      if (node.postgres.role === "primary") yield* this.demote();
      return;
    }
    if (alive === "no") {
      const granted = yield* this.etcd(() => etcd.grant(TTL));
      if (granted === undefined) return;
      this.session = granted;
    }
    const member = this.keys.member(node.name);
    if (this.picture.get(member)?.lease !== this.session) {
      const lease = this.session as string;
      yield* this.etcd(() => etcd.transact([], [{ put: member, value: "{}", lease }], []).succeeded);
    }
    const leader = this.picture.get(this.keys.leader);
    if (leader?.value === node.name) yield* this.lead(leader);
    else if (!leader) yield* this.race();
    else {
      node.holdsLock = false;
      if (node.postgres.role === "primary") yield* this.demote();
      node.postgres.upstream = leader.value;
    }
  }

  private *demote(): Script {
    yield* this.wait(50 + this.node.world.random() * 500);
    this.node.postgres.become("replica");
    this.node.postgres.upstream = undefined;
  }

  private *lead(cached: Cached): Script {
    const { node, keys } = this;
    const { etcd } = node.world;
    const lease = this.session as string;
    if (cached.lease !== lease) {
      const put = [{ put: keys.leader, value: node.name, lease }];
      const kept = yield* this.etcd(
        () =>
          etcd.transact([{ key: keys.leader, value: node.name }], put, []).succeeded ||
          etcd.transact([{ key: keys.leader, create: "0" }], put, []).succeeded,
      );
      if (!kept) {
        node.holdsLock = false;
        if (node.postgres.role === "primary") yield* this.demote();
        return;
      }
    }
    node.holdsLock = true;
    if (node.postgres.role === "primary") yield* this.keepSync();
    else yield* this.promote();
  }

  private *promote(): Script {
    const { node } = this;
    const { leader, voters, quorum } = this.sync();
    const members = [...new Set([leader, ...voters].filter(Boolean))];
    // In quorum mode the sync key is not written here.
    node.postgres.setNames(
      members.filter((name) => name !== node.name),
      Math.max(0, members.length - quorum - 1),
    );
    const timeline = Math.max(node.postgres.timeline, Number(this.picture.get(this.history)?.value ?? 0)) + 1;
    yield* this.wait(50 + node.world.random() * 250);
    if (node.postgres.role !== "replica") return;
    node.postgres.promote(timeline);
    this.onPromote(node);
    const put = [{ put: this.history, value: String(timeline) }];
    // Once: a put that is tried again for seconds would write over a newer leader's.
    yield (resume) =>
      this.ask(
        () => node.world.etcd.transact([], put, []).succeeded,
        () => resume(undefined as never),
      );
  }

  private sync(): Sync & { mod: string } {
    const key = this.picture.get(this.keys.sync);
    const value = key ? (JSON.parse(key.value) as Sync) : { leader: "", voters: [], quorum: 0 };
    return { ...value, mod: String(key?.mod ?? 0) };
  }

  /** Compare-and-set on the version it knows. */
  private *writeSync(voters: string[], quorum: number): Generator<Effect, boolean, never> {
    const { node, keys } = this;
    const value = JSON.stringify({ leader: node.name, voters, quorum } satisfies Sync);
    const compare = [{ key: keys.sync, mod: this.sync().mod }];
    const written = yield* this.etcd(
      () => node.world.etcd.transact(compare, [{ put: keys.sync, value }], []).succeeded,
    );
    if (written) this.know(keys.sync);
    else this.refreshSoon();
    return written === true;
  }

  /** What it has written itself it knows at once. */
  private know(name: string): void {
    const stored = this.node.world.etcd.get(name);
    if (stored) this.cache = new Map(this.cache).set(name, { ...stored });
  }

  private refreshSoon(): void {
    this.node.world.after(5, () => this.refresh(), this.node.database);
  }

  /** Keeps `synchronous_standby_names` and the sync key overlapping while the standbys change. */
  private *keepSync(): Script {
    const { postgres, world, name } = this.node;
    const active = [...postgres.standbys]
      .filter(([, { at }]) => world.now - at < 2_000)
      .map(([standby]) => standby);
    const { leader, voters, quorum } = this.sync();
    const wanted = active.toSorted();
    const right =
      leader === name &&
      voters.join() === wanted.join() &&
      quorum === Math.max(0, wanted.length - 1) &&
      [...postgres.names].toSorted().join() === wanted.join();
    if (right) return;
    const numsync = wanted.length > 0 ? 1 : 0;
    const next = [wanted, Math.max(0, wanted.length - 1)] as const;
    const grows = leader === name && wanted.length > voters.length && voters.length > 0;
    if (wanted.length === 0 || grows) {
      // To no standby: first the key, so that no other node can be elected.
      if (yield* this.writeSync([...next[0]], next[1])) {
        yield* this.wait(world.random() * 30);
        if (postgres.role === "primary") postgres.setNames(wanted, numsync);
      }
      return;
    }
    postgres.setNames(wanted, numsync);
    const position = postgres.log.length;
    yield* this.wait(20 + world.random() * 30);
    const flushed = wanted.filter((standby) => (postgres.standbys.get(standby)?.position ?? 0) >= position);
    if (flushed.length === wanted.length) yield* this.writeSync([...next[0]], next[1]);
  }

  private *race(): Script {
    const { node, keys } = this;
    const { postgres, world } = node;
    node.holdsLock = false;
    const { leader, voters, quorum } = this.sync();
    if (postgres.role === "primary") {
      if (postgres.timeline < Number(this.picture.get(this.history)?.value ?? 0)) return yield* this.demote();
    } else if (leader) {
      // check_timeline: positions of different timelines can't be compared.
      if (
        (this.scenario.checkTimeline ?? true) &&
        postgres.timeline < Number(this.picture.get(this.history)?.value ?? 0)
      )
        return;
      const electorate = [...new Set([leader, ...voters])];
      const answers: Answer[] = yield ((resume) =>
        this.poll(electorate, (found) => resume(found as never))) as Effect;
      if (answers.some(({ position }) => position === "primary")) return;
      const isAhead = ({ position }: Answer) => Number(position) > postgres.log.length;
      // The former leader may have records that were never acknowledged: it is passed over.
      if (answers.some((one) => isAhead(one) && one.name !== leader)) return;
      const yes = answers.filter((one) => !isAhead(one)).length;
      const votes = yes - (electorate.includes(node.name) ? 0 : 1);
      if (votes < quorum && leader !== node.name) return;
    }
    const lease = this.session as string;
    const won = yield* this.etcd(
      () =>
        world.etcd.transact(
          [{ key: keys.leader, create: "0" }],
          [{ put: keys.leader, value: node.name, lease }],
          [],
        ).succeeded,
    );
    if (!won) return;
    this.refresh();
    this.picture = this.cache;
    const leaderKey = this.picture.get(keys.leader);
    if (leaderKey?.value === node.name) yield* this.lead(leaderKey);
  }

  /** Asks the others for their positions, all at once; those that don't answer cost the whole time-out. */
  private poll(names: readonly string[], done: (answers: Answer[]) => void): void {
    const { node } = this;
    const { world } = node;
    const answers: Answer[] = [];
    const others = node.all.filter(({ name }) => names.includes(name) && name !== node.name);
    let open = others.length;
    if (open === 0) done(answers);
    for (const other of others) {
      let settled = false;
      const settle = (position?: Answer["position"]) => {
        if (settled) return;
        settled = true;
        if (position !== undefined) answers.push({ name: other.name, position });
        open--;
        if (open === 0) done(answers);
      };
      world.after(node.muted.has(other.name) ? 0.1 : POLL_TIMEOUT, () => settle());
      if (node.muted.has(other.name) || !node.canSend(other)) continue;
      world.after(
        world.delay(),
        () => {
          const { role, log } = other.postgres;
          const answer = role === "primary" ? role : role === "replica" ? log.length : undefined;
          if (other.canSend(node)) world.after(world.delay(), () => settle(answer));
        },
        other.database,
      );
    }
  }
}
