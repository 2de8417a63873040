/** Log positions: numbers in this code, `16/B374D848` (two hexadecimal halves) in PostgreSQL. Exact up to 2^53 bytes, eight petabytes. */

/** @returns undefined for an invalid position */
export function lsnOf(text: string | undefined): number | undefined {
  const [, high, low] = /^([0-9A-F]+)\/([0-9A-F]+)$/i.exec(text ?? "") ?? [];
  return high && low ? Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16) : undefined;
}

/** Eight digits, as a timeline or half a position has in the names of log files. */
export const hexOf = (number: number): string => number.toString(16).toUpperCase().padStart(8, "0");

export const lsnText = (position: number): string =>
  [Math.floor(position / 2 ** 32), position % 2 ** 32]
    .map((half) => half.toString(16).toUpperCase())
    .join("/");
