/** A region's load balancer: passes requests on to a Tomcat server that passes its health check. */
import { once } from "node:events";
import { request as ask, createServer, type Server } from "node:http";
import { Balancer, type BalancerConfig } from "../balancer.js";

/** What a load balancer of AWS answers when the server that it chose doesn't. */
const BAD_GATEWAY = 502;

/** @param stopping ends its health checks; closing it is the caller's. @throws Error when it can't listen there. */
export async function balance(
  address: string,
  port: number,
  fleet: BalancerConfig,
  stopping: AbortSignal,
): Promise<Server> {
  const balancer = new Balancer(fleet);
  const server = createServer((request, response) => {
    const [host, targetPort] = balancer.next().split(":");
    const { method, url: path, headers } = request;
    const onward = ask({ host, port: Number(targetPort), method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? BAD_GATEWAY, answer.headers);
      // A server that dies in the middle of an answer.
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    onward.on("error", () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(BAD_GATEWAY).end();
    });
    request.pipe(onward);
    // A client that has lost its patience takes its request with it.
    response.on("close", () => onward.destroy());
  });
  server.listen(port, address);
  await once(server, "listening");
  void balancer.watch(stopping);
  return server;
}
