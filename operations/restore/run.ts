/**
 * A guided restore: say what would be restored, ask; restore on a machine of its own, beside the cluster that serves;
 * show what is in it, ask again; then bring the wanted tables back, or the whole cluster. It never writes over anything.
 */

import { UserError } from "../../common/errors.js";
import type { PlanReport, RestoreReport } from "../../nodes/bin/reports.js";
import { REPOSITORY_FOLDERS } from "../../settings/contract.js";
import { cutOver, requireCutOver } from "./cut-over.js";
import type { CutOverOutcome } from "./cut-over-steps.js";
import { textsOf } from "./cut-over-texts.js";
import { leaderOf, type Remote } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import type { RestoreRequest } from "./request.js";
import { BY_HAND, type Carried, carry, choose, existing, type Found, inspect, restore } from "./steps.js";
import { foundText, planText, reachText } from "./texts.js";

export interface RestoreResult {
  readonly outcome: {
    /** `restored`: the cluster stands on its machine. `carried`: its tables are back, and the machine is gone. */
    readonly result: "restored" | "carried" | "declined" | "failed" | CutOverOutcome["result"];
    readonly reason: string;
  };
  readonly plan: PlanReport;
  readonly restored?: RestoreReport;
  readonly found?: Found;
  readonly carried?: readonly Carried[];
}

/** @throws UserError when it can't be begun. What fails later has ended the machine, or says that it stands. */
export async function runRestore(ports: RestorePorts, request: RestoreRequest): Promise<RestoreResult> {
  const { machines, contract, confirm, say } = ports;
  const { region } = request;
  const { restoreNode } = contract[region];
  // Before anything is restored: what would be refused in an hour is refused now.
  const ready = request.all ? await requireCutOver(ports, region) : undefined;
  const nodes = await machines.nodes(region);
  const leader = request.tables.length > 0 ? await requireLeader(nodes, request, ports) : undefined;
  let machine: Remote | undefined;
  if (nodes.length === 0) {
    say(`no database node of ${region} runs: its restore machine is called, to be asked`);
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
  say(`calling ${restoreNode}`);
  machine ??= await machines.call(region);
  const restored = await restore(machine, request, (line) => say(`  ${line}`), ports.sleep);
  if (restored.code !== 0) {
    const reason = `${restored.error}. ${restored.code === LOG_ENDS ? `${NOT_ARCHIVED}. ` : ""}${restoreNode} stands: ${textsOf(region, ports.twin).end} first, then again`;
    return { plan, restored, outcome: { result: "failed", reason } };
  }
  const found = await inspect(machine, request.database, ports.settings.restoreTest.checks);
  say(foundText(restored, found, request.database));
  const wrong = found.checks.filter(({ expected, answer }) => expected !== answer).length;
  const stands = { plan, restored, found };
  if (ready) {
    const warning = wrong > 0 ? `${wrong} of the settings' checks fail. ` : "";
    if (warning) say(warning.trim());
    if (wrong > 0 && request.unasked)
      throw new UserError(
        `${wrong} of the settings' checks fail in what was restored to ${request.to}`,
        "With --yes there is nobody who could judge that; nothing was changed.",
        `${textsOf(region, ports.twin).end}; then again, with another --to, or without --yes`,
      );
    const outcome = await cutOver(ports, request, ready, restored, warning);
    if (outcome.result === "cut-over") await machines.end(region);
    return { ...stands, outcome };
  }
  if (!leader) {
    const failed = wrong > 0 ? `; ${wrong} of the settings' checks fail` : "";
    return {
      ...stands,
      outcome: { result: "restored", reason: `${reachText(request, restoreNode, ports.twin)}${failed}` },
    };
  }
  const where = schema === undefined ? "" : ` as ${schema}.…`;
  const answer = await confirm(
    `${wrong > 0 ? `${wrong} of the settings' checks fail. ` : ""}Bring ${request.tables.join(", ")} back to ${leader.name}${where}? (yes/no) `,
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
    outcome: { result: "carried", reason: `brought back: ${what}; ${restoreNode} is ended` },
  };
}

/** Tables are looked for before they are dumped: a name that isn't there costs nothing yet. */
async function bringBack(
  { contract, date, say }: RestorePorts,
  { region, database, tables }: RestoreRequest,
  way: { readonly from: Remote; readonly to: Remote },
  schema: string | undefined,
): Promise<Carried[]> {
  const there = await existing(way.from, database, tables, BY_HAND);
  const missing = tables.filter((table) => !there.includes(table));
  if (missing.length > 0) {
    throw new UserError(
      `no ${missing.join(", ")} in the restored ${database}`,
      "It was not there at that moment, or has another name.",
      "restore to another moment: npx dr restore --end, then again",
    );
  }
  say(`bringing ${tables.join(", ")} back, through the vault`);
  const { vaultBucket, repositoryPath } = contract[region];
  const address = `s3://${vaultBucket}${repositoryPath}/${REPOSITORY_FOLDERS.restoreTests}/tables/${stamp(date())}.dump.enc`;
  return carry(way, database, tables, { schema, address });
}

/** Who takes writes, in the region in which it is restored: machines of two regions share no vault that both may read. */
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
    `npx dr status shows which one that is; leave out --from, or --table. Stack ${contract[region].stack} was asked`,
  );
}

/** Where one of them stands already, all of them come beside it. */
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
  "What was written last is archived within minutes; at once by SELECT pg_switch_wal() on the leader";

function refuse({ to, region }: RestoreRequest, { error, code }: PlanReport): never {
  throw new UserError(
    `no restore to ${to} from the vault of ${region}`,
    error ?? "dr-restore gave no reason.",
    `${code === LOG_ENDS ? `${NOT_ARCHIVED}. Or ` : ""}another --to; after tampering --as-of; the other vault: --from`,
  );
}

const stamp = (date: Date): string =>
  date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "t");
