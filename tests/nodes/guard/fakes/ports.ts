/** Ports that answer when a test says so, and time that passes only then. */
import type { Clock } from "../../../../nodes/guard/shared/clock.js";

/** Lets what waits for answers go on. */
export const turns = async () => {
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
};
/** Answers in the order of the requests, when the scene says so. */
export class Port<Q, A> {
  readonly asked: Q[] = [];
  private readonly waiting: { resolve: (answer: A) => void; reject: (error: Error) => void }[] = [];
  ask(question: Q): Promise<A> {
    this.asked.push(question);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }
  async answer(answer: A): Promise<void> {
    this.waiting.shift()?.resolve(answer);
    await turns();
  }
  async fail(): Promise<void> {
    this.waiting.shift()?.reject(new Error("made to fail"));
    await turns();
  }
}

export class Time implements Clock {
  private time = 100_000;
  private sleepers: { at: number; wake: () => void }[] = [];
  now = () => this.time;
  wall = () => this.time;
  sleep = (millis: number) =>
    new Promise<void>((wake) => void this.sleepers.push({ at: this.time + millis, wake }));
  get sleeping(): readonly number[] {
    return this.sleepers.map(({ at }) => at - this.time);
  }
  /** Nothing runs meanwhile. */
  standStill(millis: number): void {
    this.time += millis;
  }
  async pass(millis: number): Promise<void> {
    const end = this.time + millis;
    for (;;) {
      const [next] = this.sleepers.sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.time = Math.max(this.time, next.at);
      this.sleepers.shift();
      next.wake();
      await turns();
    }
    this.time = Math.max(this.time, end);
    await turns();
  }
}
