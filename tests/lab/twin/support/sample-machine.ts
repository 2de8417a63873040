/** A machine with PostgreSQL, Tomcat and a WAR, driven one shell line at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface SampleMachine {
  /** Runs a line of bash inside; see the script for what is there. @throws Error when it fails. */
  sh(line: string): Promise<string>;
  close(): Promise<void>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Starts the machine and waits until the application is healthy, or Tomcat has started without it. */
export async function startSampleMachine(
  imageRoot: string,
  war: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<SampleMachine> {
  const child = spawn("tests/lab/twin/support/sample-machine.sh", [imageRoot, war], {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (what: string): Promise<string> => {
    const text: string[] = [];
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${what}: the machine ended\n${text.join("\n")}`);
      const status = /^=> (\d+)$/.exec(value)?.[1];
      if (status === "0") return text.join("\n").trim();
      if (status !== undefined) throw new Error(`${what}: exit status ${status}\n${text.join("\n")}`);
      text.push(value);
    }
  };
  await answer("start");
  let last = Promise.resolve("");
  return {
    sh: (line) => {
      // One at a time: answers come back in order.
      last = last
        .catch(() => "")
        .then(() => {
          child.stdin.write(`${line}\n`);
          return answer(line);
        });
      return last;
    },
    close: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** An HTTP request from inside, as curl makes it. */
export async function curl(machine: SampleMachine, args: string): Promise<HttpAnswer> {
  const text = await machine.sh(`curl -sS -m 20 -i ${args}`);
  const [head = "", ...body] = text.replaceAll("\r", "").split("\n\n");
  return {
    status: Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1]),
    headers: head,
    body: body.join("\n\n").trim(),
  };
}
