/** A figure of a drill, and whether it is as it should be. */
import { patience } from "./patience.js";

export interface Measure {
  readonly name: string;
  readonly value: number;
  /** `s`, `ms`, or empty for a count. */
  readonly unit: string;
  /** As people write it: `0`, `≤ 3.5`; undefined when it is not judged. */
  readonly expected?: string;
  readonly ok: boolean;
}

export function bound(value: number, atMost: number | undefined): Pick<Measure, "expected" | "ok"> {
  // Not measured (NaN) where a bound was set is a miss.
  return atMost === undefined
    ? { ok: true }
    : { expected: atMost === 0 ? "0" : `≤ ${atMost}`, ok: value <= atMost };
}

export const count = (name: string, value: number, atMost?: number): Measure => ({
  name,
  value,
  unit: "",
  ...bound(value, atMost),
});

/** How long something took: on a busy host it may be longer, see patience.ts. */
export const time = (name: string, value: number, atMost?: number): Measure => ({
  name,
  value,
  unit: "s",
  ...bound(value, atMost === undefined ? undefined : atMost * patience()),
});

/** A figure as people read it: times with the digits that matter. */
export function figure({ value, unit }: Pick<Measure, "value" | "unit">): string {
  if (Number.isNaN(value)) return "not measured";
  if (unit === "") return String(value);
  return `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
}
