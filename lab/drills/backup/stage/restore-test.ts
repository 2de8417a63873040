/** A restore test as the schedule orders one: the machine comes, restores, reports into the vault, and goes. */

import { now } from "../../../workload/clock.js";
import type { Scene } from "../../scene.js";
import type { AlarmWatch } from "./alarm-watch.js";
import { script } from "./node-script.js";

const TEST_SECONDS = 240;

/** What `dr-restore-test` reports; its own file has the rest. */
export interface TestReport {
  readonly passed: boolean;
  readonly error: string | null;
  readonly node: string;
  readonly restoreSeconds: number;
  readonly rpoSeconds: number | null;
  readonly steps: readonly {
    readonly step: string;
    readonly passed: boolean;
    readonly error: string | null;
  }[];
  readonly restore: { readonly backup?: string };
}

export interface RestoreTest {
  readonly report: TestReport;
  /** What the restore machine itself told the alarms. */
  readonly toldFailed: number | undefined;
  /** When its report was in the vault and the machine gone. */
  readonly at: number;
}

/** Runs a restore test. @throws Error when it leaves no report, or one without a valid signature. */
export async function testRestore(scene: Scene, watch: AlarmWatch): Promise<RestoreTest> {
  const { running, id } = scene;
  const known = new Set(await reports(scene));
  const begun = now();
  const machine = await running.callRestoreMachine(id, { test: true });
  try {
    await watch.listen(machine);
    const key = await scene.eventually(
      "a new report of a restore test",
      async () => (await reports(scene)).find((each) => !known.has(each)),
      TEST_SECONDS,
      250,
    );
    const report = JSON.parse(Buffer.from(await running.vaults.read(id, key)).toString()) as TestReport;
    scene.prove(`its signature is that of ${report.node}: ${await verify(scene, key)}`, true);
    return {
      report,
      toldFailed: watch.value("RestoreTestFailed", begun, machine.name),
      at: now(),
    };
  } finally {
    await running.endRestoreMachine(id);
  }
}

/** Their names in the vault. The signature is there before the report is. */
async function reports({ running, region, id }: Scene): Promise<readonly string[]> {
  const names = await running.vaults.list(id, `${region.repositoryPath.slice(1)}/restore-tests/`);
  return names.filter((name) => name.endsWith(".json"));
}

/** As the runbook has it, on a node. */
async function verify(scene: Scene, key: string): Promise<string> {
  const leader = await scene.leader();
  const report = `s3://${scene.region.vaultBucket}/${key}`;
  const signature = report.replace(/json$/, "sig");
  const said = await script(
    leader,
    `d=$(mktemp -d); dr-get-artifact ${report} $d/r.json && dr-get-artifact ${signature} $d/r.sig && dr-verify-report $d/r.json; code=$?; rm -rf $d; exit $code`,
  );
  return said.trim().split("\n").at(-1) as string;
}
