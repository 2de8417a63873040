/** The installed Pulumi SDKs, found from the checkout: the bundled provider may run from elsewhere. */
import { createRequire } from "node:module";
import { join } from "node:path";

// Set by the bundler (`engine/launchers.ts`).
const repo = process.env.DR_REPO;
const require = createRequire(repo ? join(repo, "package.json") : import.meta.url);

export const sdkVersion = (pkg: string): string =>
  (require(`@pulumi/${pkg}/package.json`) as { version: string }).version;

/** Path of a package's folder. */
export const sdkRoot = (pkg: string): string =>
  require.resolve(`@pulumi/${pkg}/package.json`).replace(/package\.json$/, "");
