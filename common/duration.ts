/** Times for people, and their rounding. */

/** From milliseconds, never below 0 (clocks of two machines differ), to a tenth. */
export const seconds = (millis: number): number => Math.max(0, Math.round(millis / 100) / 10);

/** `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`: as exact as a reader needs it. */
export function duration(time: number): string {
  if (time < 10) return `${Math.round(time * 10) / 10} s`;
  if (time < 120) return `${Math.round(time)} s`;
  if (time < 7200) return `${Math.round(time / 60)} min`;
  return time < 172_800 ? `${Math.round(time / 3600)} h` : `${Math.round(time / 86_400)} d`;
}
