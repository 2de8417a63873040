/** The machines of a running twin as the guided restore reaches them, on AWS through Systems Manager. */
import type { Remote, RestoreMachines } from "../../../../operations/restore/machines.js";
import type { Machine } from "../../../twin/types.js";
import type { Scene } from "../../scene.js";

const COMMAND_SECONDS = 60;

export const remoteOf = (machine: Machine): Remote => ({
  name: machine.name,
  run: (script, seconds = COMMAND_SECONDS) =>
    machine.run(["bash", "-c", script], { timeoutMillis: seconds * 1000 }),
});

export function restoreMachinesOf({ running, twin }: Pick<Scene, "running" | "twin">): RestoreMachines {
  const nodes: RestoreMachines["nodes"] = async (region) =>
    twin.machines
      .filter(({ alive, spec }) => alive && spec.role === "database" && spec.region === region)
      .map(remoteOf);
  return {
    nodes,
    members: nodes,
    call: async (region) => remoteOf(await running.callRestoreMachine(region, { test: false })),
    end: (region) => running.endRestoreMachine(region),
    close() {},
  };
}
