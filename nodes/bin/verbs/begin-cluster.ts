/**
 * Makes the data directory of a region's first cluster, for Patroni. An empty vault: an empty cluster. A vault with backups:
 * only what they contain, and only by an order (`npx dr restore --from copy`).
 *
 * The guard decides before whether a cluster may begin here at all: it keeps Patroni from starting where a region has served
 * before, so that no order can set back a deployment that is in use.
 */
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type BeginOrder, beginOrder, orderKey } from "../../begin-order.js";
import { controlValue } from "../../guard/region/control-data.js";
import { DATABASE_FOLDER, IMAGE_PATHS, POSTGRES_RUN, POSTGRES_USER } from "../../layout.js";
import { type RestoreReport, restoreReport } from "../reports.js";
import { output, run } from "./commands.js";
import { controlData } from "./control.js";
import { removeTree, touchAsPostgres } from "./files.js";
import { Repository } from "./repository.js";
import { archiverFiles } from "./restored-log.js";
import { Usage } from "./verb.js";

const USAGE = `dr-begin-cluster  creates the data of the region's first cluster, empty or from the vault's backups. Patroni runs it.
`;

/** A folder of a backup, complete or not. */
const LABEL = /^\d{8}-\d{6}F/;
const INITDB = ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", `--username=${POSTGRES_USER}`];
const ORDER_FILE = `${POSTGRES_RUN}/begin.json`;

export interface BeginNode {
  readonly repository: Pick<Repository, "stanzas" | "listing" | "place">;
  /** Parent of the data directory. */
  readonly folder: string;
  /** @returns undefined when the object can't be read */
  readonly fetch: (bucket: string, key: string) => Promise<string | undefined>;
  /** @throws CommandFailed */
  readonly run: (argv: readonly string[]) => Promise<void>;
  readonly control: (directory: string, name: string) => Promise<string>;
  readonly touch: (paths: readonly string[]) => Promise<void>;
}

const THIS_NODE = (): BeginNode => ({
  repository: new Repository(),
  folder: DATABASE_FOLDER,
  async fetch(bucket, key) {
    const { code } = await run(["dr-get-artifact", `s3://${bucket}/${key}`, ORDER_FILE]);
    return code === 0 ? readFileSync(ORDER_FILE, "utf8") : undefined;
  },
  run: async (argv) => void (await output(argv, { stdout: "inherit" })),
  async control(directory, name) {
    const { code, stdout } = await controlData(directory);
    const value = code === 0 ? controlValue(stdout, name) : undefined;
    if (value === undefined)
      throw new Error(`pg_controldata of ${directory}: exit code ${code}, and no '${name}' in its output`);
    return value;
  },
  touch: touchAsPostgres,
});

export async function beginCluster(args: readonly string[], node = THIS_NODE()): Promise<number> {
  if (args.some((arg) => !/^--(scope|datadir)=/.test(arg))) throw new Usage(USAGE, 2);
  const data = join(node.folder, "data");
  const found = await backupsIn(node.repository);
  if (found.length === 0) {
    await node.run([`${IMAGE_PATHS.postgresBin}/initdb`, "-D", data, ...INITDB]);
    return 0;
  }
  await restore(node, data, await orderIn(node, found));
  return 0;
}

/** @returns each stanza with backups, and how many. @throws RepositoryFailed when the vault doesn't answer */
async function backupsIn(repository: BeginNode["repository"]): Promise<string[]> {
  const found: string[] = [];
  for (const stanza of repository.stanzas()) {
    // Folders, not pgBackRest's own list: who hides the list hides no folder by that.
    const listed = await repository.listing(stanza, `backup/${stanza}`);
    const labels = Object.keys(listed).filter((name) => LABEL.test(name));
    if (labels.length > 0) found.push(`${labels.length} of ${stanza}`);
  }
  return found;
}

async function orderIn(node: BeginNode, found: readonly string[]): Promise<BeginOrder> {
  const { bucket, path } = node.repository.place();
  const key = orderKey({ repositoryPath: path });
  const text = await node.fetch(bucket, key);
  const refused = (why: string) =>
    new Error(
      `s3://${bucket} has backups (${found.join(", ")}), and no cluster begins beside them: ${why}. To begin from them: npx dr restore --from copy`,
    );
  if (text === undefined) throw refused(`there is no order in s3://${bucket}/${key}`);
  const order = beginOrder.safeParse(parsed(text));
  if (!order.success) throw refused(`s3://${bucket}/${key} is no order`);
  return order.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function restore(node: BeginNode, data: string, { to, orderedAt }: BeginOrder): Promise<void> {
  const [into, report] = [`${data}.restoring`, join(node.folder, "begun.json")];
  // Of an attempt that was killed.
  removeTree(into);
  removeTree(`${into}.restore`);
  process.stdout.write(`begins from the vault, as ordered at ${orderedAt}: to ${to}\n`);
  await node.run(["dr-restore", "--into", into, "--to", to, "--report", report]);
  const { timeline } = restoreReport.parse(JSON.parse(readFileSync(report, "utf8"))) as RestoreReport;
  if (!timeline) throw new Error(`${report} names no timeline`);
  // The lost deployment's settings, which Patroni would prefer to its own after a restart.
  removeTree(join(into, "patroni.dynamic.json"));
  const last = await node.control(into, "Latest checkpoint's REDO WAL file");
  await node.touch(archiverFiles(join(into, "pg_wal"), timeline, last));
  renameSync(into, data);
}
