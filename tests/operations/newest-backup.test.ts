import { describe, expect, test } from "vitest";
import { newestIn } from "../../operations/vault/newest-backup.js";

const FOLDER = "eu-west-1/backup/drs-eu-west-1/";
const FULL = "20260701-010000F";
const LATER = `${FULL}_20260701-030000I`;
const NEXT = "20260701-020000F";
const at = (text: string) => Date.parse(text);

/** @param ended label → when its manifest was written; without one it is being made, or was given up */
function vault(ended: Readonly<Record<string, string | undefined>>) {
  const asked: string[] = [];
  const bucket = {
    folders: async () => [...Object.keys(ended), "backup.history"],
    modifiedAt: async (key: string) => {
      asked.push(key);
      const label = key.slice(FOLDER.length).split("/")[0] as string;
      const time = ended[label];
      return time === undefined ? undefined : at(time);
    },
  };
  return { bucket, asked };
}
const newest = (ended: Parameters<typeof vault>[0]) => newestIn(vault(ended).bucket, FOLDER);

describe("the newest backup", () => {
  test("is the one that began last, whichever full one it stands upon", async () => {
    const ended = {
      [FULL]: "2026-07-01T01:01:00Z",
      [NEXT]: "2026-07-01T02:01:00Z",
      [LATER]: "2026-07-01T03:01:00Z",
    };
    expect(await newest(ended)).toEqual({
      label: LATER,
      kind: "incremental",
      endedAt: "2026-07-01T03:01:00.000Z",
    });
  });

  test("is none that is not complete", async () => {
    expect(await newest({ [FULL]: "2026-07-01T01:01:00Z", [NEXT]: undefined })).toMatchObject({
      label: FULL,
    });
    expect(await newest({ [NEXT]: undefined })).toBeNull();
    expect(await newest({})).toBeNull();
  });

  test("is known by its manifest alone", async () => {
    const { bucket, asked } = vault({ [FULL]: "2026-07-01T01:01:00Z" });
    await newestIn(bucket, FOLDER);
    expect(asked).toEqual([`${FOLDER}${FULL}/backup.manifest`]);
  });
});
