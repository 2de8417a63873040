import { expect, test } from "vitest";
import { regionStack } from "../../cli/region-stack.js";

test("takes the stacks of the regions, and refuses the others with the verb's own remedy", () => {
  const of = (name: string) => () => regionStack(name, "vault", "pass --stack prod or --stack dr");
  expect([of("prod")(), of("dr")()]).toEqual(["prod", "dr"]);
  expect(of("global")).toThrow(/not a region and has no vault.*\n.*pass --stack prod or --stack dr/);
  expect(of("staging")).toThrow(/not one of this project's/);
});
