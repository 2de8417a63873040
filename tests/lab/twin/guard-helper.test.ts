/** The guard's side of the kernel helper, with one that dies or hangs when told to. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { monotonic } from "../../../nodes/guard/shared/clock.js";
import { Kernel } from "../../../nodes/guard/shared/kernel.js";

const HELPER = `
import os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
for line in sys.stdin:
    with open(here + "/orders", "a") as file: file.write(line)
    if os.path.exists(here + "/die"): sys.exit(1)
    if os.path.exists(here + "/hang"): time.sleep(60)
    print('{"ok": true}', flush=True)
`;

let folder: string;
let kernel: Kernel;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dr-helper-"));
  await writeFile(join(folder, "lease.py"), HELPER);
  kernel = new Kernel(join(folder, "lease.py"));
  await kernel.open(monotonic() + 2000);
});
afterEach(async () => {
  kernel.stop();
  await rm(folder, { recursive: true, force: true });
});
const orders = async () =>
  (await readFile(join(folder, "orders"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("a helper that dies is reported, and another one takes the next order", async () => {
  await writeFile(join(folder, "die"), "");
  await expect(kernel.close()).rejects.toThrow("did not answer");
  await rm(join(folder, "die"));
  await kernel.close();
  expect((await orders()).at(-1)).toEqual({ close: true });
});

test("orders given while it hangs don't pile up before a closing", async () => {
  await writeFile(join(folder, "hang"), "");
  const first = kernel.open(monotonic() + 2000).catch((error: Error) => error.message);
  // Under way when the others come.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const more = Array.from({ length: 20 }, (_, i) => kernel.open(monotonic() + 2000 + i));
  const closing = kernel.close();
  expect(await first).toContain("did not answer");
  await rm(join(folder, "hang"));
  await closing;
  await Promise.all(more);
  const given = await orders();
  expect(given.at(-1)).toEqual({ close: true });
  // One before each test, and the one that hung, if it came that far.
  expect(given.length).toBeLessThanOrEqual(3);
});
