/** What other processes of this host may ask of the one that holds the twin: a line of JSON each way, over a socket in its folder. */
import { rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RegionId } from "../../settings/stacks.js";
import { twinDir } from "./record.js";

export interface Request {
  readonly verb: "call-restore-machine" | "end-restore-machine";
  readonly region: RegionId;
}

interface Answer {
  readonly error?: string;
}

const socketFile = (dir: string) => join(dir, "requests.sock");

/** One after the other. Root alone may enter the folder. */
export async function serveRequests(
  dir: string,
  serve: (request: Request) => Promise<void>,
): Promise<Server> {
  await rm(socketFile(dir), { force: true });
  let before: Promise<unknown> = Promise.resolve();
  const take = async (socket: Socket, line: string) => {
    const done = before.then(() => serve(JSON.parse(line) as Request));
    before = done.catch(() => {});
    const answer: Answer = await done.then(
      () => ({}),
      (error: Error) => ({ error: error.message }),
    );
    socket.end(`${JSON.stringify(answer)}\n`);
  };
  const server = createServer((socket) => {
    // Who asked may have gone.
    socket.on("error", () => {});
    createInterface({ input: socket }).once("line", (line) => void take(socket, line));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(socketFile(dir), resolve);
  });
  return server;
}

/** @throws Error when the holder refused it or failed, or no process holds a twin. */
export async function ask(request: Request): Promise<void> {
  const socket = createConnection(socketFile(twinDir()));
  const line = await new Promise<string>((resolve, reject) => {
    socket.once("error", reject);
    createInterface({ input: socket })
      .once("line", resolve)
      .once("close", () => resolve(""));
    socket.write(`${JSON.stringify(request)}\n`);
  });
  socket.destroy();
  if (!line) throw new Error("the process that holds the twin has ended");
  const { error } = JSON.parse(line) as Answer;
  if (error !== undefined) throw new Error(error);
}
