/** The steps that replace this node's data with restored data. */
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isLater, undone } from "../../guard/region/cut-over.js";
import { CUT_OVER_FILE, DATABASE_FOLDER, OLD_DATA, PATRONI_UNIT } from "../../layout.js";
import type { CutOverRoom, CutOverStatus, RestoreReport } from "../reports.js";
import { output, run } from "./commands.js";
import { type CutOverNode, startPatroni, stopPatroni, THIS_NODE } from "./cut-over-node.js";
import { removeTree, replaceFile, syncFolder } from "./files.js";
import { readJson } from "./node-config.js";
import { isGone, removeCluster, serverState, stopServer } from "./postmaster.js";
import { archiverFiles, carryPasswords, markLog } from "./restored-log.js";
import { LIVE } from "./sql.js";

/** The restored cluster's port. */
const PORT = 5499;
const CLEAN = ["shut down", "shut down in recovery"];
const END_SECONDS = 60;
const CHECKPOINT_MILLIS = 900_000;
const SHORT_MILLIS = 5000;
/**
 * For the stop in `close`, which includes PostgreSQL's last checkpoint. Together with the two checkpoints before it, it must
 * stay within the limit of `close` in operations/restore/cut-over-node.ts.
 */
const STOP_SECONDS = 1200;

type Prepared = NonNullable<CutOverStatus["prepared"]>;
type Mark = NonNullable<CutOverStatus["mark"]>;

export class CutOver {
  private readonly data: string;
  private readonly restored: string;
  /** Beside the restored data, for the log and the socket of their server. */
  private readonly restoring: string;
  /** While this file exists Patroni does not start: nodes/render/units.ts. */
  private readonly markFile: string;
  private readonly preparedFile: string;

  constructor(
    private readonly folder: string = DATABASE_FOLDER,
    private readonly node: CutOverNode = THIS_NODE,
  ) {
    this.data = join(folder, "data");
    this.restored = join(folder, "data.restored");
    this.restoring = `${this.restored}.restore`;
    this.markFile = join(folder, basename(CUT_OVER_FILE));
    this.preparedFile = join(folder, "cut-over-prepared.json");
  }

  async status(): Promise<CutOverStatus> {
    const before = readdirSync(this.folder).filter((name) => name.startsWith(OLD_DATA));
    return {
      patroni: await this.isActive(),
      data: isFolder(this.data),
      restored: isThere(this.restored) || isThere(this.restoring),
      before: before.map((name) => name.slice(OLD_DATA.length)).sort(),
      mark: this.readMark() ?? null,
      prepared: this.readPrepared() ?? null,
    };
  }

  async room(): Promise<CutOverRoom> {
    const { stdout } = await run(["du", "-sB1", this.data]);
    const { bavail, bsize } = statfsSync(this.folder);
    return { dataBytes: Number.parseInt(stdout, 10) || 0, freeBytes: bavail * bsize };
  }

  /** @param options further options for dr-restore @returns the process's exit code */
  async prepare(stamp: string, epoch: number, report: string, options: readonly string[]): Promise<number> {
    if (this.readMark() || this.readPrepared() || isThere(this.restored))
      throw new Error("this node has files of another cut-over: see dr-cut-over status");
    const where = ["--into", this.restored, "--keep-running", "--port", `${PORT}`, "--report", report];
    const restoring = this.node.restore(["dr-restore", ...where, ...options]);
    await this.write(this.preparedFile, { stamp, state: "restoring", process: restoring.process });
    if ((await restoring.ended) !== 0) {
      // dr-restore leaves nothing, unless it was killed, and its report gives the reason.
      await this.forgetOwn(stamp);
      return 1;
    }
    try {
      const { backup, timeline, lastCommit, endLsn } = readJson(report) as RestoreReport;
      await this.makeReady(epoch, timeline ?? undefined);
      await this.write(this.preparedFile, {
        stamp,
        state: "ready",
        epoch,
        backup,
        timeline,
        lastCommit,
        endLsn,
      });
      return 0;
    } catch (error) {
      await this.forgetOwn(stamp);
      throw error;
    }
  }

  private async makeReady(epoch: number, timeline: number | undefined): Promise<void> {
    if (!timeline) throw new Error("dr-restore's report names no timeline");
    const server = { sockets: join(this.restoring, "socket"), port: PORT };
    await markLog(this.node.ask, server, epoch, timeline);
    await carryPasswords(this.node.ask, server);
    await stopServer(this.restored, "fast");
    await this.handToArchiver(timeline);
    removeTree(this.restoring);
    await output(["sync", "-f", this.restored]);
  }

  async handToArchiver(timeline: number): Promise<void> {
    // The leader's next timeline begins with this segment again.
    const last = await this.node.control(this.restored, "Latest checkpoint's REDO WAL file");
    await this.node.touch(archiverFiles(join(this.restored, "pg_wal"), timeline, last));
  }

  async discard(stamp: string): Promise<void> {
    if (this.readMark())
      throw new Error("a cut-over is under way on this node; to undo it: dr-cut-over back");
    const prepared = this.readPrepared();
    if (prepared && prepared.stamp !== stamp)
      throw new Error(`the prepared data on this node belong to cut-over ${prepared.stamp}`);
    if (prepared?.process !== undefined) await end(prepared.process);
    await this.forgetPrepared();
  }

  /** What `discard` has ended is gone already, and another cut-over may have prepared its own since. */
  private async forgetOwn(stamp: string): Promise<void> {
    if (this.readPrepared()?.stamp === stamp) await this.forgetPrepared();
  }

  private async forgetPrepared(): Promise<void> {
    await removeCluster(this.restored, this.restoring);
    this.remove(this.preparedFile);
  }

  /**
   * Writes the mark first: from then on Patroni can't start, not even at a boot.
   * @returns the timeline of the data: it must be lower than the restored log's
   */
  async close(stamp: string): Promise<number> {
    const mark = this.readMark();
    if (mark && mark.stamp !== stamp) throw new Error(`cut-over ${mark.stamp} is under way on this node`);
    await this.requireWanted(stamp);
    if (!mark) {
      if (!isFolder(this.data)) throw new Error(`${this.data} does not exist`);
      await this.checkpoint();
      // The cut-over may have been undone during the checkpoint.
      await this.requireWanted(stamp);
      await this.write(this.markFile, { stamp, step: "close" });
    }
    await stopPatroni(this.node, STOP_SECONDS);
    await this.requireDown();
    const directory = isFolder(this.before(stamp)) ? this.before(stamp) : this.data;
    await this.requireClean(directory);
    return Number(await this.node.control(directory, "Latest checkpoint's TimeLineID"));
  }

  /** An order may arrive late, after its caller has given up. */
  private async requireWanted(stamp: string): Promise<void> {
    const { cutOver } = await this.node.order({ kind: "look" });
    if (cutOver === undone(stamp)) throw new Error(`cut-over ${stamp} was undone`);
    if (cutOver === stamp)
      throw new Error(
        `etcd has forgotten the log from before ${stamp}: this node continues with the restored log`,
      );
    if (isLater(cutOver, stamp)) throw new Error(`there was a later cut-over: ${cutOver}`);
  }

  /**
   * Patroni stops PostgreSQL without a checkpoint first, and writing a large cache takes longer than its unit allows. A
   * long checkpoint is followed by a second one, for the writes made meanwhile. If it fails, the stop only takes longer.
   */
  private async checkpoint(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      const begun = this.node.now();
      try {
        await this.node.ask(LIVE, "CHECKPOINT", CHECKPOINT_MILLIS);
      } catch (error) {
        process.stderr.write(`dr-cut-over: checkpoint failed: ${(error as Error).message}\n`);
        return;
      }
      if (this.node.now() - begun < SHORT_MILLIS) return;
    }
  }

  async aside(stamp: string, mustBePrepared = false): Promise<void> {
    await this.requireMark(stamp);
    const isPrepared = this.isPrepared(stamp);
    const gone = `the data prepared for cut-over ${stamp} are gone: there is no`;
    if (mustBePrepared && !isPrepared)
      throw new Error(`this node has no prepared data for cut-over ${stamp}`);
    if (!isFolder(this.before(stamp))) {
      if (isPrepared && !isFolder(this.restored)) throw new Error(`${gone} ${this.restored}`);
      await this.requireClean(this.data);
      this.rename(this.data, this.before(stamp));
    }
    if (isPrepared && isFolder(this.restored)) {
      await this.requireClean(this.restored);
      this.rename(this.restored, this.data);
    }
    if (isPrepared && !isFolder(this.data)) throw new Error(`${gone} ${this.data}`);
    await this.write(this.markFile, { stamp, step: "aside" });
  }

  /** Also on a node that wasn't closed: a late `close`, or a late order to forget the log, then finds the note in etcd. */
  async back(stamp: string): Promise<void> {
    const mark = this.readMark();
    if (mark) await this.requireMark(stamp);
    const { result, reason } = await this.node.order({ kind: "keep", stamp });
    if (result !== "kept") throw new Error(`the old data can't lead any more: ${reason}`);
    if (mark) {
      if (isFolder(this.before(stamp))) {
        if (isFolder(this.data)) this.rename(this.data, this.restored);
        this.rename(this.before(stamp), this.data);
      }
      this.remove(this.markFile);
    }
    // Also without a mark: an earlier run may have been killed at this point.
    await startPatroni(this.node);
  }

  async open(stamp: string): Promise<void> {
    if (this.readMark()) {
      await this.requireMark(stamp);
      const { cutOver } = await this.node.order({ kind: "look" });
      if (cutOver !== stamp) throw new Error(`etcd has not forgotten the log from before ${stamp} yet`);
      // For a read replica that was down.
      if (!isFolder(this.before(stamp))) await this.aside(stamp);
      this.remove(this.markFile);
    }
    if (this.isPrepared(stamp)) this.remove(this.preparedFile);
    await startPatroni(this.node);
  }

  private async requireDown(): Promise<void> {
    if ((await this.isActive()) === "active" || serverState(this.data) !== undefined)
      throw new Error("Patroni or PostgreSQL is still running");
  }

  private async requireClean(directory: string): Promise<void> {
    const state = await this.node.control(directory, "Database cluster state");
    if (!CLEAN.includes(state)) throw new Error(`PostgreSQL did not stop cleanly: ${state}`);
  }

  private async requireMark(stamp: string): Promise<void> {
    if (this.readMark()?.stamp !== stamp) throw new Error(`cut-over ${stamp} has not closed this node`);
    await this.requireDown();
  }

  private isPrepared(stamp: string): boolean {
    const prepared = this.readPrepared();
    return prepared?.stamp === stamp && prepared.state === "ready";
  }

  private async isActive(): Promise<string> {
    return (await this.node.systemctl("is-active", PATRONI_UNIT)).stdout.trim();
  }

  private before(stamp: string): string {
    return join(this.folder, `${OLD_DATA}${stamp}`);
  }

  private readMark(): Mark | undefined {
    return read(this.markFile) as Mark | undefined;
  }

  private readPrepared(): Prepared | undefined {
    return read(this.preparedFile) as Prepared | undefined;
  }

  private async write(file: string, value: Mark | Prepared): Promise<void> {
    replaceFile(file, `${JSON.stringify(value)}\n`);
    await this.node.own(file);
  }

  private remove(file: string): void {
    if (!existsSync(file)) return;
    rmSync(file);
    syncFolder(this.folder);
  }

  private rename(old: string, name: string): void {
    if (isThere(name)) throw new Error(`${name} already exists and is not overwritten`);
    renameSync(old, name);
    syncFolder(this.folder);
  }
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function read(file: string): unknown {
  try {
    return readJson(file);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** dr-restore may still be running, although its caller has ended. */
async function end(pid: number): Promise<void> {
  for (let attempt = 0; attempt < END_SECONDS; attempt++) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("dr-restore")) return;
      if (attempt === 0) process.kill(pid, "SIGTERM");
    } catch (error) {
      if (isGone(error)) return;
      throw error;
    }
    await sleep(1000);
  }
  throw new Error(`dr-restore (process ${pid}) does not end`);
}
