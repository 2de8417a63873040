/** `dr bootstrap ca`: an authority, new or kept, and certificates for the nodes of both regions. */
import { UserError } from "../common/errors.js";
import { contractOf } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import {
  type Authority,
  createAuthority,
  issueLeaf,
  LEAF_DAYS,
  type LeafRequest,
  type NodeCertificate,
  STAGGER_DAYS,
} from "./authority.js";
import { loadAuthority, saveAuthority, saveLeaf } from "./folder.js";
import { type PublishArgs, publishTo } from "./publish.js";

export interface BootstrapArgs {
  readonly settings: SharedSettings;
  /** Folder of a new authority (`out`) or of an existing one (`authority`): exactly one of them. */
  readonly out?: string;
  readonly authority?: string;
  /** Only these nodes. Default: every node of both regions, read replicas and restore machines included. */
  readonly nodes?: readonly string[];
  /** Validity of the home region's certificates; default a year. The recovery region's last STAGGER_DAYS longer. */
  readonly days?: number;
  /** Put them where the nodes fetch them. Default: into the authority's folder. */
  readonly publish: boolean;
  /** Folder of an authority that nodes are to trust as well. */
  readonly alsoTrust?: string;
  /** Let nodes trust the signing authority alone. */
  readonly trustOnly?: boolean;
  readonly report: (line: string) => void;
}

interface RegionLeaves {
  readonly region: string;
  readonly leaves: Readonly<Record<string, NodeCertificate>>;
}

/** @throws UserError for bad options, an authority that can't sign, and what publishing finds. */
export async function bootstrapAuthority(args: BootstrapArgs): Promise<void> {
  const { settings, publish, report } = args;
  // Only names that no account is part of are used here.
  const contract = contractOf(settings, settings.accountId ?? "");
  const chosen = chooseNodes(
    [contract.home, contract.recovery].map(({ id, region, databaseNodes, readReplicas, restoreNode }) => ({
      region,
      days: (args.days ?? LEAF_DAYS) + (id === "recovery" ? STAGGER_DAYS : 0),
      nodes: [...databaseNodes, ...readReplicas, { name: restoreNode }],
    })),
    args.nodes,
  );
  const also = args.alsoTrust === undefined ? undefined : (await loadAuthority(args.alsoTrust)).certificate;
  const { folder, authority } = await authorityOf(args);
  const regions: RegionLeaves[] = [];
  for (const { region, nodes, days } of chosen) {
    const leaves: Record<string, NodeCertificate> = {};
    for (const node of nodes) leaves[node.name] = await issueLeaf(authority, { ...node, days });
    regions.push({ region, leaves });
  }
  if (!publish) {
    for (const { leaves } of regions) {
      for (const [node, leaf] of Object.entries(leaves)) report(await saveLeaf(folder, node, leaf));
    }
    report("not published: run again with --authority and --publish, or copy these files to the nodes");
    return;
  }
  await publishAll(regions, {
    contract,
    accountId: settings.accountId,
    authority: authority.certificate,
    trust: { also, only: args.trustOnly },
    report,
  });
}

/** @throws UserError for a name that no region has. */
function chooseNodes(
  regions: readonly {
    readonly region: string;
    readonly days: number;
    readonly nodes: readonly LeafRequest[];
  }[],
  names: readonly string[] | undefined,
) {
  const all = regions.flatMap(({ nodes }) => nodes.map(({ name }) => name));
  const stray = names?.filter((name) => !all.includes(name)) ?? [];
  if (stray.length > 0) {
    throw new UserError(
      `there is no database node ${stray.join(", ")}`,
      `The settings name ${all.join(", ")}.`,
      "use one of these; for a new read replica, raise `database.readReplicas` first",
    );
  }
  return regions
    .map(({ nodes, ...region }) => ({
      ...region,
      nodes: nodes.filter(({ name }) => names?.includes(name) ?? true),
    }))
    .filter(({ nodes }) => nodes.length > 0);
}

async function authorityOf(args: BootstrapArgs): Promise<{ folder: string; authority: Authority }> {
  if ((args.out === undefined) === (args.authority === undefined)) {
    throw new UserError(
      args.out === undefined
        ? "neither --out nor --authority is given"
        : "--out and --authority are both given",
      "the authority is either a new one or an existing one",
      "pass --out <folder> to create one, or --authority <folder> to use one",
    );
  }
  if (args.authority !== undefined)
    return { folder: args.authority, authority: await loadAuthority(args.authority) };
  const folder = args.out as string;
  const authority = await createAuthority(`${args.settings.name} database nodes`);
  await saveAuthority(folder, authority);
  args.report(`${folder}: a new authority; its key is in authority.key and nowhere else: keep it offline`);
  return { folder, authority };
}

/** Each region separately: while one is down, the other still gets its certificates. */
async function publishAll(
  regions: readonly RegionLeaves[],
  { report, ...common }: Omit<PublishArgs, "region" | "leaves"> & Pick<BootstrapArgs, "report">,
): Promise<void> {
  const results = await Promise.allSettled(regions.map((one) => publishTo({ ...common, ...one })));
  const failures: string[] = [];
  results.forEach((result, i) => {
    const { region, leaves } = regions[i] as RegionLeaves;
    const count = Object.keys(leaves).length;
    if (result.status === "fulfilled") report(`${region}: ${count} certificates published`);
    else failures.push(`${region}: ${(result.reason as Error).message}`);
  });
  if (failures.length === 0) return;
  if (results.length === 1 && results[0]?.status === "rejected") throw results[0].reason;
  throw new UserError(
    `certificates are not published in ${failures.length} of ${results.length} regions`,
    failures.join("\n  "),
    "fix the cause and run again with --authority: published certificates are just renewed",
  );
}
