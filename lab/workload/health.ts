/** A server's health from a row of checks, whichever component makes them. Pure. */

export interface Health {
  readonly healthy: boolean;
  /** Answers in a row that speak against it. */
  readonly against: number;
}

export interface Thresholds {
  /** Failures in a row after which it is unhealthy. */
  readonly fall: number;
  /** Successes in a row after which it is healthy again. */
  readonly rise: number;
}

/** @param before undefined: never asked, and its first answer is believed. */
export function observe(before: Health | undefined, ok: boolean, { fall, rise }: Thresholds): Health {
  if (!before || ok === before.healthy) return { healthy: ok, against: 0 };
  const against = before.against + 1;
  return against >= (ok ? rise : fall) ? { healthy: ok, against: 0 } : { ...before, against };
}
