/** An emulated DynamoDB of a twin's own, with the claim table in it. Ends with the process that started it. */
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { execa } from "execa";
import { installEmulator } from "../../sandbox/emulator/install.js";
import type { Progress } from "../../sandbox/progress.js";
import { NEVER_WAITS } from "../priority.js";
import { DIES_WITH_PARENT } from "../process.js";
import { type ClaimStore, EMULATOR_CREDENTIALS } from "./store.js";

const START_MILLIS = 30_000;

export interface OwnClaimStore extends ClaimStore {
  /** Process id of the emulator. */
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * Starts it on a free port of the loopback, and makes the table.
 * @param dir for its log and whatever it writes; made when missing.
 * @throws Error with the emulator's last words when it doesn't come up within 30 s.
 */
export async function startClaimStore(
  progress: Progress,
  dir: string,
  table: string,
  region: string,
): Promise<OwnClaimStore> {
  const python = await installEmulator(progress);
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const log = join(dir, "emulator.log");
  // Not the sandbox's way of starting it: that one is to outlive its command, this one must not.
  const [file, ...args] = [
    ...DIES_WITH_PARENT,
    ...NEVER_WAITS,
    python,
    "-c",
    "from ministack.app import main; main()",
  ];
  const child = execa(file as string, args, {
    cwd: dir,
    stdin: "ignore",
    stdout: { file: log },
    stderr: { file: log },
    reject: false,
    env: {
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      GATEWAY_PORT: `${port}`,
      AUTH: "false",
      PERSIST_STATE: "0",
      S3_PERSIST: "0",
      S3_DATA_DIR: join(dir, "s3"),
      STATE_DIR: join(dir, "state"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  let ended = false;
  void child.then(() => {
    ended = true;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const close = async () => {
    child.kill("SIGKILL");
    await child;
  };
  try {
    if (!(await answering(endpoint, () => ended))) {
      const words = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-4).join("\n  ");
      throw new Error(
        `the claim table's emulator did not start on ${endpoint}: ${words || "it said nothing"}`,
      );
    }
    await createTable(endpoint, region, table);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, region, pid: child.pid as number, close };
}

/** As stack global makes it, but for the replica: all regions are sent to this one copy. */
async function createTable(endpoint: string, region: string, table: string): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region, credentials: EMULATOR_CREDENTIALS });
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  client.destroy();
}

/** Waits until it answers. @returns false when it has ended, or the time is over. */
async function answering(endpoint: string, hasEnded: () => boolean): Promise<boolean> {
  const end = performance.now() + START_MILLIS;
  while (!hasEnded() && performance.now() < end) {
    const ok = await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2000) }).then(
      (response) => response.ok,
      () => false,
    );
    // Somebody else may answer on a port that this one didn't get.
    if (ok && !hasEnded()) return true;
    await sleep(50);
  }
  return false;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
