/**
 * The workload's process. Runs in a Tomcat server's network, so that it sees what the application sees. Its
 * standard input carries its configuration on the first line and on each further one another login; when the input ends it finishes what is in
 * flight and leaves. So it can't outlive the drill that started it.
 */
import { createInterface } from "node:readline";
import { Arrivals, now } from "./clock.js";
import type { Login, WorkloadConfig } from "./config.js";
import type { WorkloadEvent } from "./events.js";
import { request } from "./http.js";
import type { Surroundings } from "./part.js";
import { probe } from "./prober.js";
import { read } from "./reader.js";
import { openName } from "./service-name/service.js";
import { write } from "./writer.js";

const input = createInterface({ input: process.stdin });
const stopping = new AbortController();
let told: number | undefined;
input.once("close", () => {
  told = now();
  stopping.abort();
});
// The drill ends it by its input; a Ctrl-C meant for the drill must not cut the last lines off.
process.on("SIGINT", () => undefined);

const line = await new Promise<string>((resolve, reject) => {
  input.once("line", resolve);
  input.once("close", () => reject(new Error("no configuration on the standard input")));
});
const { source, database, writer, reader, http, prober, name } = JSON.parse(line) as WorkloadConfig;

const emit = (event: WorkloadEvent) => process.stdout.write(`${JSON.stringify({ ...event, source })}\n`);
const around: Surroundings = { database, arrivals: new Arrivals(), emit, stopping: stopping.signal };
input.on("line", (text) => Object.assign(database, JSON.parse(text) as Login));

emit({ kind: "started", at: now() });
if (name) await openName(name, emit);
await Promise.all([
  writer && write(writer, around),
  reader && read(reader, around),
  http && request(http, around),
  prober && probe(prober, around),
]);
// After the order to stop, no new request began: waiting for the last answers is no gap.
const stopped: WorkloadEvent = { kind: "stopped", at: told ?? now(), source };
// Pipes are written asynchronously: the last line must be out before the process is.
process.stdout.write(`${JSON.stringify(stopped)}\n`, () => process.exit(0));
