import { describe, expect, test } from "vitest";
import { patchedSource, simulatorsWith } from "./patched.js";
import { SCENES } from "./scenes.js";
import { SHELL_MUTANTS } from "./shell-mutants.js";

describe.each(Object.entries(SHELL_MUTANTS))("a guard that %s", (_name, patch) => {
  test("is noticed", async () => {
    const wrong = await simulatorsWith({ [patch.file]: patchedSource(patch) });
    const found: string[] = [];
    for (const scene of Object.values(SCENES))
      found.push(...(await scene(wrong).catch((error: Error) => [error.message])));
    expect(found).not.toEqual([]);
  });
});
