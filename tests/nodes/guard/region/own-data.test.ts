import { expect, test } from "vitest";
import { readOwnData, type Sources } from "../../../../nodes/guard/region/own-data.js";

const where = { dataDirectory: "/data", node: "n1" };
const control = (state: string, recovery = 0) => `Database cluster state:               ${state}
Latest checkpoint's TimeLineID:       7
Min recovery ending loc's timeline:   ${recovery}
`;
const FOLDERS: Readonly<Record<string, string[]>> = {
  "/data/pg_replslot": ["standby_x", "dr_diverged_e1_t7_16384"],
  "/data": ["PG_VERSION"],
  "/var/lib/dr/diverged": [
    "r-epoch1-n1.json",
    "r-epoch1-n2.json",
    "r-epoch3-n1.json",
    "r-epoch1-n1-app.jsonl.gz",
  ],
};
const machine = (state: string, news: Partial<Sources> = {}): Sources => ({
  controlData: async () => control(state),
  list: async (folder) => FOLDERS[folder] ?? [],
  read: async (file) => (file.includes("epoch1") ? '{"epoch":1,"state":"saved","rows":4}' : "{"),
  patroniRuns: () => true,
  ...news,
});

test("slots, records of this node, and what the data were last", async () => {
  expect(await readOwnData(where, machine("in production"))).toEqual({
    slots: [{ name: "dr_diverged_e1_t7_16384", epoch: 1, timeline: 7, database: 16384 }],
    isStandby: false,
    timeline: 7,
    records: [{ epoch: 1, state: "saved", rows: 4 }],
    patroniRuns: true,
  });
});

test.each([
  '{"epoch":1}',
  '{"epoch":1,"state":1}',
  '{"epoch":1.5,"state":"saved"}',
  '{"epoch":"1","state":"saved"}',
])("a record that says %s counts as missing", async (text) => {
  const read = async () => text;
  expect((await readOwnData(where, machine("in production", { read }))).records).toEqual([]);
});

test.each([
  ["in production", false],
  ["shut down", false],
  ["shutting down", false],
  ["in archive recovery", true],
  ["shut down in recovery", true],
  ["starting up", undefined],
])("one that is %s", async (state, isStandby) => {
  expect((await readOwnData(where, machine(state))).isStandby).toBe(isStandby);
});

test("a fresh copy of a primary is none", async () => {
  const list = async (folder: string) => (folder === "/data" ? ["backup_label"] : []);
  expect((await readOwnData(where, machine("in production", { list }))).isStandby).toBe(true);
});

test("a standby is where its recovery has come to", async () => {
  const controlData = async () => control("in archive recovery", 8);
  expect((await readOwnData(where, machine("", { controlData }))).timeline).toBe(8);
});

test("without data nothing is known, and nothing is in the way", async () => {
  const controlData = async () => {
    throw new Error("no such file");
  };
  const read = await readOwnData(where, machine("", { controlData, list: async () => [] }));
  expect(read).toEqual({ slots: [], isStandby: undefined, timeline: 0, records: [], patroniRuns: true });
});
