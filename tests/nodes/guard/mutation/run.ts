/**
 * An independent mutation run over `nodes/guard/`: `npm run mutation [decisions | file…]`. Each mutant is one small mistake in the
 * source; the guard's own tests, from cheap to dear, must notice it. The simulators come last, with few series.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { REPO } from "../../../../common/paths.js";
import { EQUIVALENT } from "./equivalent.js";
import { GUARD, keyOf, type Mutant, mutantsOf } from "./mutants.js";
import type { Bundle, Measured, Order } from "./worker.js";

const TESTS = join(REPO, "tests/nodes/guard");
const REPORT = join(REPO, ".mutation/report.json");

/** What only real processes, sockets or machines exercise: the twin and the drills do. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "main.ts": "wires the parts together; the twin and the drills run it",
  "http.ts": "HTTP server for people and health checks; the drills run it",
  "status.ts": "renders the status for people",
  "metrics.ts": "renders metrics",
  "leader/leader-status.ts": "renders the status for people",
  "region/region-status.ts": "renders the status for people",
  "shared/tls.ts": "adapter of Node's TLS",
  "shared/etcd.ts": "adapter of etcd's HTTP interface; the twin tests it against a real etcd",
  "shared/processes.ts": "adapter of child processes",
  "shared/log.ts": "writes the log",
  "shared/config.ts": "types only",
  "shared/kernel.ts": "adapter of the kernel helper; the twin tests it against a real kernel",
  "shared/postgres.ts": "adapter of psql; real processes take too long for each mutant",
  "leader/patroni.ts": "adapter of Patroni's HTTP interface; the twin runs it",
  "leader/timelines.ts": "adapter of Patroni's HTTP interface; the twin runs it",
  "region/dynamodb.ts": "adapter of DynamoDB; the twin tests it against an emulated table",
  "region/credentials.ts": "adapter of AWS's credentials",
  "region/endpoints.ts": "adapter of AWS's endpoints",
  "region/slots.ts": "SQL for PostgreSQL's slots; the drills run it",
  "region/log-order.ts": "opens etcd for an operator's command; the twin runs it",
};

/** The decisions, and the shells and keys around them: every mutant that survives must be in the list of equivalent ones. */
export const STRICT = [
  "leader/guard.ts",
  "leader/leader-decision.ts",
  "leader/leader-keys.ts",
  "leader/picture.ts",
  "leader/succession.ts",
  "region/actions.ts",
  "region/claims.ts",
  "region/cut-over.ts",
  "region/diverged.ts",
  "region/lag.ts",
  "region/log-end.ts",
  "region/own-data.ts",
  "region/region.ts",
  "region/region-decision.ts",
  "region/region-keys.ts",
  "region/standby-cluster.ts",
  "region/lead.ts",
  "region/yield.ts",
  "region/learn.ts",
  "region/region-lease.ts",
  "region/ticket.ts",
  "region/log-history.ts",
];

/** On real time, or with many random cases: for what no cheap test notices. */
const SLOW = [
  "leader/switchover.test.ts",
  "region/claimed-without-data.test.ts",
  "region/claims-cross.test.ts",
  "region/held-up.test.ts",
  "region/lesser-leader.test.ts",
];
/** Last, on virtual time, with few series. */
const SIMULATED = { leader: ["leader/leader-safety.test.ts"], region: ["region/safety/part-1.test.ts"] };
const RIGHT_GUARDS = "mutation/right-guards.ts";
const NOT_RUN = [
  "leader/leader-mutants.test.ts",
  "region/region-mutants.test.ts",
  "mutation/shell-mutants.test.ts",
  // Other series of what `SIMULATED` plays, and the same series twice.
  ...["part-2", "part-3", "part-4"].map((part) => `region/safety/${part}.test.ts`),
  "region/repeatable.test.ts",
  "http.test.ts",
  "metrics.test.ts",
  "shared/clock.test.ts",
  "shared/postgres.test.ts",
];

const started = Date.now();
const say = (text: string) =>
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(0)} s ${text}\n`);

/** Series of each simulator. */
process.env.GUARD_RUNS = process.env.GUARD_RUNS ?? "25";

const texts = new Map<string, string>();
const mutants: Mutant[] = [];
const names = process.argv.slice(2);
const asked = names[0] === "decisions" ? STRICT : names;
const files = globSync("**/*.ts", { cwd: GUARD })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !(file in LEFT_OUT) && (asked.length === 0 || asked.includes(file)))
  .sort();
for (const file of files) {
  const { text, mutants: found } = mutantsOf(file, mutants.length);
  if (found.length === 0) continue;
  texts.set(join(GUARD, file), text);
  mutants.push(...found);
}

const mutated: Plugin = {
  name: "mutated",
  setup: ({ onLoad }) => {
    onLoad({ filter: /nodes.guard.*\.ts$/ }, ({ path }) => {
      const contents = texts.get(path);
      return contents === undefined ? undefined : { contents, loader: "ts" };
    });
  },
};
const bundle = async (name: string): Promise<Bundle> => {
  const { outputFiles } = await build({
    absWorkingDir: REPO,
    entryPoints: [join(TESTS, name)],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node22",
    packages: "external",
    logLevel: "error",
    define: { "import.meta.url": JSON.stringify(pathToFileURL(join(REPO, "common/paths.ts"))) },
    plugins: [mutated],
  });
  return { name, code: (outputFiles[0] as { text: string }).text };
};

const cheap = globSync("**/*.test.ts", { cwd: TESTS }).filter(
  (name) => ![...NOT_RUN, ...SLOW, ...Object.values(SIMULATED).flat()].includes(name),
);
const dear = [...SLOW, ...Object.values(SIMULATED).flat(), RIGHT_GUARDS];
const isCheapOnly = process.env.MUTATION_CHEAP !== undefined;
const bundles = await Promise.all([...cheap, ...(isCheapOnly ? [] : dear)].map(bundle));
say(
  `${mutants.length} mutants of ${texts.size} files; ${cheap.length} test files and ${dear.length} simulations`,
);

class Worker {
  private child: ChildProcess | undefined;
  private async start(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, "worker.ts"), {
      execArgv: ["--import", "tsx", "--max-old-space-size=1500"],
      stdio: ["ignore", "ignore", process.env.MUTATION_DEBUG ? "inherit" : "ignore", "ipc"],
    });
    child.send({ kind: "load", bundles } satisfies Order);
    await once(child, "message");
    return child;
  }
  /** @returns undefined when it did not answer in time, or died */
  async ask<T>(order: Order, limitMillis: number): Promise<T | undefined> {
    const child = this.child ?? (await this.start());
    this.child = child;
    const answer = await new Promise<T | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), limitMillis);
      const settle = (value: T | undefined) => {
        clearTimeout(timer);
        child.off("message", settle).off("exit", onExit);
        resolve(value);
      };
      const onExit = () => settle(undefined);
      child.on("message", settle).on("exit", onExit);
      child.send(order);
    });
    if (answer === undefined) this.stop();
    return answer;
  }
  stop(): void {
    this.child?.removeAllListeners();
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }
}

const worker = new Worker();
const measured = new Map<string, Measured>();
for (const { name } of bundles) {
  const ask = () => worker.ask<Measured>({ kind: "measure", file: name }, 600_000);
  let result = await ask();
  // Some run on real time: a busy host is given a second chance.
  if (!result || result.failure !== undefined) result = await ask();
  if (!result || result.failure !== undefined)
    throw new Error(`${name} fails with the right guard: ${result?.failure}`);
  measured.set(name, result);
  say(
    `${name}: ${result.tests.length} tests in ${result.tests.reduce((sum, { millis }) => sum + millis, 0).toFixed(0)} ms`,
  );
}

/**
 * Tests that reach a mutant, the cheapest file first. A constant is evaluated while a file is loaded: it concerns each
 * test that reaches anything else in the constant's file.
 */
function runsFor(mutant: Mutant, names: readonly string[]): Extract<Order, { kind: "try" }>["runs"] {
  const ofFile = new Set(mutants.filter(({ file }) => file === mutant.file).map(({ id }) => id));
  return names
    .map((file) => {
      const { onLoad, tests } = measured.get(file) as Measured;
      const isConstant = onLoad.includes(mutant.id);
      const reaching = tests.filter(({ reached }) =>
        isConstant ? reached.some((id) => ofFile.has(id)) : reached.includes(mutant.id),
      );
      const millis = reaching.reduce((sum, test) => sum + test.millis, 0);
      return {
        file,
        millis,
        tests: Object.fromEntries(reaching.map((test) => [test.name, 2_000 + 8 * test.millis])),
      };
    })
    .filter(({ tests }) => Object.keys(tests).length > 0)
    .sort((a, b) => a.millis - b.millis)
    .map(({ file, tests }) => ({ file, tests }));
}

type Fate = "killed" | "time limit" | "survived" | "equivalent" | "not reached";
interface Outcome extends Mutant {
  readonly fate: Fate;
  readonly by?: string;
}

async function attempt(mutant: Mutant, names: readonly string[]): Promise<Outcome> {
  const runs = runsFor(mutant, names);
  if (runs.length === 0) return { ...mutant, fate: "not reached" };
  const limits = runs.flatMap(({ tests }) => Object.values(tests)).reduce((sum, each) => sum + each, 0);
  const answer = await worker.ask<{ failure?: string; isLimit: boolean }>(
    { kind: "try", mutant: mutant.id, runs },
    Math.min(limits, 120_000),
  );
  if (!answer || answer.isLimit) return { ...mutant, fate: "time limit", by: answer?.failure };
  return answer.failure === undefined
    ? { ...mutant, fate: "survived" }
    : { ...mutant, fate: "killed", by: answer.failure };
}

const outcomes: Outcome[] = [];
const fatesBy = (file: string) => {
  const of = (...fates: Fate[]) =>
    outcomes.filter((one) => one.file === file && fates.includes(one.fate)).length;
  return { file, killed: of("killed", "time limit"), survived: of("survived", "not reached", "equivalent") };
};
for (const file of files) {
  const own = mutants.filter((one) => one.file === file);
  for (const mutant of own) {
    const since = Date.now();
    const outcome = await attempt(mutant, cheap);
    outcomes.push(outcome);
    if (process.env.MUTATION_DEBUG)
      say(`${Date.now() - since} ms ${outcome.fate} ${keyOf(outcome)} ${outcome.by ?? ""}`);
  }
  const { killed, survived } = fatesBy(file);
  say(`${file}: ${own.length} mutants, ${killed} noticed by cheap tests, ${survived} left`);
}
if (!isCheapOnly) {
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.fate !== "survived" && outcome.fate !== "not reached") continue;
    if (EQUIVALENT[keyOf(outcome)] !== undefined) continue;
    const half = outcome.file.startsWith("leader/") ? SIMULATED.leader : SIMULATED.region;
    const found = await attempt(outcome, [...SLOW, ...half, RIGHT_GUARDS]);
    if (found.fate !== "not reached") outcomes[at] = found;
  }
  say("simulations done");
}
worker.stop();

const final = outcomes.map(
  (one): Outcome =>
    (one.fate === "survived" || one.fate === "not reached") && EQUIVALENT[keyOf(one)] !== undefined
      ? { ...one, fate: "equivalent" }
      : one,
);
const count = (fate: Fate, file?: string) =>
  final.filter((one) => one.fate === fate && (file === undefined || one.file === file)).length;
mkdirSync(dirname(REPORT), { recursive: true });
writeFileSync(
  REPORT,
  JSON.stringify(
    final.map((one) => ({ key: keyOf(one), ...one })),
    undefined,
    1,
  ),
);

const row = (name: string, file?: string) => {
  const total = final.filter((one) => file === undefined || one.file === file).length;
  const killed = count("killed", file) + count("time limit", file);
  const left = count("survived", file) + count("not reached", file);
  return `| ${name} | ${total} | ${killed} | ${count("equivalent", file)} | ${left} | ${((100 * killed) / total).toFixed(1)} % |`;
};
const lines = [
  "| file | mutants | killed | equivalent | not explained | kill rate |",
  "|-|-|-|-|-|-|",
  ...files.filter((file) => final.some((one) => one.file === file)).map((file) => row(file, file)),
  row("all"),
];
process.stdout.write(`${lines.join("\n")}\n\n${count("time limit")} of the killed ones by a time limit.\n`);
const unexplained = final.filter(
  ({ file, fate }) => STRICT.includes(file) && (fate === "survived" || fate === "not reached"),
);
const made = new Set(mutants.map(keyOf));
const stale = Object.keys(EQUIVALENT).filter(
  (key) => files.some((file) => key.startsWith(`${file} `)) && !made.has(key),
);
for (const one of final)
  if (one.fate === "survived" || one.fate === "not reached")
    process.stdout.write(`${one.fate}: nodes/guard/${one.file}:${one.line} ${keyOf(one)}\n`);
for (const key of stale)
  process.stdout.write(`the list of equivalent mutants has one that is not made: ${key}\n`);
process.stdout.write(
  `survivors not explained in the decisions: ${unexplained.length} (report: ${relative(REPO, REPORT)})\n`,
);
say("done");
process.exit(unexplained.length + stale.length > 0 ? 1 : 0);
