/** Secrets and Tomcat servers of the twin that runs on this host, for a rotation. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { RotationServices } from "../../operations/rotation/ports.js";
import { commandIn, mustRun } from "./control.js";
import { twinDir } from "./record.js";

/** On a Tomcat server, for bash. */
export const TAKES_LOGIN =
  "set -a; . /etc/dr/node.env; set +a; dr-fetch-secrets && systemctl restart tomcat10";

/** One file stands for both regions' copies. */
export function twinRotation(): RotationServices {
  const file = (name: string) => join(twinDir(), "platform/secrets", name);
  return {
    secrets: {
      read: (name) => readFile(file(name), "utf8"),
      write: (name, text) => writeFile(file(name), text),
      settle: async () => {},
    },
    fleets: {
      async roll(region) {
        const { machines } = await mustRun();
        const servers = machines.filter(
          (machine) => machine.role === "tomcat" && machine.region === region && machine.pid,
        );
        for (const server of servers) {
          const [program, ...args] = await commandIn(server, ["bash", "-c", TAKES_LOGIN]);
          await execa(program as string, args, { stdin: "ignore" });
        }
        return servers.length;
      },
    },
    close() {},
  };
}
