/** The sandbox: the claim table of the emulated AWS. No machine runs there. */

import { UserError } from "../../common/errors.js";
import { readClaimTable } from "../../operations/claim-table.js";
import { unknown } from "../../operations/known.js";
import type { Place } from "../../operations/places/place.js";
import { openReplica } from "../../operations/replicas.js";
import { ANY_ACCOUNT, contractOf, otherRegion } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
import { runningEmulator } from "./emulator/emulator.js";
import { projectDir, syncProject } from "./project.js";

const NO_MACHINES = "no machines run in the sandbox";

async function noMachines(): Promise<never> {
  throw new UserError("the sandbox has no backups", `${NO_MACHINES}, so nothing makes any.`, "use --twin");
}

/** @throws UserError when its emulator isn't running. */
export async function sandboxPlace(): Promise<Place> {
  const emulator = await runningEmulator();
  if (!emulator) {
    throw new UserError(
      "the sandbox's emulator is not running",
      "Without it there is no claim table to read.",
      "npx dr sandbox up global, then prod and dr",
    );
  }
  await syncProject();
  const settings = parseSharedSettings("global", await readStackFiles("global", projectDir()));
  const contract = contractOf(settings, ANY_ACCOUNT);
  const replicas = {
    home: openReplica(contract.home.region, emulator),
    recovery: openReplica(contract.recovery.region, emulator),
  };
  return {
    kind: "sandbox",
    name: "sandbox",
    settings,
    contract,
    async observe(first = "home") {
      const reading = await readClaimTable(contract, [replicas[first], replicas[otherRegion(first)]]);
      const none = unknown(NO_MACHINES);
      return { ...reading, at: Date.now(), guards: none, healthy: { home: none, recovery: none } };
    },
    async backups() {
      const none = { own: unknown(NO_MACHINES), copied: unknown(NO_MACHINES) };
      return { home: none, recovery: none };
    },
    async escrow() {
      const { escrowStates } = await import("../../operations/escrow.js");
      return escrowStates(contract, settings, emulator);
    },
    openVault: noMachines,
    async deployment(region, _seen, progress, policies) {
      const { sandboxDeployment } = await import("./deployment.js");
      return sandboxDeployment(contract[region].stack, progress, policies);
    },
    restoreMachines: noMachines,
    close() {
      for (const { client } of Object.values(replicas)) client.destroy();
    },
  };
}
