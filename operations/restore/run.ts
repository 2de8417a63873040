/**
 * A guided restore: show what it would restore, ask; restore on a separate machine, beside the serving cluster; show the
 * content, ask again; then bring the requested tables back, or the whole cluster. It never overwrites anything.
 */

import { UserError } from "../../common/errors.js";
import type { PlanReport, RestoreReport } from "../../nodes/bin/reports.js";
import { REPOSITORY_FOLDERS } from "../../settings/contract.js";
import { cutOver, requireCutOver } from "./cut-over.js";
import type { CutOverOutcome } from "./cut-over-steps.js";
import { leaderOf, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import type { RestoreRequest } from "./request.js";
import { type Carried, carry, choose, existing, type Found, inspect, restore } from "./steps.js";
import { foundText, planText, reachText, textsOf } from "./texts.js";

export interface RestoreResult {
  readonly outcome: {
    /** `restored`: the cluster runs on its machine. `carried`: its tables are back, and the machine is gone. */
    readonly result: "restored" | "carried" | "declined" | "failed" | CutOverOutcome["result"];
    readonly reason: string;
  };
  readonly plan: PlanReport;
  readonly restored?: RestoreReport;
  readonly found?: Found;
  readonly carried?: readonly Carried[];
}

/** @throws UserError when it can't start. A later failure has ended the machine, or says that it still runs. */
export async function runRestore(ports: RestorePorts, request: RestoreRequest): Promise<RestoreResult> {
  const { machines, contract, confirm, say } = ports;
  const { region } = request;
  const { restoreNode } = contract[region];
  // Before the restore: refuse now what would be refused in an hour.
  const ready = request.all ? await requireCutOver(ports, region) : undefined;
  const nodes = await machines.nodes(region);
  const leader = request.tables.length > 0 ? await requireLeader(nodes, request, ports) : undefined;
  let machine: Remote | undefined;
  if (nodes.length === 0) {
    say(`no database node of ${region} runs: starting its restore machine to read the vault`);
    machine = await machines.call(region);
  }
  const plan = await choose((nodes[0] ?? machine) as Remote, request);
  if (plan.code !== 0) refuse(request, plan);
  const schema = leader && (await schemaFor(leader, request, ports.date()));
  say(planText(plan, request, { machine: restoreNode, leader: leader?.name, schema }));
  const begun = await confirm(`Restore on ${restoreNode}? (yes/no) `);
  if (begun !== "yes") {
    if (machine) await machines.end(region);
    return { plan, outcome: { result: "declined", reason: "nothing was restored" } };
  }
  say(`starting ${restoreNode}`);
  machine ??= await machines.call(region);
  const restored = await restore(machine, request, (line) => say(`  ${line}`), ports.sleep);
  if (restored.code !== 0) {
    const reason = `${restored.error}. ${restored.code === LOG_ENDS ? `${NOT_ARCHIVED}. ` : ""}${restoreNode} still runs: ${textsOf(region, ports.twin).end} first, then try again`;
    return { plan, restored, outcome: { result: "failed", reason } };
  }
  const found = await inspect(machine, request.database, ports.settings.restoreTest.checks);
  say(foundText(restored, found, request.database));
  const wrong = found.checks.filter(({ expected, answer }) => expected !== answer).length;
  const stands = { plan, restored, found };
  if (ready) {
    const warning = wrong > 0 ? `${wrong} of the checks in the settings fail. ` : "";
    if (warning) say(warning.trim());
    if (wrong > 0 && request.unasked)
      throw new UserError(
        `${wrong} of the checks in the settings fail in the data restored to ${request.to}`,
        "Only a person can judge that, and --yes skips the question. Nothing was changed.",
        `${textsOf(region, ports.twin).end}; then try again with another --to, or without --yes`,
      );
    const outcome = await cutOver(ports, request, ready, restored, warning);
    if (outcome.result === "cut-over") await machines.end(region);
    return { ...stands, outcome };
  }
  if (!leader) {
    const failed = wrong > 0 ? `; ${wrong} of the checks in the settings fail` : "";
    return {
      ...stands,
      outcome: { result: "restored", reason: `${reachText(request, restoreNode, ports.twin)}${failed}` },
    };
  }
  const where = schema === undefined ? "" : ` as ${schema}.…`;
  const answer = await confirm(
    `${wrong > 0 ? `${wrong} of the checks in the settings fail. ` : ""}Bring ${request.tables.join(", ")} back to ${leader.name}${where}? (yes/no) `,
  );
  if (answer !== "yes") {
    const reason = `nothing was brought back. ${reachText(request, restoreNode, ports.twin)}`;
    return { ...stands, outcome: { result: "declined", reason } };
  }
  const carried = await bringBack(ports, request, { from: machine, to: leader }, schema);
  await machines.end(region);
  const what = carried.map(({ as, rows }) => `${as} (${rows} rows)`).join(", ");
  return {
    ...stands,
    carried,
    outcome: { result: "carried", reason: `brought back: ${what}; ${restoreNode} has ended` },
  };
}

/** Looks for the tables before the dump, so that a wrong name costs nothing. */
async function bringBack(
  { contract, date, say }: RestorePorts,
  { region, database, tables }: RestoreRequest,
  way: { readonly from: Remote; readonly to: Remote },
  schema: string | undefined,
): Promise<Carried[]> {
  const there = await existing(way.from, database, tables, "restored");
  const missing = tables.filter((table) => !there.includes(table));
  if (missing.length > 0) {
    throw new UserError(
      `no ${missing.join(", ")} in the restored ${database}`,
      "The table did not exist at that moment, or has another name.",
      "restore to another moment: npx dr restore --end, then try again",
    );
  }
  say(`bringing ${tables.join(", ")} back, through the vault`);
  const { vaultBucket, repositoryPath } = contract[region];
  const address = `s3://${vaultBucket}${repositoryPath}/${REPOSITORY_FOLDERS.restoreTests}/tables/${stamp(date())}.dump.enc`;
  return carry(way, database, tables, { schema, address });
}

/** The leader, in the region of the restore: no vault is readable by machines of both regions. */
async function requireLeader(
  nodes: readonly Remote[],
  { region, tables }: RestoreRequest,
  { contract }: RestorePorts,
): Promise<Remote> {
  const leader = await leaderOf(nodes);
  if (leader) return leader;
  throw new UserError(
    `no node of ${region} takes writes`,
    `${tables.join(", ")} can be brought back in the active region only, through its own vault.`,
    `npx dr status shows which one that is, this is stack ${contract[region].stack}; omit --from or --table`,
  );
}

/** A new schema for all of them if one of the tables exists already. */
async function schemaFor(
  leader: Remote,
  { database, tables }: RestoreRequest,
  date: Date,
): Promise<string | undefined> {
  const there = await existing(leader, database, tables);
  return there.length > 0 ? `restored_${stamp(date).toLowerCase()}` : undefined;
}

/** dr-restore's exit code where the log ends before the moment. */
const LOG_ENDS = 4;
const NOT_ARCHIVED =
  "The newest log is archived within minutes, or at once after SELECT pg_switch_wal() on the leader";

function refuse({ to, region }: RestoreRequest, { error, code }: PlanReport): never {
  throw new UserError(
    `no restore to ${to} from the vault of ${region}`,
    error ?? "dr-restore gave no reason.",
    `${code === LOG_ENDS ? `${NOT_ARCHIVED}. Or ` : ""}try another --to; after tampering, --as-of; for the other vault, --from`,
  );
}

const stamp = (date: Date): string =>
  date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "t");
