import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { allEnded, inTurn } from "../../common/settle.js";

test("all have ended before it throws the first error", async () => {
  const ended: string[] = [];
  const work = async (name: string, millis: number, fails: boolean) => {
    await sleep(millis);
    ended.push(name);
    if (fails) throw new Error(name);
    return name;
  };
  await expect(allEnded([work("a", 20, false), work("b", 10, true), work("c", 0, true)])).rejects.toThrow(
    "b",
  );
  expect(ended).toEqual(["c", "b", "a"]);
  expect(await allEnded([work("d", 5, false), work("e", 0, false)])).toEqual(["d", "e"]);
});

test("runs the steps after a failed one, and throws the first error", async () => {
  const done: number[] = [];
  const step = (number: number, error?: string) => async () => {
    done.push(number);
    if (error) throw new Error(error);
  };
  await expect(inTurn(step(1), step(2, "second"), step(3, "third"), step(4))).rejects.toThrow("second");
  expect(done).toEqual([1, 2, 3, 4]);
  await inTurn(step(5), () => undefined);
});
