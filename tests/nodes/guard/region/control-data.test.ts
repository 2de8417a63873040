import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ControlData } from "../../../../nodes/guard/region/control-data.js";

let folder: string;
let asked: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dr-control-"));
  mkdirSync(join(folder, "global"));
  asked = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (seconds: number) => {
  const file = join(folder, "global/pg_control");
  writeFileSync(file, "");
  utimesSync(file, seconds, seconds);
};
const source = (now: number) =>
  new ControlData(
    async () => `answer ${++asked}`,
    () => now,
  );

test("is read again when the file has changed", async () => {
  const data = source(2_000_000);
  write(1_000);
  expect(await data.read(folder)).toBe("answer 1");
  expect(await data.read(folder)).toBe("answer 1");
  write(1_001);
  expect(await data.read(folder)).toBe("answer 2");
  expect(await data.read(folder)).toBe("answer 2");
});

test("is read again while another write may not show in the change time", async () => {
  const data = source(1_000_050);
  write(1_000);
  expect(await data.read(folder)).toBe("answer 1");
  expect(await data.read(folder)).toBe("answer 2");
});

test("has nothing to say where there is no file", async () => {
  await expect(source(0).read(folder)).rejects.toThrow("ENOENT");
  expect(asked).toBe(0);
});
