/** A real account: the claim table with ordinary credentials, the regions' own names over the internet. */

import { setTimeout as sleep } from "node:timers/promises";
import { ACTIVE_PATH, ANY_ACCOUNT, contractOf, otherRegion } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { type SharedSettings, sharedSchema } from "../../settings/schema.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { RegionStackName } from "../../settings/stacks.js";
import { readClaimTable } from "../claim-table.js";
import { type Known, known, unknown } from "../known.js";
import { openReplica } from "../replicas.js";
import type { Place } from "./place.js";

const PROBE_MILLIS = 4_000;
const GUARDS =
  "only the guards know it (leases, bytes behind, reasons to wait), and they answer only inside the regions' networks";

/** The settings that all stacks share. @param dir folder of Pulumi.yaml */
async function awsSettings(dir: string): Promise<SharedSettings> {
  const raw = await readStackFiles("global", dir);
  const shared = Object.fromEntries(Object.entries(raw).filter(([key]) => key in sharedSchema.shape));
  return parseSharedSettings("global", shared);
}

/** @param dir folder of Pulumi.yaml */
export async function awsPlace(dir: string): Promise<Place> {
  const settings = await awsSettings(dir);
  const contract = contractOf(settings, settings.accountId ?? ANY_ACCOUNT);
  const replicas = {
    home: openReplica(contract.home.region),
    recovery: openReplica(contract.recovery.region),
  };
  const openVault = async (stack: RegionStackName) =>
    (await import("../vault/open.js")).awsVault(settings, stack);
  return {
    kind: "aws",
    name: "AWS",
    settings,
    contract,
    async observe(first = "home") {
      const [reading, home, recovery] = await Promise.all([
        readClaimTable(contract, [replicas[first], replicas[otherRegion(first)]]),
        probe(contract.home.hostname),
        probe(contract.recovery.hostname),
      ]);
      return { ...reading, at: Date.now(), guards: unknown(GUARDS), healthy: { home, recovery } };
    },
    async backups() {
      // Loaded on use: it takes half a second.
      const { newestBackups } = await import("../vault/newest-backup.js");
      return newestBackups(openVault);
    },
    async escrow() {
      const { escrowStates } = await import("../escrow.js");
      return escrowStates(contract, settings);
    },
    openVault,
    async deployment(region, _seen, progress, policies) {
      const { pulumiDeployment } = await import("../deployments/pulumi.js");
      return pulumiDeployment(contract[region].stack, dir, progress, policies);
    },
    async restoreMachines() {
      const { awsRestoreMachines } = await import("../restore/aws.js");
      return awsRestoreMachines(contract, async (millis) => void (await sleep(millis)));
    },
    close() {
      for (const { client } of Object.values(replicas)) client.destroy();
    },
  };
}

/** Route 53's rule: 200 to 399 is healthy. Silence is unknown, because the cause may be this machine's own network. */
async function probe(hostname: string): Promise<Known<boolean>> {
  const url = `https://${hostname}${ACTIVE_PATH}`;
  try {
    const { status } = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PROBE_MILLIS) });
    return known(status < 400);
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return unknown(`${url} does not answer here: ${cause?.code ?? message}`);
  }
}
