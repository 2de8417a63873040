/**
 * Pulumi's engine: the one on PATH when its version is supported, else built once from its published Go
 * modules (versions in `go.mod` and `language-host/go.mod`, checked by `go.sum`).
 */
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../../common/errors.js";
import { cacheDir, exists, REPO } from "../../../common/paths.js";
import type { Progress } from "../../../common/progress.js";

/** The engine that is built, exactly. */
export const ENGINE_VERSION = "3.276.0";
/** The language host that the plain command line needs; it runs today's ES module programs. */
const LANGUAGE_HOST_VERSION = "3.68.0";
/** Versions of a `pulumi` on PATH that are used as they are. */
const SUPPORTED = { least: [3, 220, 0], below: [4, 0, 0] } as const;
const GO_LEAST = [1, 26, 6] as const;

export interface Engine {
  /** Folder whose `bin/` holds the `pulumi` executable. */
  readonly root: string;
  readonly version: string;
  readonly origin: "path" | "built";
}

/** @throws UserError when there is no engine and none can be built. */
export async function findEngine(progress: Progress): Promise<Engine> {
  return (await engineOnPath(progress)) ?? (await builtEngine(progress));
}

async function engineOnPath(progress: Progress): Promise<Engine | undefined> {
  const found = await execa("sh", ["-c", "command -v pulumi && pulumi version"], {
    reject: false,
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  const [path, version] = found.stdout.trim().split("\n");
  if (found.exitCode !== 0 || !path || !version) return undefined;
  const numbers = version.replace(/^v/, "").split(/[.-]/).slice(0, 3).map(Number);
  if (compare(numbers, SUPPORTED.least) < 0 || compare(numbers, SUPPORTED.below) >= 0) {
    progress.note(
      `pulumi ${version} on PATH is not used: supported are ${SUPPORTED.least.join(".")} up to, not including, ${SUPPORTED.below.join(".")}`,
    );
    return undefined;
  }
  const bin = dirname(path);
  if (!bin.endsWith("/bin")) {
    progress.note(
      `pulumi ${version} on PATH is not used: it is in ${bin}, and the Automation API looks in a bin folder`,
    );
    return undefined;
  }
  return { root: dirname(bin), version: version.replace(/^v/, ""), origin: "path" };
}

async function builtEngine(progress: Progress): Promise<Engine> {
  const root = join(cacheDir(), `engine-${ENGINE_VERSION}`);
  await buildOnce({
    what: `Pulumi's engine ${ENGINE_VERSION}`,
    takes: "about 6 minutes on 2 cores",
    module: join(REPO, "lab/sandbox/engine"),
    pkg: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    // Without a version the Automation API refuses the engine.
    ldflags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${ENGINE_VERSION}`,
    output: join(root, "bin/pulumi"),
    progress,
  });
  return { root, version: ENGINE_VERSION, origin: "built" };
}

/** Folder with Node's language host, for the plain command line. Kept off the inline path, where it can't run policy packs. */
export async function languageHost(progress: Progress): Promise<string> {
  const root = join(cacheDir(), `language-host-${LANGUAGE_HOST_VERSION}`);
  await buildOnce({
    what: `Pulumi's language host ${LANGUAGE_HOST_VERSION}`,
    takes: "about 20 seconds",
    module: join(REPO, "lab/sandbox/engine/language-host"),
    pkg: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    ldflags: "-s -w",
    output: join(root, "bin/pulumi-language-nodejs"),
    progress,
  });
  return join(root, "bin");
}

interface Build {
  readonly what: string;
  readonly takes: string;
  readonly module: string;
  readonly pkg: string;
  readonly ldflags: string;
  readonly output: string;
  readonly progress: Progress;
}

async function buildOnce({ what, takes, module, pkg, ldflags, output, progress }: Build): Promise<void> {
  if (await exists(output)) return;
  await requireGo(what);
  // Built elsewhere and moved into place, so that a build cut short never looks finished.
  const scratch = `${output}.${process.pid}`;
  await mkdir(dirname(output), { recursive: true });
  await progress.during(`build ${what} from its Go modules, once, ${takes}`, async () => {
    const copy = `${scratch}.module`;
    await mkdir(copy, { recursive: true });
    for (const file of ["go.mod", "go.sum"]) await cp(join(module, file), join(copy, file));
    try {
      await execa("go", ["build", "-mod=readonly", "-ldflags", ldflags, "-o", scratch, pkg], {
        cwd: copy,
        env: { GOFLAGS: "", GOWORK: "off", CGO_ENABLED: "0" },
      });
      await rename(scratch, output);
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new UserError(
        `${what} could not be built`,
        lastLines(stderr ?? String(error)),
        "see that the Go module proxy can be reached (go env GOPROXY) and run the command again",
      );
    } finally {
      await rm(copy, { recursive: true, force: true });
      await rm(scratch, { force: true });
    }
  });
}

async function requireGo(what: string): Promise<void> {
  const go = await execa("go", ["env", "GOVERSION"], { reject: false });
  const remedy = `install Go ${GO_LEAST.join(".")} or newer, or Pulumi ${SUPPORTED.least.join(".")} or newer, so that it is on PATH`;
  if (go.failed) {
    throw new UserError(
      "neither pulumi nor go is on PATH",
      `${what} has to be built from its Go modules.`,
      remedy,
    );
  }
  const numbers = go.stdout.replace(/^go/, "").split(".").map(Number);
  if (compare(numbers, GO_LEAST) < 0) {
    throw new UserError(`${go.stdout} on PATH is too old`, `${what} needs Go ${GO_LEAST.join(".")}.`, remedy);
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-4).join("\n  ");
