/** Machines of the twin that runs on this host. */
import { execa } from "execa";
import { argvOf, secondsOf } from "../../nodes/operator-documents.js";
import type { Remote, RestoreMachines } from "../../operations/restore/machines.js";
import type { Contract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { commandIn, mustRun } from "./control.js";
import type { MachineRecord } from "./record.js";
import { ask } from "./requests.js";

export const twinRestoreMachines = (contract: Contract): RestoreMachines => ({
  nodes: databaseNodes,
  members: databaseNodes,
  async call(region) {
    const there = await restoreMachine(contract, region);
    if (!there) await ask({ verb: "call-restore-machine", region });
    const machine = there ?? (await restoreMachine(contract, region));
    if (!machine) throw new Error(`${contract[region].restoreNode} did not come`);
    return remote(machine);
  },
  end: (region) => ask({ verb: "end-restore-machine", region }),
  close() {},
});

async function databaseNodes(region: RegionId): Promise<Remote[]> {
  const { machines } = await mustRun();
  return machines
    .filter((machine) => machine.role === "database" && machine.region === region && machine.pid)
    .map(remote);
}

async function restoreMachine(contract: Contract, region: RegionId): Promise<MachineRecord | undefined> {
  const { machines } = await mustRun();
  return machines.find(({ name }) => name === contract[region].restoreNode);
}

const remote = (machine: MachineRecord): Remote => ({
  name: machine.name,
  async run(what) {
    const seconds = secondsOf(what.document);
    const [file, ...args] = await commandIn(machine, argvOf(what));
    const { exitCode, stdout, stderr, timedOut } = await execa(file as string, args, {
      reject: false,
      stdin: "ignore",
      timeout: seconds * 1000,
    });
    return {
      exitCode: exitCode ?? 255,
      stdout,
      stderr: timedOut ? `it took more than ${seconds} s` : stderr,
    };
  },
});
