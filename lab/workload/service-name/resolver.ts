/** Serves names over UDP, as a name server of the zone would. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type DnsRecord, reply } from "./message.js";

export interface NameServer {
  /** `address:port` that it listens on. */
  readonly address: string;
  close(): void;
}

/**
 * @param at `address:port`; port 0 takes any.
 * @param find called again for each question. @see reply
 * @throws Error when the port is taken.
 */
export async function serveNames(
  at: string,
  find: (name: string) => readonly DnsRecord[] | undefined,
): Promise<NameServer> {
  const [address, port] = at.split(":");
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const answer = reply(message, find);
    if (answer) socket.send(answer, from.port, from.address);
  });
  socket.bind(Number(port), address);
  await once(socket, "listening");
  // From now on: a client that has gone away is no reason to stop.
  socket.on("error", () => {});
  return { address: `${address}:${socket.address().port}`, close: () => socket.close() };
}
