/** One JSON line per decision, for the journal. */
export type Log = (event: string, details?: Readonly<Record<string, unknown>>) => void;

let lastText = "";
let lastAt = 0;

/** Drops a line that repeats the previous one within ten seconds: a loop that runs four times a second would fill the disk. */
export const log: Log = (event, details = {}) => {
  const text = JSON.stringify({ event, ...details });
  const now = performance.now();
  if (text === lastText && now - lastAt < 10_000) return;
  lastText = text;
  lastAt = now;
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...details })}\n`);
};
