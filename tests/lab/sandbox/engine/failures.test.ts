/** Bad input and bad luck: one clear message each, state intact, nothing left running, and the next run repairs. */
import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../../../common/errors.js";
import { REPO } from "../../../../common/paths.js";
import { runningEmulator, stopEmulator } from "../../../../lab/sandbox/emulator/emulator.js";
import { lockHolders } from "../../../../lab/sandbox/locks.js";
import { setConfig, syncProject } from "../../../../lab/sandbox/project.js";
import { Sandbox } from "../../../../lab/sandbox/sandbox.js";
import { type Change, OperationFailed } from "../../../../operations/engine/events.js";
import { quiet } from "../../../support/quiet.js";
import { withTemporaryDir } from "../../support/temporary-dir.js";

const temporary = withTemporaryDir();
let dir: string;

const dr = (args: string[], env: Record<string, string> = {}) =>
  execa(process.execPath, [join(REPO, "cli/dr.mjs"), ...args], {
    reject: false,
    env: { DR_SANDBOX_DIR: dir, DR_SANDBOX_PORT: "0", NO_COLOR: "1", ...env },
  });

function freshSandboxEach() {
  beforeEach(async () => {
    dir = await temporary.enter();
  });
  afterEach(() => temporary.leave());
}

const STACK_TRACE = /\n\s+at .*[:(]\d+/;
const open = () => Sandbox.open(quiet(), 0);

describe("the command line", () => {
  freshSandboxEach();

  test("an unknown stack", async () => {
    const { exitCode, stderr } = await dr(["sandbox", "up", "staging"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /stack 'staging' is not one of this project's[\s\S]*use one of copy, global, prod, dr, link/,
    );
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(await readdir(dir)).toEqual([]);
  });

  test("an unknown verb", async () => {
    const { exitCode, stderr } = await dr(["sandbocks"]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/unknown command 'sandbocks'/);
  });

  test("bad settings: all of them in one message, before anything is touched", async () => {
    await syncProject();
    await setConfig("prod", "database", "{ voters: 4, volumeGib: 1 }");
    await setConfig("prod", "epoch", "2");
    const { exitCode, stderr } = await dr(["sandbox", "up", "prod"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("stack 'prod' has 3 bad settings");
    for (const key of ["database.voters = 4", "database.volumeGib = 1", "epoch = 2"])
      expect(stderr).toContain(key);
    expect(stderr).not.toMatch(STACK_TRACE);
  });

  test("a setting that can't stand is refused at once, and nothing is set", async () => {
    const { exitCode, stderr } = await dr(["sandbox", "config", "dr", "epoch", "3"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/epoch = 3[\s\S]*are even[\s\S]*use 4/);
    expect((await dr(["sandbox", "config", "dr", "epoch"])).stdout).toBe("epoch: 0");
    expect((await dr(["sandbox", "config", "dr", "epohc", "4"])).stderr).toContain("did you mean epoch?");
  });

  test("a setting of the sandbox is shown and taken back", async () => {
    await dr(["sandbox", "config", "dr", "epoch", "2"]);
    expect((await dr(["sandbox", "config", "dr", "epoch"])).stdout).toBe("epoch: 2");
    await dr(["sandbox", "config", "dr", "epoch", "--unset"]);
    expect((await dr(["sandbox", "config", "dr", "epoch"])).stdout).toBe("epoch: 0");
  });

  test("a region before global", async () => {
    const { exitCode, stderr } = await dr(["sandbox", "up", "prod"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/'\/drs\/handoff' can't be read in eu-west-1[\s\S]*deploy stack global first/);
    expect(stderr).not.toMatch(STACK_TRACE);
  });
});

describe("the machine", () => {
  freshSandboxEach();
  let server: Server | undefined;
  afterEach(() => server?.close());

  test("a taken port", async () => {
    const taken = createServer();
    server = taken;
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const { exitCode, stderr } = await dr(["sandbox", "start"], { DR_SANDBOX_PORT: String(port) });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken[\\s\\S]*DR_SANDBOX_PORT`));
    expect(await runningEmulator()).toBeUndefined();
  });

  test("a port that is no port", async () => {
    const { exitCode, stderr } = await dr(["sandbox", "start"], { DR_SANDBOX_PORT: "http" });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/DR_SANDBOX_PORT = http/);
    expect(stderr).not.toMatch(STACK_TRACE);
  });

  /** A PATH with `sh` and what a test puts there. */
  async function poorPath(tools: Record<string, string>): Promise<string> {
    const bin = join(dir, "poor");
    await mkdir(bin, { recursive: true });
    await symlink("/bin/sh", join(bin, "sh"));
    for (const [name, script] of Object.entries(tools)) {
      await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(bin, name), 0o755);
    }
    return bin;
  }
  const emptyCache = () => join(tmpdir(), `dr-no-cache-${process.pid}`);

  test("neither pulumi nor Go", async () => {
    const { exitCode, stderr } = await dr(["sandbox", "install"], {
      PATH: await poorPath({}),
      XDG_CACHE_HOME: emptyCache(),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/neither pulumi nor go is on PATH[\s\S]*install Go 1\.26\.6 or newer, or Pulumi/);
    expect(stderr).not.toMatch(STACK_TRACE);
  });

  test("a Go too old", async () => {
    const PATH = await poorPath({ go: "echo go1.20.3" });
    const { stderr } = await dr(["sandbox", "install"], { PATH, XDG_CACHE_HOME: emptyCache() });
    expect(stderr).toMatch(/go1\.20\.3 on PATH is too old[\s\S]*Go 1\.26/);
  });

  test("a pulumi too old is not used, and that is said", async () => {
    const PATH = await poorPath({ pulumi: "echo v3.100.0" });
    const { stderr } = await dr(["sandbox", "install"], { PATH, XDG_CACHE_HOME: emptyCache() });
    expect(stderr).toMatch(/pulumi v3\.100\.0 on PATH is not used: supported are 3\.220\.0/);
    expect(stderr).toMatch(/go is on PATH|neither/);
  });
});

/**
 * In the order of a life: each test goes on with the sandbox that the one before it left. Policies are off: what they
 * refuse is in policies.test.ts.
 */
describe("bad luck", () => {
  const withoutPolicies = { policies: false };
  beforeAll(async () => {
    dir = await temporary.enter();
  });
  afterAll(() => temporary.leave());

  /** `dr sandbox up global` in its own process group, once the engine announces resources and so holds the lock. */
  async function upUnderWay() {
    const child = execa(process.execPath, [join(REPO, "cli/dr.mjs"), "sandbox", "up", "global"], {
      reject: false,
      detached: true,
      env: { DR_SANDBOX_DIR: dir, DR_SANDBOX_PORT: "0", NO_COLOR: "1" },
    });
    await new Promise<void>((resolve) =>
      child.stderr?.on("data", (text) => /create .*Zone/.test(String(text)) && resolve()),
    );
    return { child, signal: (name: NodeJS.Signals) => process.kill(-(child.pid as number), name) };
  }

  /** Deploys what is missing, and proves that nothing is left to do. */
  async function upTwice(sandbox: Sandbox): Promise<readonly Change[]> {
    const { changes } = await sandbox.up("global", withoutPolicies);
    expect((await sandbox.up("global", withoutPolicies)).changes).toEqual([]);
    return changes;
  }

  test("two runs on one stack: the second names the holder of the lock", async () => {
    const sandbox = await open();
    let end = () => {};
    const refused = new Promise<void>((resolve) => {
      end = resolve;
    });
    const first = sandbox.up("link", { ...withoutPolicies, program: () => refused });
    try {
      await expect.poll(() => lockHolders("link"), { timeout: 30_000 }).toHaveLength(1);
      const { exitCode, stderr } = await dr(["sandbox", "up", "link"]);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/stack 'link' is being worked on by process \d+[\s\S]*wait for the other run/);
    } finally {
      end();
    }
    expect((await first).changes.map(({ type }) => type)).toEqual(["pulumi:pulumi:Stack"]);
  });

  test("Ctrl-C: the engine ends in good order, and the same command goes on", async () => {
    const { child, signal } = await upUnderWay();
    // A terminal sends it to the whole group.
    signal("SIGINT");
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/up of stack 'global' was interrupted[\s\S]*run the same command again/);
    const before = await runningEmulator();
    const sandbox = await open();
    // What it held is still there: no lock, no new emulator.
    expect(sandbox.emulator.bootId).toBe(before?.bootId);
    await upTwice(sandbox);
  });

  test("a refused change leaves the state as it was", async () => {
    const sandbox = await open();
    const resources = async () => (await sandbox.state("global")).deployment.resources.length;
    const before = await resources();
    await setConfig("global", "domain", "not a domain");
    await expect(sandbox.up("global", withoutPolicies)).rejects.toBeInstanceOf(OperationFailed);
    expect(await resources()).toBe(before);
    await setConfig("global", "domain", undefined);
  });

  test("the emulator was stopped between two runs, and dies in the middle of the next up: all that it held is made again", async () => {
    await stopEmulator();
    const first = await open();
    let changes = 0;
    const error = await first
      .up("global", {
        ...withoutPolicies,
        onChange: ({ operation }) => {
          if (operation === "create" && ++changes === 40) process.kill(first.emulator.pid, "SIGKILL");
        },
      })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(
      /emulator on http:\/\/127\.0\.0\.1:\d+ is gone[\s\S]*state is intact[\s\S]*run the same command again/,
    );

    const second = await open();
    expect(second.emulator.bootId).not.toBe(first.emulator.bootId);
    const made = await upTwice(second);
    expect(
      made.some(({ operation, type }) => operation === "create" && type === "aws:s3/bucket:Bucket"),
    ).toBe(true);
    const { deployment } = await second.state("global");
    expect(deployment.pending_operations ?? []).toEqual([]);
  });

  test("a run that was killed leaves no lock that stops the next", async () => {
    await stopEmulator();
    const { child, signal } = await upUnderWay();
    signal("SIGKILL");
    await child;
    await sleep(500);
    await upTwice(await open());
  });
});
