import { expect, test } from "vitest";
import { PostgresLog } from "../../../../nodes/guard/region/local-log.js";
import type { LogEnd } from "../../../../nodes/guard/region/region-facts.js";

const mark = { epoch: 3, timeline: 7 };
const primary: LogEnd = { startedAt: 1, isPrimary: true, timeline: 7, mark, lsn: 500 };
const controlData = (state: string) => `pg_control version number:            1300
Database cluster state:               ${state}
Latest checkpoint location:           1/70000A0
Latest checkpoint's REDO location:    1/70000A0
`;

function log(ends: readonly (LogEnd | Error)[], state: string) {
  const left = [...ends];
  const readEnd = async () => {
    const end = left.shift();
    if (!end || end instanceof Error) throw end ?? new Error("no answer");
    return end;
  };
  return new PostgresLog(
    "/data",
    { readEnd, markLog: async () => {} },
    {
      read: async () => controlData(state),
    },
  );
}

test("a primary that was shut down says where its log ends, by the mark that it had", async () => {
  const stopped = log([primary, new Error("gone")], "shut down");
  expect(await stopped.end()).toEqual(primary);
  expect(await stopped.end()).toMatchObject({ isPrimary: false, mark, lsn: 2 ** 32 + 0x70000a0 + 1 });
});

test.each(["in production", "shutting down", "shut down in recovery", "in archive recovery"])(
  "one that is %s does not",
  async (state) => {
    const one = log([primary, new Error("gone")], state);
    await one.end();
    await expect(one.end()).rejects.toThrow("gone");
  },
);

test("nor of a standby, nor of a primary whose mark this node hasn't read", async () => {
  const standby = log(
    [{ ...primary, isPrimary: false, timeline: undefined }, new Error("gone")],
    "shut down",
  );
  await standby.end();
  await expect(standby.end()).rejects.toThrow("gone");
  await expect(log([new Error("gone")], "shut down").end()).rejects.toThrow("gone");
});
