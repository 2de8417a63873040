import { afterEach, expect, test, vi } from "vitest";
import { count, time } from "../../../lab/drills/measure.js";
import { patience } from "../../../lab/drills/patience.js";

afterEach(() => vi.unstubAllEnvs());

test("is 1 unless told otherwise, and stretches expected times, never counts", () => {
  expect(patience()).toBe(1);
  expect(time("gap", 12, 10)).toMatchObject({ ok: false, expected: "≤ 10" });
  vi.stubEnv("DR_DRILL_PATIENCE", "3");
  expect(time("gap", 12, 10)).toMatchObject({ ok: true, expected: "≤ 30" });
  expect(time("gap", 31, 10).ok).toBe(false);
  expect(time("gap", 31).expected).toBeUndefined();
  expect(count("lost", 1, 0).ok).toBe(false);
});

test.each(["", "0.5", "11", "three"])("'%s' is refused", (text) => {
  vi.stubEnv("DR_DRILL_PATIENCE", text);
  expect(() => patience()).toThrow(/is no patience/);
});
