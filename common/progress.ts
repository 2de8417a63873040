/** One line per step, readable at 80 columns, without colour where there is no terminal; the time of each step at its end. */
import pc from "picocolors";

export class Progress {
  /** Steps and how long each took, in seconds, for a summary. */
  readonly timings: { step: string; seconds: number }[] = [];

  constructor(private readonly out: NodeJS.WritableStream = process.stderr) {}

  note(text: string): void {
    this.line(pc.dim(`  ${text}`));
  }

  line(text = ""): void {
    this.out.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line(`\n${pc.bold(text)}`);
  }

  /** Runs one step; says that it started, that it still runs every 15 s, and how long it took. */
  async during<T>(step: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    this.line(`${pc.cyan("…")} ${step}`);
    const ticker = setInterval(() => this.note(`still running, ${seconds().toFixed(0)} s`), 15_000);
    try {
      const result = await work();
      this.timings.push({ step, seconds: seconds() });
      this.line(`${pc.green("✓")} ${step} ${pc.dim(`(${seconds().toFixed(1)} s)`)}`);
      return result;
    } catch (error) {
      this.line(`${pc.red("✗")} ${step} ${pc.dim(`(${seconds().toFixed(1)} s)`)}`);
      throw error;
    } finally {
      clearInterval(ticker);
    }
  }
}
