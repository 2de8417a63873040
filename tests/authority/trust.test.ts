import { beforeAll, expect, test } from "vitest";
import { createAuthority } from "../../authority/authority.js";
import { trusted } from "../../authority/trust.js";

let old: string;
let fresh: string;
beforeAll(async () => {
  old = (await createAuthority("old")).certificate;
  fresh = (await createAuthority("fresh")).certificate;
});

test("the first authority is trusted, and stays so", () => {
  expect(trusted(old, undefined, {}, "here")).toBe(old);
  expect(trusted(old, old, {}, "here")).toBe(old);
});

test("one that nodes don't trust yet may not sign", () => {
  expect(() => trusted(fresh, old, {}, "eu-west-1")).toThrow(
    /nodes in eu-west-1 trust a different authority/,
  );
  expect(() => trusted(fresh, old, { also: old }, "here")).toThrow(/trust a different authority/);
});

test("a change of authority: both while certificates change, once each, then the new one alone", () => {
  const both = trusted(old, old, { also: fresh }, "here");
  expect(both).toBe(old + fresh);
  expect(trusted(old, both, { also: fresh }, "here")).toBe(both);
  expect(trusted(fresh, both, {}, "here")).toBe(both);
  expect(trusted(fresh, both, { only: true }, "here")).toBe(fresh);
});
