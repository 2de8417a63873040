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
  expect(trusted(old, undefined, "same", "here")).toBe(old);
  expect(trusted(old, old, "same", "here")).toBe(old);
});

test("another one is refused, unless asked for", () => {
  expect(() => trusted(fresh, old, "same", "eu-west-1")).toThrow(
    /nodes in eu-west-1 trust another authority/,
  );
});

test("a change of authority: both for a time, during which either may renew, then only the new one", () => {
  const both = trusted(fresh, old, "both", "here");
  expect(both).toBe(fresh + old);
  expect(trusted(fresh, both, "same", "here")).toBe(both);
  expect(trusted(old, both, "same", "here")).toBe(both);
  expect(trusted(fresh, both, "both", "here")).toBe(both);
  expect(trusted(fresh, both, "only", "here")).toBe(fresh);
});
