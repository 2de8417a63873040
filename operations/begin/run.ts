/**
 * Fills the vault of a new deployment from the third copy, and orders its first cluster to begin from it: for when the
 * account, its secrets and the state are gone. It overwrites nothing that a cluster has written.
 */
import { UserError } from "../../common/errors.js";
import type { Escrow } from "../../escrow/sealed.js";
import { type BeginOrder, orderKey } from "../../nodes/begin-order.js";
import { clusterName } from "../../nodes/layout.js";
import type { Contract } from "../../settings/contract.js";
import { REGION_IDS, type TableReading } from "../observation.js";
import type { History } from "../vault/history.js";
import { backupsOf, type Choice, choose, newestLog } from "./choose.js";
import { type Progressed, sizesIn, type Target, totalOf, transfer } from "./transfer.js";

/** The new deployment, and the copy of the lost one. */
export interface BeginPorts {
  readonly contract: Contract;
  /** The bucket in the other account. */
  readonly copy: { readonly name: string; histories(prefix: string): Promise<History[]> };
  /** The home region's vault. S3 replicates what is put there into the other one. */
  readonly vault: Target & { put(key: string, text: string): Promise<void> };
  readonly passphrase: {
    /** @returns undefined before a first value */
    read(): Promise<string | undefined>;
    write(value: string): Promise<void>;
  };
  readClaims(): Promise<Pick<TableReading, "regions">>;
  /** @returns whether to go on */
  confirm(plan: BeginPlan): Promise<boolean>;
  report(done: Progressed, all: Progressed): void;
  readonly now: () => Date;
}

export interface BeginRequest {
  readonly escrow: Pick<Escrow, "passphrase" | "places">;
  /** ISO 8601 in UTC, or `latest`. */
  readonly to: BeginOrder["to"];
  /** Milliseconds since 1970. */
  readonly asOf?: number;
}

export interface BeginPlan extends Omit<Choice, "chosen"> {
  readonly from: string;
  readonly into: string;
  readonly to: string;
  readonly all: Progressed;
  /** Objects that are in the vault already. */
  readonly present: number;
  readonly backups: readonly string[];
  /** ISO 8601; null: no log at all. */
  readonly newestLog: string | null;
  readonly changesPassphrase: boolean;
}

export interface BeginResult {
  readonly plan: BeginPlan;
  /** Undefined when the operator said no. */
  readonly copied?: Progressed;
}

/** pgBackRest's own folders of a repository. Dumps and reports are no part of a restore. */
const FOLDERS = ["archive", "backup"];

export async function runBegin(ports: BeginPorts, request: BeginRequest): Promise<BeginResult> {
  const { contract, copy, vault } = ports;
  requireSameNames(contract, request.escrow);
  await requireNeverServed(ports);
  const prefixes = REGION_IDS.flatMap((id) =>
    FOLDERS.map((folder) => `${contract[id].repositoryPath.slice(1)}/${folder}/`),
  );
  const histories = (await Promise.all(prefixes.map((prefix) => copy.histories(prefix)))).flat();
  const { chosen, ...notChosen } = choose(histories, request.asOf);
  const backups = backupsOf(chosen);
  if (backups.length === 0)
    throw new UserError(
      `s3://${copy.name} has no complete backup below ${prefixes.join(", ")}`,
      notChosen.hidden.length > 0
        ? `${notChosen.hidden.length} objects are hidden.`
        : "The copy is of other regions, or empty.",
      notChosen.hidden.length > 0
        ? "pass --as-of with a time before they were hidden"
        : "check the bucket and the settings `regions`: they must be the lost deployment's",
    );
  const there = await sizesIn(vault, prefixes);
  const known = new Set(histories.map(([{ key }]) => key));
  requireNothingElse(
    vault.name,
    [...there.keys()].filter((key) => !known.has(key)),
  );
  const present = await ports.passphrase.read();
  const changesPassphrase = present !== request.escrow.passphrase;
  if (changesPassphrase && there.size > 0) throw otherPassphrase(vault.name, contract, there.size);
  const newest = newestLog(chosen);
  const plan: BeginPlan = {
    ...notChosen,
    ...{ from: copy.name, into: vault.name, to: request.to, all: totalOf(chosen), present: there.size },
    ...{
      backups,
      changesPassphrase,
      newestLog: newest === undefined ? null : new Date(newest).toISOString(),
    },
  };
  if (!(await ports.confirm(plan))) return { plan };
  // First: from the first object on, the vault belongs to this passphrase.
  if (changesPassphrase) await ports.passphrase.write(request.escrow.passphrase);
  const copied = await transfer(copy.name, vault, chosen, { prefixes, report: ports.report });
  // A stack may have been deployed meanwhile: its empty cluster would be beside the copies.
  await requireNeverServed(ports);
  // Last: without it no cluster begins from a copy that isn't whole.
  const order: BeginOrder = { orderedAt: ports.now().toISOString(), to: request.to };
  await vault.put(orderKey(contract.home), `${JSON.stringify(order)}\n`);
  return { plan, copied };
}

/** The copy's paths and stanzas are named after the lost deployment. */
function requireSameNames(contract: Contract, { places }: BeginRequest["escrow"]): void {
  for (const { id, stanza, repositoryPath } of places.regions) {
    const own = { stanza: clusterName(contract[id]), path: contract[id].repositoryPath };
    if (own.stanza === stanza && own.path === repositoryPath) continue;
    throw new UserError(
      `the ${id} region's backups are ${own.stanza} below ${own.path} here, and ${stanza} below ${repositoryPath} in the escrow`,
      "A new deployment continues the lost one's repositories, under the same names.",
      "use the lost deployment's settings `name` and `regions`: the escrow contains its settings files",
    );
  }
}

async function requireNeverServed({ contract, readClaims }: BeginPorts): Promise<void> {
  const { regions } = await readClaims();
  const served = REGION_IDS.find((id) => regions[id].status.opened > 0);
  if (!served) return;
  throw new UserError(
    `region ${contract[served].region} has served clients in epoch ${regions[served].status.opened}`,
    "Only a deployment that has never served begins from a copy; to set one back: npx dr restore --to <time> --all.",
    "run it in the new account, after stack global and before prod; prod is there already: runbooks/account-gone.md, step 4",
  );
}

function requireNothingElse(name: string, others: readonly string[]): void {
  const [first] = others;
  if (first === undefined) return;
  throw new UserError(
    `s3://${name} has ${others.length} objects that the copy doesn't have: ${first}`,
    "A cluster has archived or made backups there. This command overwrites nothing.",
    "use a new deployment; one whose empty cluster began before: runbooks/account-gone.md, step 4",
  );
}

const otherPassphrase = (vault: string, { secrets }: Contract, objects: number): UserError =>
  new UserError(
    `the secret ${secrets.backupCipher} differs from the escrow's passphrase, and s3://${vault} has ${objects} objects`,
    "They were made with the secret's value, which would be lost.",
    "check that the escrow is the lost deployment's; begin with an empty vault",
  );
