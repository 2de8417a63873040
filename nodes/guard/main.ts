/**
 * Entry of the bundle: `guard.cjs run FILE`, `guard.cjs status [FILE]`, `guard.cjs switchover [CANDIDATE] [FILE]`, and for
 * a cut-over to restored data `log-state` and `forget-log STAMP EPOCH`.
 */
import { existsSync, readFileSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request as requestOrder } from "node:http";
import { request as requestStatus } from "node:https";
import { dirname, join } from "node:path";
import { GUARD_CONFIG_FILE, IMAGE_PATHS } from "../layout.js";
import { serveOrders, serveStatus } from "./http.js";
import { Guard } from "./leader/guard.js";
import { Patroni } from "./leader/patroni.js";
import { switchover } from "./leader/switchover.js";
import { publishMetrics } from "./metrics.js";
import { Claims } from "./region/claims.js";
import { logOrderOf } from "./region/cut-over.js";
import { claimEndpoints } from "./region/endpoints.js";
import { Keeper, keeperPorts } from "./region/keeper.js";
import { PostgresLog } from "./region/local-log.js";
import { orderLog } from "./region/log-order.js";
import { Region, SHUT_GATE } from "./region/region.js";
import { UnexpectedClaims } from "./region/unexpected-claims.js";
import { MACHINE_CLOCK } from "./shared/clock.js";
import type { GuardConfig } from "./shared/config.js";
import { Etcd } from "./shared/etcd.js";
import { Kernel } from "./shared/kernel.js";
import { log } from "./shared/log.js";
import { patroniRuns } from "./shared/processes.js";
import { guardStatus } from "./status.js";

/** The checkpoint before a switchover may take long. */
const SWITCHOVER_MILLIS = 150_000;
const STATUS_MILLIS = 10_000;

const CRASH_MILLIS = 1000;
/** In memory: a reboot clears it, together with everything that Patroni has read. */
const ADMITTED_FILE = `${IMAGE_PATHS.run}/patroni-admitted`;
const ORDERS_SOCKET = `${IMAGE_PATHS.run}/guard/orders`;

const readConfig = (file: string) => JSON.parse(readFileSync(file, "utf8")) as GuardConfig;

async function main([command, ...args]: string[]): Promise<void> {
  const isFile = (arg: string | undefined) => arg?.startsWith("/") === true;
  const config = readConfig(args.find(isFile) ?? GUARD_CONFIG_FILE);
  const order = logOrderOf(
    command,
    args.filter((arg) => !isFile(arg)),
  );
  if (order) {
    process.stdout.write(`${JSON.stringify(await orderLog(config, order))}\n`);
    return;
  }
  switch (command) {
    case "run":
      return run(config);
    case "status":
      return ask((use) =>
        requestStatus(
          {
            ...{ host: "127.0.0.1", port: config.ports.guard, path: "/status" },
            ...{ ca: readFileSync(config.tls.authority), signal: AbortSignal.timeout(STATUS_MILLIS) },
          },
          use,
        ),
      );
    case "switchover": {
      const candidate = args.find((arg) => !isFile(arg));
      const signal = AbortSignal.timeout(SWITCHOVER_MILLIS);
      return ask(
        (use) =>
          requestOrder({ socketPath: ORDERS_SOCKET, method: "POST", path: "/switchover", signal }, use),
        { candidate },
      );
    }
    default:
      throw new Error(
        `unknown command: '${command ?? ""}'. Use run, status, switchover, log-state or forget-log`,
      );
  }
}

async function run(config: GuardConfig): Promise<void> {
  const etcd = new Etcd({
    endpoints: config.etcd,
    timeoutMillis: config.leaderLease.timeoutMillis,
    tls: config.tls,
  });
  const patroni = new Patroni(config);
  const clock = MACHINE_CLOCK;
  const kernel = new Kernel(join(dirname(process.argv[1] as string), "lease.py"), ADMITTED_FILE);
  const guard = new Guard(
    config,
    { clock, etcd, patroni, kernel, log },
    // Patroni starts together with a machine's first guard: the kernel hasn't let it read anything by then.
    { patroniIsOlder: patroniRuns() && existsSync(ADMITTED_FILE), gate: SHUT_GATE },
  );
  const claims = new Claims({ ...config.region, endpoints: claimEndpoints(config.region.endpoints) });
  const region = new Region(guard, {
    clock,
    claims,
    postgres: new PostgresLog(config.dataDirectory),
    log,
  });
  const keeper = new Keeper(region, keeperPorts(config));
  serveStatus({
    tls: config.tls,
    port: config.ports.guard,
    isActive: () => guard.isActive,
    status: () => guardStatus(guard, region),
  });
  serveOrders(ORDERS_SOCKET, (candidate) => switchover(guard, patroni, candidate));
  const unexpectedClaims = new UnexpectedClaims(claims, log);
  unexpectedClaims.start();
  publishMetrics(guard, region, unexpectedClaims);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void guard.stop().finally(() => process.exit(0)));
  }
  // After a crash the kernel's timeout closes the port in any case. Unhandled rejections come here too.
  const crash = (error: unknown) => {
    log("crashed", { error: error instanceof Error ? error.stack : String(error) });
    void guard.stop().finally(() => process.exit(1));
    // The kernel's helper may hang as well.
    setTimeout(() => process.exit(1), CRASH_MILLIS);
  };
  process.on("uncaughtException", crash);
  // Otherwise the HTTPS port alone would keep the process alive without its loops.
  await Promise.race([guard.run(), region.run(), keeper.run()]).catch(crash);
}

/** Sends a request to the guard that runs on this node, and prints its answer. */
function ask(
  open: (use: (incoming: IncomingMessage) => void) => ClientRequest,
  body?: unknown,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = open((incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => {
        process.stdout.write(text);
        if (incoming.statusCode !== 200) process.exitCode = 1;
        resolve();
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`guard: ${error.message}\n`);
  process.exitCode = 1;
});
