/** An emulated DynamoDB of a twin's own, with the claim table in it. Ends with the process that started it. */
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { execa } from "execa";
import { installEmulator } from "../../sandbox/emulator/install.js";
import type { Progress } from "../../sandbox/progress.js";
import { DIES_WITH_PARENT } from "../process.js";

/** Any will do: the emulator's root user. */
export const EMULATOR_CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;
const START_MILLIS = 30_000;

export interface ClaimStore {
  readonly endpoint: string;
  /** The region whose copy of the table is the true one. */
  readonly region: string;
  close(): Promise<void>;
}

/** @throws Error with the emulator's last words when it doesn't come up. */
export async function startClaimStore(
  progress: Progress,
  dir: string,
  table: string,
  region: string,
): Promise<ClaimStore> {
  const python = await installEmulator(progress);
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const [file, ...args] = [...DIES_WITH_PARENT, python, "-c", "from ministack.app import main; main()"];
  const child = execa(file as string, args, {
    cwd: dir,
    stdin: "ignore",
    stdout: { file: join(dir, "emulator.log") },
    stderr: { file: join(dir, "emulator.log") },
    reject: false,
    env: {
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      GATEWAY_PORT: `${port}`,
      S3_PERSIST: "0",
      S3_DATA_DIR: join(dir, "s3"),
      STATE_DIR: join(dir, "state"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const close = async () => {
    child.kill("SIGKILL");
    await child;
  };
  try {
    await answering(endpoint);
    await createTable(endpoint, region, table);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, region, close };
}

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

async function answering(endpoint: string): Promise<void> {
  const end = performance.now() + START_MILLIS;
  for (;;) {
    const ok = await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > end) throw new Error(`the twin's emulator did not answer on ${endpoint}`);
    await sleep(50);
  }
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
