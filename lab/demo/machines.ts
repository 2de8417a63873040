/** The machines of both regions, started for real from what was deployed. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { bootstrapAuthority } from "../../authority/bootstrap.js";
import { sandboxDir } from "../../common/paths.js";
import { bootstrapSecrets } from "../../credentials/bootstrap.js";
import type { SharedSettings } from "../../settings/schema.js";
import { EMULATED_ACCOUNT } from "../sandbox/emulator/emulator.js";
import { EMULATOR_CREDENTIALS, existingClaims } from "../twin/claims/store.js";
import { copyPlatform, machinesInCloud } from "../twin/from-cloud.js";
import { openTwin, type RegionTwin } from "../twin/open.js";
import type { Scene } from "./demo-scene.js";

const REGIONS = ["home", "recovery"] as const;

/** @returns the running machines; the caller closes them. */
export async function startMachines({
  sandbox,
  progress,
  settings,
  contract,
  say,
}: Scene): Promise<RegionTwin> {
  const { endpoint } = sandbox.emulator;
  const access = { endpoint, credentials: EMULATOR_CREDENTIALS };
  await asOperator(endpoint, async () => {
    say(pc.bold("  npx dr bootstrap secrets"));
    await progress.during("give the passwords their first values", () => bootstrapSecrets({ settings }));
    say(pc.bold("  npx dr bootstrap ca --publish"));
    await progress.during("make the certificate authority and the nodes' certificates", () =>
      publishCertificates(settings),
    );
  });
  const running = await openTwin({
    progress,
    settings,
    accountId: EMULATED_ACCOUNT,
    regions: REGIONS,
    dir: process.env.DR_TWIN_DIR ?? join(sandboxDir(), "twin"),
    // Where the stacks put their claims.
    claims: await existingClaims({ endpoint, region: contract.home.region }, contract.claimTable),
    source: {
      machines: async () => {
        const machines = REGIONS.map((id) => machinesInCloud(access, contract[id], settings, 1));
        return (await Promise.all(machines)).flat();
      },
      fill: async (twin) => {
        for (const id of REGIONS) await copyPlatform(access, contract, contract[id], settings.name, twin);
      },
    },
  });
  for (const { name, address, spec } of running.twin.machines) say(`    ${name} ${address} ${spec.role}`);
  return running;
}

/** The authority's key exists for as long as this takes: a demo needs it once. */
async function publishCertificates(settings: SharedSettings): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dr-demo-"));
  try {
    await bootstrapAuthority({ settings, out: join(folder, "authority"), publish: true, report: () => {} });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** With the variables by which an operator's commands reach AWS. */
async function asOperator(endpoint: string, work: () => Promise<void>): Promise<void> {
  const variables = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: EMULATOR_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: EMULATOR_CREDENTIALS.secretAccessKey,
  };
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  try {
    Object.assign(process.env, variables);
    await work();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
