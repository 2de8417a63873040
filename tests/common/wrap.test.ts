import { expect, test } from "vitest";
import { labelled, wrapAt } from "../../common/wrap.js";

test("breaks lines only at spaces: a word longer than the line stays whole", () => {
  expect(wrapAt("one two arn:aws:kms:eu-west-1 three", 9)).toEqual([
    "one two",
    "arn:aws:kms:eu-west-1",
    "three",
  ]);
});

test("indents the lines after the first, and counts the indentation", () => {
  expect(wrapAt("aa bb cc dd", 6, "  ")).toEqual(["aa bb", "  cc", "  dd"]);
});

test("only the first line of a text has its label", () => {
  const lines = labelled(
    [
      ["lost", "at most the last two"],
      ["kind", "planned"],
    ],
    26,
  );
  expect(lines).toEqual(["  lost        at most the", "              last two", "  kind        planned"]);
});
