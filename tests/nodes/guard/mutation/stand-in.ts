/** What test files import from vitest, as far as those of the guard need it: for hundreds of short runs in one process. */
import { isDeepStrictEqual } from "node:util";
import { expect as vitestExpect } from "vitest";

type Work = (...args: never[]) => unknown;
interface Suite {
  readonly beforeAll: Work[];
  readonly afterAll: Work[];
  readonly beforeEach: Work[];
  readonly afterEach: Work[];
  readonly parent: Suite | undefined;
  readonly name: string;
}
interface Test {
  readonly name: string;
  readonly suite: Suite;
  readonly work: () => unknown;
}
const suiteOf = (name: string, parent?: Suite): Suite => ({
  name,
  parent,
  beforeAll: [],
  afterAll: [],
  beforeEach: [],
  afterEach: [],
});
const pathOf = (suite: Suite): readonly Suite[] =>
  suite.parent ? [...pathOf(suite.parent), suite] : [suite];

const poll = (value: () => unknown) => ({
  toBe: async (expected: unknown) => {
    for (let i = 0; i < 200 && !isDeepStrictEqual(value(), expected); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    vitestExpect(value()).toBe(expected);
  },
});

/** Vitest's own `expect`, but for `poll`, which wants a run of Vitest's. */
const expect = new Proxy(vitestExpect, {
  get: (target, name) => (name === "poll" ? poll : Reflect.get(target, name)),
});

/** One file's tests. */
export class TestFile {
  readonly tests: Test[] = [];
  private suite = suiteOf("");
  private readonly suites = [this.suite];

  readonly vitest = {
    expect,
    describe: Object.assign((name: string, work: () => void) => this.describe(name, work), {
      each: this.each((name, _options, work) => this.describe(name, work as () => void)),
    }),
    test: Object.assign(
      (name: string, ...rest: unknown[]) => this.test(name, rest.find(isWork) as () => unknown),
      {
        each: this.each((name, _options, work) => this.test(name, work)),
      },
    ),
    beforeAll: (work: Work) => void this.suite.beforeAll.push(work),
    afterAll: (work: Work) => void this.suite.afterAll.push(work),
    beforeEach: (work: Work) => void this.suite.beforeEach.push(work),
    afterEach: (work: Work) => void this.suite.afterEach.push(work),
  };

  private describe(name: string, work: () => void): void {
    const before = this.suite;
    this.suite = suiteOf(name, before);
    this.suites.push(this.suite);
    work();
    this.suite = before;
  }
  private test(name: string, work: () => unknown): void {
    this.tests.push({ name: `${this.tests.length} ${name}`, suite: this.suite, work });
  }
  private each(make: (name: string, options: unknown, work: () => unknown) => void) {
    return (table: readonly unknown[]) =>
      (name: string, ...rest: unknown[]) => {
        const work = rest.find(isWork) as (...args: unknown[]) => unknown;
        for (const row of table) make(name, undefined, () => work(...(Array.isArray(row) ? row : [row])));
      };
  }

  /** @param wanted names of tests; all when left out @returns the first failure */
  async run(options: {
    readonly wanted?: ReadonlySet<string>;
    readonly limitOf: (name: string) => number;
    readonly before?: (name: string) => void;
    readonly after?: (name: string, millis: number) => void;
  }): Promise<string | undefined> {
    const isWanted = ({ name }: Test) => options.wanted?.has(name) ?? true;
    const chosen = this.tests.filter(isWanted);
    const started = new Set<Suite>();
    let failure: string | undefined;
    for (const { name, suite, work } of chosen) {
      options.before?.(name);
      const since = performance.now();
      const path = pathOf(suite);
      const play = async () => {
        for (const each of path) {
          if (started.has(each)) continue;
          started.add(each);
          for (const hook of each.beforeAll) await hook();
        }
        const teardowns: unknown[] = [];
        for (const each of path) for (const hook of each.beforeEach) teardowns.push(await hook());
        try {
          await work();
        } finally {
          for (const each of path.toReversed()) for (const hook of each.afterEach.toReversed()) await hook();
          for (const each of teardowns) if (typeof each === "function") await each();
        }
      };
      failure = await within(options.limitOf(name), play()).then(
        () => undefined,
        (error: unknown) =>
          `${name}: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`,
      );
      options.after?.(name, performance.now() - since);
      if (failure !== undefined) break;
    }
    for (const each of this.suites)
      if (started.has(each) || each.parent === undefined)
        for (const hook of each.afterAll) await within(2_000, Promise.resolve(hook())).catch(() => {});
    return failure;
  }
}

const isWork = (each: unknown): boolean => typeof each === "function";

export const TIME_LIMIT = "time limit";
async function within(millis: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(TIME_LIMIT)), millis);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
