/** `dr-cut-over`: reads its arguments, and runs one step at a time. */
import { IMAGE_PATHS } from "../../layout.js";
import { CutOver } from "./cut-over-steps.js";
import { locked } from "./lock.js";
import { guardConfig } from "./node-config.js";
import { OwnPatroni } from "./own-patroni.js";
import { Usage } from "./verb.js";

const USAGE = `Replaces this node's data with restored data, step by step; \`npx dr restore --all\` runs the steps on all nodes of a region.

  dr-cut-over status                prints this node's state as JSON
  dr-cut-over room                  prints the size of the data and the free space on their volume, in bytes, as JSON
  dr-cut-over members               prints the members of the cluster as this node's Patroni reports them, as JSON
  dr-cut-over prepare STAMP EPOCH REPORT [dr-restore's options]
                                    restores beside the data, while they serve, and marks the result for the epoch
  dr-cut-over discard STAMP         removes the result of \`prepare\`, unless it is in use
  dr-cut-over close STAMP           stops Patroni and keeps it stopped across reboots; PostgreSQL must stop cleanly.
                                    Prints the timeline of the data; refuses after the cut-over was undone
  dr-cut-over aside STAMP [restored]
                                    data → data.before-STAMP; if it was prepared, data.restored → data. With \`restored\` it
                                    fails unless it was prepared on this node
  dr-cut-over back STAMP            notes in etcd that the cut-over is undone, reverts close and aside, and starts Patroni;
                                    refuses after etcd has forgotten the old log
  dr-cut-over open STAMP            starts Patroni on the present data; refuses until etcd has forgotten the old log

No step overwrites anything or deletes data that served. You may kill any step and run it again: it does the rest, and refuses
when the previous step is missing.
`;

/** In memory: two simultaneous orders, for example after a broken connection, wait for each other. */
const LOCK = `${IMAGE_PATHS.run}/cut-over.lock`;
const STAMP = /^\d{8}T\d{6}Z$/;

/** The steps that take only a stamp; `aside` takes one more argument. */
const steps = (
  cutOver: CutOver,
  mustBePrepared: boolean,
): Readonly<Record<string, (stamp: string) => Promise<unknown>>> => ({
  discard: (stamp) => cutOver.discard(stamp),
  close: (stamp) => cutOver.close(stamp),
  aside: (stamp) => cutOver.aside(stamp, mustBePrepared),
  back: (stamp) => cutOver.back(stamp),
  open: (stamp) => cutOver.open(stamp),
});

export interface CutOverPlace {
  readonly cutOver: CutOver;
  readonly lock: string;
  readonly say: (line: string) => void;
}

const HERE = (): CutOverPlace => ({
  cutOver: new CutOver(),
  lock: LOCK,
  say: (line) => process.stdout.write(`${line}\n`),
});

async function members(): Promise<unknown> {
  const patroni = new OwnPatroni(guardConfig());
  return await patroni.members().finally(() => patroni.close());
}

export async function cutOver(args: readonly string[], place = HERE()): Promise<number> {
  const [command = "", stamp = "", ...others] = args;
  const { cutOver, lock, say } = place;
  const looks: Readonly<Record<string, () => Promise<unknown>>> = {
    status: () => cutOver.status(),
    room: () => cutOver.room(),
    members,
  };
  const look = Object.hasOwn(looks, command) ? looks[command] : undefined;
  if (look && args.length === 1) {
    say(JSON.stringify(await look()));
    return 0;
  }
  const [epoch = "", report, ...options] = others;
  if (command === "prepare" && STAMP.test(stamp) && /^\d+$/.test(epoch) && report !== undefined)
    // Without the lock: it takes long, and `discard` may end it.
    return await cutOver.prepare(stamp, Number(epoch), report, options);
  const mustBePrepared = command === "aside" && others.length === 1 && others[0] === "restored";
  const all = steps(cutOver, mustBePrepared);
  const step = Object.hasOwn(all, command) ? all[command] : undefined;
  if (!step || !STAMP.test(stamp) || (others.length > 0 && !mustBePrepared)) throw new Usage(USAGE, 2);
  const said = await locked(lock, () => step(stamp));
  if (typeof said === "number") say(`${said}`);
  return 0;
}
