import { describe, expect, test } from "vitest";
import { SCENES } from "./scenes.js";
import * as right from "./simulators.js";

describe.each(Object.entries(SCENES))("a guard that %s", (_name, scene) => {
  test("does it right", async () => {
    expect(await scene(right)).toEqual([]);
  });
});
