/** What the guards' processes of both simulators have in common. */
import { Guard } from "../../../../nodes/guard/leader/guard.js";
import type { decide, Step } from "../../../../nodes/guard/leader/leader-decision.js";
import type { Action, Event } from "../../../../nodes/guard/leader/leader-facts.js";
import type { Clock } from "../../../../nodes/guard/shared/clock.js";
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";
import type { Process, World } from "./world.js";

/** How the leader's half may be wrong. */
export interface LeaderMutation {
  readonly decide?: typeof decide;
  readonly skip?: (action: Action, event: Event) => boolean;
}

export class WrongGuard extends Guard {
  constructor(
    private readonly mutation: LeaderMutation,
    private readonly clock: Clock,
    ...args: ConstructorParameters<typeof Guard>
  ) {
    super(...args);
  }
  protected override decide(event: Event): Step {
    const { decide: wrong, skip } = this.mutation;
    const step = wrong ? wrong(this.config, this.state, event, this.clock.now()) : super.decide(event);
    return skip ? { ...step, actions: step.actions.filter((action) => !skip(action, event)) } : step;
  }
}

/** Its sleep takes as long as this node's clock says, and longer where the process is paused. */
export const simClock = (
  world: World,
  process: Process,
  rate: number,
  { now, wall }: Pick<Clock, "now" | "wall">,
): Clock => ({ now, wall, sleep: (millis) => world.answer(process, millis / rate, () => {}) });

/** The kernel's helper carries out one order after the other. */
export class KernelQueue {
  private freeAt = 0;

  constructor(private readonly world: World) {}

  /** @returns milliseconds from now until this order is carried out */
  takes(atMost: number): number {
    const { world } = this;
    this.freeAt = Math.max(world.now, this.freeAt) + world.random() * atMost;
    return this.freeAt - world.now;
  }
}

export const simConfig = (
  node: string,
  members: readonly string[],
  rest: Pick<GuardConfig, "scope" | "leaderLease" | "region">,
): GuardConfig => ({
  node,
  address: node,
  members: members.map((name) => ({ name, address: name })),
  namespace: "/s/",
  dataDirectory: "/nowhere",
  etcd: [],
  tls: { authority: "", certificate: "", key: "" },
  ports: { postgres: 5432, patroni: 8008, guard: 8009 },
  mayLead: true,
  ...rest,
});
