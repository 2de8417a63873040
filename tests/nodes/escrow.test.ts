/** The restore machine judges the record that an operator's command writes. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { recordOf } from "../../escrow/record.js";
import { CONTENTS } from "../escrow/contents.js";

const LIBRARY = fileURLToPath(new URL("../../nodes/bin/library", import.meta.url));
const VERIFIED = new Date("2026-11-30T10:00:00Z");
const { passphrase } = CONTENTS;

const RECORD = JSON.stringify(
  recordOf(
    { ...CONTENTS, escrow: 1, sealedAt: "2026-11-29T10:00:00Z", recipients: ["age1x"] },
    "v1",
    VERIFIED,
  ),
);

/** What dr_escrow.py says of records: days, or why they prove nothing. */
function judged(cases: readonly { record: string | null; ours: string }[], daysLater: number) {
  const program = `
import json, sys
sys.path.insert(0, sys.argv[1])
import dr_escrow
def judged(case):
    try:
        return dr_escrow.age_days(case["record"], case["ours"], now)
    except dr_escrow.Unverified as problem:
        return str(problem)
cases, now = json.load(sys.stdin)
print(json.dumps([judged(case) for case in cases]))
`;
  const now = VERIFIED.getTime() / 1000 + daysLater * 86_400;
  const input = JSON.stringify([cases, now]);
  return JSON.parse(execFileSync("python3", ["-c", program, LIBRARY], { input, encoding: "utf8" }));
}

test("the age counts from the verification, and only a record of the live passphrase has one", () => {
  const unreadable = "the escrow's record can't be read";
  const cases = [
    [RECORD, passphrase, 12],
    [RECORD, `${passphrase}x`, "the passphrase has changed since the escrow was verified"],
    [null, passphrase, "the escrow was never verified"],
    ["", passphrase, "the escrow was never verified"],
    ["x", passphrase, unreadable],
    ["[]", passphrase, unreadable],
    ['{"passphrase": 1}', passphrase, unreadable],
    [RECORD.replace(/"verifiedAt":"[^"]+"/, '"verifiedAt":"soon"'), passphrase, unreadable],
  ] as const;
  const found = judged(
    cases.map(([record, ours]) => ({ record, ours })),
    12,
  );
  expect(found).toEqual(cases.map(([, , expected]) => expected));
});
