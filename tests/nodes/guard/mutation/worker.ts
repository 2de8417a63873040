/** Runs test files against one mutant after the other. A separate process: a mutant may never return. */
import { createRequire } from "node:module";
import { Script } from "node:vm";
import { TestFile, TIME_LIMIT } from "./stand-in.js";

export interface Bundle {
  readonly name: string;
  readonly code: string;
}
export type Order =
  | { readonly kind: "load"; readonly bundles: readonly Bundle[] }
  /** The right guard: which test reaches which mutant, and how long each takes. */
  | { readonly kind: "measure"; readonly file: string }
  | {
      readonly kind: "try";
      readonly mutant: number;
      readonly runs: readonly { readonly file: string; readonly tests: Readonly<Record<string, number>> }[];
    };
export interface Measured {
  readonly failure: string | undefined;
  readonly onLoad: readonly number[];
  readonly tests: readonly {
    readonly name: string;
    readonly millis: number;
    readonly reached: readonly number[];
  }[];
}

const scripts = new Map<string, Script>();
const require = createRequire(import.meta.url);
/** What no test awaits, and went wrong. */
let stray: string | undefined;
for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (error: unknown) => {
    stray ??= String(error);
  });

class Switch {
  reached: Set<number> | undefined;
  constructor(private readonly active: number) {}
  is(mutant: number): boolean {
    this.reached?.add(mutant);
    return mutant === this.active;
  }
}

function evaluate(name: string, choice: Switch): TestFile {
  const file = new TestFile();
  const module = { exports: {} };
  const load = (id: string) => (id === "vitest" ? file.vitest : require(id));
  const run = scripts.get(name)?.runInThisContext() as (...args: unknown[]) => void;
  run(module, module.exports, load, choice);
  return file;
}

async function measure(name: string): Promise<Measured> {
  const choice = new Switch(-1);
  choice.reached = new Set();
  const file = evaluate(name, choice);
  const onLoad = [...choice.reached];
  const tests: Measured["tests"][number][] = [];
  const failure = await file.run({
    limitOf: () => 300_000,
    before: () => {
      choice.reached = new Set();
    },
    after: (test, millis) => {
      tests.push({ name: test, millis, reached: [...(choice.reached ?? [])] });
    },
  });
  return { failure: failure ?? stray, onLoad, tests };
}

async function attempt({ mutant, runs }: Extract<Order, { kind: "try" }>): Promise<string | undefined> {
  stray = undefined;
  for (const { file, tests } of runs) {
    try {
      const failure = await evaluate(file, new Switch(mutant)).run({
        wanted: new Set(Object.keys(tests)),
        limitOf: (name) => tests[name] as number,
      });
      if (failure !== undefined) return `${file} ${failure}`;
    } catch (error) {
      return `${file} does not load: ${String(error)}`;
    }
    await new Promise(setImmediate);
    if (stray !== undefined) return `${file}: ${stray}`;
  }
  return undefined;
}

process.on("message", (order: Order) => {
  void (async () => {
    if (order.kind === "load") {
      for (const { name, code } of order.bundles)
        scripts.set(
          name,
          new Script(`(function (module, exports, require, __m) {${code}\n})`, { filename: name }),
        );
      process.send?.({});
    } else if (order.kind === "measure") process.send?.(await measure(order.file));
    else {
      const failure = await attempt(order);
      process.send?.({ failure, isLimit: failure?.endsWith(TIME_LIMIT) ?? false });
    }
  })();
});
