/** `dr`: one command line for people. */
import { program } from "./program.js";
import { reportAndExit } from "./report.js";

const dr = program();

// The one place that reports errors. While a program runs, Pulumi listens too and ends the run cleanly: an exit here
// would leave its engine running.
for (const event of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(event, (error: unknown) => {
    if (process.listenerCount(event) === 1) reportAndExit(error, dr.opts().debug);
  });
}

try {
  await dr.parseAsync();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  reportAndExit(error, dr.opts().debug);
}
