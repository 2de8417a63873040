/** Reads this node's volume: does it contain writes that no other node has? */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { IMAGE_PATHS } from "../../layout.js";
import { patroniRuns } from "../shared/processes.js";
import { controlValue, ofThisMachine } from "./control-data.js";
import { slotOf } from "./diverged.js";
import type { OwnData, SaveRecord } from "./region-facts.js";

/** On the data volume, beside the data directory: a rewind or a new copy doesn't touch it. */
export const DIVERGED_FOLDER = `${IMAGE_PATHS.data}/diverged`;

const STANDBY = ["in archive recovery", "shut down in recovery"];
const PRIMARY = ["in production", "shutting down", "shut down", "in crash recovery"];

export interface Sources {
  readonly controlData: (dataDirectory: string) => Promise<string>;
  readonly list: (folder: string) => Promise<string[]>;
  readonly read: (file: string) => Promise<string>;
  readonly patroniRuns: () => boolean;
}

const MACHINE: Sources = {
  controlData: (dataDirectory) => ofThisMachine.read(dataDirectory),
  list: (folder) => readdir(folder).catch(() => []),
  read: (file) => readFile(file, "utf8"),
  patroniRuns,
};

/** An unreadable file counts as missing: it must not keep the node out of the cluster. */
export async function readOwnData(
  { dataDirectory, node }: { readonly dataDirectory: string; readonly node: string },
  { controlData, list, read, patroniRuns }: Sources = MACHINE,
): Promise<OwnData> {
  const [control, slots, files, kept] = await Promise.all([
    controlData(dataDirectory).catch(() => ""),
    list(join(dataDirectory, "pg_replslot")),
    list(dataDirectory),
    list(DIVERGED_FOLDER),
  ]);
  const records = await Promise.all(
    kept
      .filter((name) => name.endsWith(`-${node}.json`))
      .map((name) => read(join(DIVERGED_FOLDER, name)).then(recordOf, () => undefined)),
  );
  const state = controlValue(control, "Database cluster state") ?? "";
  const timelines = ["Latest checkpoint's TimeLineID", "Min recovery ending loc's timeline"];
  // A copy of a primary reports the primary's state until it is started.
  const isCopy = files.includes("backup_label");
  const isStandby = isCopy || STANDBY.includes(state) ? true : PRIMARY.includes(state) ? false : undefined;
  return {
    slots: slots.map(slotOf).filter((slot) => slot !== undefined),
    isStandby,
    timeline: Math.max(...timelines.map((name) => Number(controlValue(control, name) ?? 0))),
    records: records.filter((record) => record !== undefined),
    patroniRuns: patroniRuns(),
  };
}

function recordOf(text: string): SaveRecord | undefined {
  try {
    const record = JSON.parse(text) as SaveRecord;
    return Number.isSafeInteger(record.epoch) && typeof record.state === "string" ? record : undefined;
  } catch {
    return undefined;
  }
}
