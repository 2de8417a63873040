/** Both regions with a claim table, and machines that run nothing but what a test gives them. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TwinClaims } from "../../../../lab/twin/claims/claims.js";
import { type OwnClaimStore, startClaimStore } from "../../../../lab/twin/claims/emulator.js";
import { ensureImage } from "../../../../lab/twin/image.js";
import { LocalTwin } from "../../../../lab/twin/local-twin.js";
import { twinSettings } from "../../../../lab/twin/settings.js";
import type { Machine, MachineRole } from "../../../../lab/twin/types.js";
import { type Contract, contractOf } from "../../../../settings/contract.js";
import type { RegionId } from "../../../../settings/stacks.js";
import { quiet } from "../../../support/quiet.js";

export interface BareTwin {
  readonly twin: LocalTwin;
  readonly claims: TwinClaims;
  readonly contract: Contract;
  readonly store: OwnClaimStore;
  add(name: string, region: RegionId, address: string, role?: MachineRole): Promise<Machine>;
}

/** @param dir default: a new one. The twin removes it when it is closed. */
export async function openBareTwin(
  regions: readonly RegionId[] = ["home", "recovery"],
  dir?: string,
): Promise<BareTwin> {
  const progress = quiet();
  const folder = dir ?? (await mkdtemp(join(tmpdir(), "dr-twin-")));
  const { root, payload } = await ensureImage(progress);
  const contract = contractOf(await twinSettings(), "000000000000");
  const twin = await LocalTwin.open({ dir: folder, regions, layers: [payload, root] });
  try {
    const claimsDir = join(folder, "claims");
    const store = await startClaimStore(progress, claimsDir, contract.claimTable, contract.home.region);
    twin.closing.push(() => store.close());
    const claims = await TwinClaims.open({ dir: claimsDir, network: twin.network, contract, regions, store });
    twin.closing.unshift(() => claims.close());
    return {
      ...{ twin, claims, contract, store },
      add: async (name, region, address, role = "database") => {
        const userData = '#cloud-config\n{"write_files": [], "runcmd": []}\n';
        const machine = await twin.add({ name, role, region, address, userData });
        await machine.booted();
        return machine;
      },
    };
  } catch (error) {
    await twin.close();
    throw error;
  }
}

/**
 * Asks a region's endpoint of DynamoDB for a claim, as a guard would, from a machine.
 * @returns `200` or another status and the answer; curl's own exit code, e.g. `curl 7` (refused), `curl 28` (silence),
 *   `curl 56` (reset).
 */
export async function askClaims(
  machine: Machine,
  url: string,
  { claimTable, home }: Contract,
  timeoutSeconds = 1,
): Promise<string> {
  const { exitCode, stdout } = await machine.run([
    ...["curl", "--silent", "--max-time", `${timeoutSeconds}`, "--write-out", "\n%{http_code}"],
    ...["--header", "content-type: application/x-amz-json-1.0"],
    ...["--header", "x-amz-target: DynamoDB_20120810.GetItem"],
    ...[
      "--header",
      "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/dynamodb/aws4_request",
    ],
    ...[
      "--data",
      JSON.stringify({ TableName: claimTable, Key: { pk: { S: home.claimKey }, sk: { N: "1" } } }),
    ],
    url,
  ]);
  if (exitCode !== 0) return `curl ${exitCode}`;
  const [body = "", status = ""] = stdout.split("\n").filter(Boolean);
  return `${status} ${body}`.trim();
}
