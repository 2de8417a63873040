/**
 * The evaluator itself, by AWS's documented logic; `tests/support/iam.ts` names the pages.
 */
import { describe, expect, test } from "vitest";
import { type Caller, decide, mayCall, type Target } from "../support/iam.js";

const ACCOUNT = "111122223333";
const OTHER = "444455556666";
const ROLE = `arn:aws:iam::${ACCOUNT}:role/worker`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/i-1`;

const document = (...statements: object[]) => JSON.stringify({ Statement: statements });
const allow = (rest: object = {}) => ({ Effect: "Allow", Action: "s3:GetObject", Resource: "*", ...rest });
const deny = (rest: object = {}) => ({ ...allow(rest), Effect: "Deny" });
const by = (AWS: string) => ({ Principal: { AWS } });

const read = { action: "s3:GetObject", resource: "arn:aws:s3:::bucket/key" };
const caller = (rest: Partial<Caller> = {}): Caller => ({
  role: ROLE,
  session: SESSION,
  policies: [],
  ...rest,
});
const bucket = (...statements: object[]): Target => ({
  accountId: ACCOUNT,
  ...(statements.length > 0 && { policy: document(...statements) }),
});

describe("one account", () => {
  test("without an allow everything is denied", () => {
    expect(mayCall(read, caller(), bucket())).toBe(false);
    expect(mayCall(read, caller({ policies: [document(allow())] }), bucket())).toBe(true);
  });

  test("an explicit denial wins, wherever it is", () => {
    const policies = [document(allow())];
    expect(mayCall(read, caller({ policies: [...policies, document(deny())] }), bucket())).toBe(false);
    expect(mayCall(read, caller({ policies, boundary: document(allow(), deny()) }), bucket())).toBe(false);
    expect(mayCall(read, caller({ policies }), bucket({ ...deny(), Principal: "*" }))).toBe(false);
    const toSession = bucket({ ...allow(), ...by(SESSION) });
    expect(mayCall(read, caller({ boundary: document(deny()) }), toSession)).toBe(false);
  });

  test("a boundary grants nothing, and caps what policies grant", () => {
    const policies = [document(allow({ Action: "s3:*" }))];
    const boundary = document(allow());
    expect(mayCall(read, caller({ boundary }), bucket())).toBe(false);
    expect(mayCall(read, caller({ policies, boundary }), bucket())).toBe(true);
    expect(mayCall({ ...read, action: "s3:PutObject" }, caller({ policies, boundary }), bucket())).toBe(
      false,
    );
  });

  test("a resource's policy that names the role allows within the boundary, one that names the session despite it", () => {
    const boundary = document(allow({ Action: "ec2:*" }));
    const toRole = bucket({ ...allow(), ...by(ROLE) });
    expect(mayCall(read, caller(), toRole)).toBe(true);
    expect(mayCall(read, caller({ boundary }), toRole)).toBe(false);
    expect(mayCall(read, caller({ boundary }), bucket({ ...allow(), ...by(SESSION) }))).toBe(true);
  });

  test("a resource's policy that names the account leaves it to the account's own policies", () => {
    const toAccount = bucket({ ...allow(), ...by(`arn:aws:iam::${ACCOUNT}:root`) });
    expect(mayCall(read, caller(), toAccount)).toBe(false);
    expect(mayCall(read, caller({ policies: [document(allow())] }), toAccount)).toBe(true);
  });

  test("a key's policy must let the account's policies decide; they are nothing without it", () => {
    const decrypt = { action: "kms:Decrypt", resource: "key" };
    const policies = [document({ Effect: "Allow", Action: "kms:*", Resource: "*" })];
    const key = (...statements: object[]): Target => ({
      accountId: ACCOUNT,
      rule: "alone",
      policy: document(...statements),
    });
    const account = { Effect: "Allow", Action: "kms:Decrypt", ...by(`arn:aws:iam::${ACCOUNT}:root`) };
    expect(mayCall(decrypt, caller({ policies }), key())).toBe(false);
    expect(mayCall(decrypt, caller({ policies }), key(account))).toBe(true);
    expect(mayCall(decrypt, caller(), key(account))).toBe(false);
  });
});

test("across accounts both sides must allow", () => {
  const policies = [document(allow())];
  const foreign = (...statements: object[]): Target => ({ ...bucket(...statements), accountId: OTHER });
  expect(mayCall(read, caller({ policies }), foreign())).toBe(false);
  for (const principal of [ROLE, `arn:aws:iam::${ACCOUNT}:root`, "*"]) {
    const open = foreign({ ...allow(), ...by(principal) });
    expect(mayCall(read, caller({ policies }), open), principal).toBe(true);
    expect(mayCall(read, caller(), open), principal).toBe(false);
  }
});

describe("elements", () => {
  const says = (statement: object, context = {}) => decide({ ...read, context }, document(statement));

  test("NotAction and NotResource are all others", () => {
    expect(says({ Effect: "Deny", NotAction: ["iam:*"], Resource: "*" })).toBe("deny");
    expect(says({ Effect: "Deny", NotAction: ["s3:Get*"], Resource: "*" })).toBe("nothing");
    expect(says({ Effect: "Deny", Action: "*", NotResource: "arn:aws:s3:::bucket/*" })).toBe("nothing");
    expect(says({ Effect: "Deny", Action: "*", NotResource: "arn:aws:s3:::other/*" })).toBe("deny");
  });

  test("stars and question marks match, letter case counts in resources only", () => {
    expect(says(allow({ Action: "S3:getobject" }))).toBe("allow");
    expect(says(allow({ Resource: "arn:aws:s3:::b?cket/*" }))).toBe("allow");
    expect(says(allow({ Resource: "arn:aws:s3:::Bucket/*" }))).toBe("nothing");
    expect(says(allow({ Resource: "arn:aws:s3:::bucket" }))).toBe("nothing");
  });

  test.each([
    ["StringEquals", "a", { k: "a" }, true],
    ["StringEquals", "a", {}, false],
    ["StringEqualsIfExists", "a", {}, true],
    ["StringEqualsIfExists", "a", { k: "b" }, false],
    ["StringNotEquals", "a", {}, true],
    ["StringNotEquals", "a", { k: "a" }, false],
    ["StringLike", "a*", { K: "ab" }, true],
    ["StringNotLike", "a*", { k: "ab" }, false],
    ["ArnLike", "arn:*:role/x-*", { k: "arn:aws:iam::1:role/x-y" }, true],
    ["ArnNotLike", "arn:*:role/x-*", { k: "arn:aws:iam::1:role/x-y" }, false],
    ["Bool", "true", { k: "true" }, true],
    ["NumericLessThan", "30", { k: "7" }, true],
    ["NumericLessThan", "30", { k: "30" }, false],
    ["NumericLessThan", "30", {}, false],
    ["Null", "false", { k: "a" }, true],
    ["Null", "false", {}, false],
    // It also holds for a request without the key; `Null` goes with it.
    ["ForAllValues:StringEquals", ["a", "b"], {}, true],
    ["ForAllValues:StringEquals", ["a", "b"], { k: ["a", "c"] }, false],
    ["ForAnyValue:StringNotEquals", ["a"], { k: ["a", "c"] }, true],
    ["ForAnyValue:StringNotEquals", ["a"], {}, false],
  ])("%s %j with %j is %s", (operator, wanted, context, expected) => {
    expect(says(allow({ Condition: { [operator]: { k: wanted } } }), context)).toBe(
      expected ? "allow" : "nothing",
    );
  });

  test("what it doesn't know is an error, never a guess", () => {
    expect(() => says(allow({ Condition: { DateLessThan: { k: "x" } } }))).toThrow("DateLessThan");
    expect(() => says(allow({ Condition: { "ForNoValues:StringEquals": { k: "x" } } }))).toThrow(
      "ForNoValues",
    );
    expect(() => says(allow({ NotPrincipal: "*" }))).toThrow("NotPrincipal");
  });
});
