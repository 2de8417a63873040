/** The twin of this host: its claim table, and its machines' guards. */

import type { RegionId } from "../../settings/stacks.js";
import { contractOf } from "../../stacks/contract.js";
import { mustRun } from "../../twin/control.js";
import { answersActive, guardsOf } from "../../twin/observe.js";
import { twinDir } from "../../twin/open.js";
import { runningTwin, type TwinRecord } from "../../twin/record.js";
import { twinSettings } from "../../twin/settings.js";
import { readClaimTable } from "../claim-table.js";
import { type Known, known, unknown } from "../known.js";
import type { GuardReport } from "../observation.js";
import { openReplica } from "../replicas.js";
import { ANY_ACCOUNT, type Place } from "./place.js";

/** Whether a twin runs here that this user may enter. */
export const twinRuns = async (): Promise<boolean> => (await runningTwin(twinDir())) !== undefined;

/** @throws UserError when no twin runs. */
export async function twinPlace(): Promise<Place> {
  const settings = await twinSettings();
  const contract = contractOf(settings, ANY_ACCOUNT);
  const { claims } = await mustRun();
  // One copy stands for both replicas.
  const replica = openReplica(claims.region, claims);
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
      const { newestBackups } = await import("../vault/newest-backup.js");
      return newestBackups({ twin: true });
    },
    close: () => replica.client.destroy(),
  };
}

async function health(twin: TwinRecord, region: RegionId): Promise<Known<boolean>> {
  if (!twin.machines.some((machine) => machine.region === region)) return unknown("it does not run here");
  const active = await answersActive(twin, region);
  return active === undefined ? unknown("no Tomcat server to ask through") : known(active);
}
