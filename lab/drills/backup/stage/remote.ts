/** The machines of a running twin as the guided restore reaches them, on AWS through Systems Manager. */
import { argvOf, secondsOf } from "../../../../nodes/operator-documents.js";
import type { Remote, RestoreMachines } from "../../../../operations/restore/machines.js";
import type { Machine } from "../../../twin/types.js";
import type { Scene } from "../../scene.js";

export const remoteOf = (machine: Machine): Remote => ({
  name: machine.name,
  run: (what) => machine.run(argvOf(what), { timeoutMillis: secondsOf(what.document) * 1000 }),
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
