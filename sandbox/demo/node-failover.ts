/** The home region's machines started from what was deployed, put under load, and the leader's machine lost. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { bootstrapAuthority } from "../../authority/bootstrap.js";
import { findDrills } from "../../drills/catalogue.js";
import { figure } from "../../drills/measure.js";
import { rehearse } from "../../drills/rehearse.js";
import { bundleWorkload } from "../../drills/workload/bundle.js";
import type { SharedSettings } from "../../settings/schema.js";
import { contractOf } from "../../stacks/contract.js";
import { copyPlatform, machinesInCloud } from "../../twin/from-cloud.js";
import { whyNoTwin } from "../../twin/host.js";
import { openTwin } from "../../twin/open.js";
import { EMULATED_ACCOUNT } from "../emulator/emulator.js";
import { sandboxDir } from "../paths.js";
import type { Scene } from "./scene.js";

/** The emulator's root user. */
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };
const DRILL = "leader-node-dead";

/** @returns why it could not be shown on this machine; undefined when it was. */
export async function showNodeFailover(scene: Scene, settings: SharedSettings): Promise<string | undefined> {
  const { sandbox, progress, say } = scene;
  const reason = whyNoTwin();
  if (reason) return reason;
  const { endpoint } = sandbox.emulator;
  const contract = contractOf(settings, EMULATED_ACCOUNT);
  const access = { endpoint, credentials: CREDENTIALS };

  say(pc.bold("  npx dr bootstrap ca --publish"));
  await progress.during("make the certificate authority and the nodes' certificates", () =>
    publishCertificates(settings, endpoint),
  );
  const workload = await bundleWorkload();
  const running = await openTwin({
    progress,
    settings,
    dir: join(sandboxDir(), "twin"),
    source: {
      machines: () => machinesInCloud(access, contract.home, settings, 1),
      fill: (twin) => copyPlatform(access, contract, contract.home, settings.name, twin),
    },
  });
  try {
    for (const { name, address, spec } of running.twin.machines) say(`    ${name} ${address} ${spec.role}`);
    const [drill] = findDrills([DRILL]);
    if (!drill) throw new Error(`no drill ${DRILL}`);
    say(`\n  ${drill.title}: npx dr drill ${drill.name}`);
    const result = await rehearse(drill, { running, workload, progress, repetition: 1 });
    for (const measure of result.measures) say(`    ${measure.name.padEnd(44)} ${figure(measure)}`);
    if (result.outcome !== "passed")
      throw new Error(`drill ${drill.name} ${result.outcome}: ${result.reasons.join("; ")}`);
  } finally {
    await running.close();
  }
  return undefined;
}

/** The authority's key exists for as long as this takes: a demo needs it once. */
async function publishCertificates(settings: SharedSettings, endpoint: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dr-demo-"));
  const variables = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  try {
    Object.assign(process.env, variables);
    await bootstrapAuthority({ settings, out: join(folder, "authority"), publish: true, report: () => {} });
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true, force: true });
  }
}
