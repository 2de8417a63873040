/** CLOCK_MONOTONIC in milliseconds, and how sure one can be of when something came in. */

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

const TICK_MILLIS = 2;

/**
 * Knows the earliest moment at which something that is handled now can have arrived. A busy process handles
 * an answer late; to call such an answer late would accuse the server of the client's sloth.
 */
export class Arrivals {
  private before: number;
  private last: number;
  private readonly timer: NodeJS.Timeout;

  constructor() {
    this.before = now();
    this.last = this.before;
    this.timer = setInterval(() => {
      this.before = this.last;
      this.last = now();
    }, TICK_MILLIS);
    this.timer.unref();
  }

  /**
   * Two turns of the event loop ago everything that had come in by then was handled; so what is handled now
   * came in later. Never before `sent`.
   */
  earliest(sent: number): number {
    return Math.max(sent, this.before);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
