/** The twin of this host: its claim table, and its machines' guards. */

import { readClaimTable } from "../../operations/claim-table.js";
import { type Known, known, unknown } from "../../operations/known.js";
import type { GuardReport } from "../../operations/observation.js";
import type { Place } from "../../operations/places/place.js";
import { openReplica } from "../../operations/replicas.js";
import { ANY_ACCOUNT, contractOf } from "../../settings/contract.js";
import type { RegionId, RegionStackName } from "../../settings/stacks.js";
import { mustRun } from "./control.js";
import { answersActive, guardsOf } from "./observe.js";
import type { TwinRecord } from "./record.js";
import { twinSettings } from "./settings.js";

/** @throws UserError when no twin runs. */
export async function twinPlace(): Promise<Place> {
  const settings = await twinSettings();
  const contract = contractOf(settings, ANY_ACCOUNT);
  const { claims } = await mustRun();
  // One copy stands for both replicas.
  const replica = openReplica(claims.region, claims);
  const openVault = async (stack: RegionStackName) =>
    (await import("./vault/open.js")).twinVault(settings, stack);
  return {
    kind: "twin",
    name: "twin",
    settings,
    contract,
    async observe() {
      const twin = await mustRun();
      const [reading, guards, home, recovery] = await Promise.all([
        readClaimTable(contract, [replica]),
        guardsOf(twin),
        health(twin, "home"),
        health(twin, "recovery"),
      ]);
      const reports = guards.map(
        ({ node, region, answer }): GuardReport => ({
          node,
          region,
          status: answer instanceof Error ? unknown(answer.message) : known(answer),
        }),
      );
      return { ...reading, at: Date.now(), guards: known(reports), healthy: { home, recovery } };
    },
    async backups() {
      // Loaded when it is wanted: half of a second.
      const { newestBackups } = await import("../../operations/vault/newest-backup.js");
      return newestBackups(openVault);
    },
    async escrow() {
      const none = unknown("the twin has none");
      return { home: none, recovery: none };
    },
    openVault,
    async deployment(region, { regions }) {
      const { twinDeployment } = await import("./deployment.js");
      return twinDeployment(contract, contract[region], regions[region].claimed);
    },
    restoreMachines: async () => (await import("./restore-machines.js")).twinRestoreMachines(contract),
    close: () => replica.client.destroy(),
  };
}

async function health(twin: TwinRecord, region: RegionId): Promise<Known<boolean>> {
  if (!twin.machines.some((machine) => machine.region === region)) return unknown("it does not run here");
  const active = await answersActive(twin, region);
  return active === undefined ? unknown("no Tomcat server to ask through") : known(active);
}
