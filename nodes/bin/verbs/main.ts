/**
 * Entry of the bundle: `dr.cjs <verb> [arguments]`. The machines' programs `dr-<verb>` call it.
 */
import { beginCluster } from "./begin-cluster.js";
import { checkVault } from "./check-vault.js";
import { cutOver } from "./cut-over.js";
import { logins } from "./logins.js";
import { reconcile } from "./reconcile.js";
import { saveDiverged } from "./save-diverged.js";
import { Usage } from "./verb.js";

/** @returns the process's exit code */
type Verb = (args: readonly string[]) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = {
  "begin-cluster": beginCluster,
  "check-vault": checkVault,
  "cut-over": cutOver,
  logins,
  reconcile,
  "save-diverged": saveDiverged,
};

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!verb) {
    process.stderr.write(`unknown verb '${name}'; the verbs are ${Object.keys(VERBS).join(", ")}\n`);
    return 2;
  }
  try {
    return await verb(args);
  } catch (error) {
    if (error instanceof Usage) {
      process.stderr.write(`${error.message}\n`);
      return error.code;
    }
    // A bug needs its stack trace.
    const isBug = error instanceof TypeError || error instanceof RangeError;
    const { message, stack } = error as Error;
    process.stderr.write(`dr-${name}: ${isBug ? stack : message}\n`);
    return 1;
  }
}

// Exits explicitly: an open keep-alive socket would delay the exit.
void main(process.argv.slice(2)).then((code) => process.exit(code));
