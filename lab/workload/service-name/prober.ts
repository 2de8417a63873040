/** One question of one of Route 53's probers. */
import { get } from "node:http";
import { ROUTE53 } from "./config.js";

/** Whether a status of 2xx or 3xx comes in time. */
export function probeOnce(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // A new connection each time: the check is whether a new client would get through.
    const request = get(url, { agent: false }, (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      end(statusCode >= 200 && statusCode < 400);
    });
    let patience = setTimeout(() => end(false), ROUTE53.connectMillis);
    const end = (ok: boolean) => {
      clearTimeout(patience);
      resolve(ok);
      request.destroy();
    };
    request.on("socket", (socket) =>
      socket.once("connect", () => {
        clearTimeout(patience);
        patience = setTimeout(() => end(false), ROUTE53.answerMillis);
      }),
    );
    request.on("error", () => end(false));
  });
}
