/** The whole benchmark of backups and restores, on a database so small that its figures say nothing. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { METHODS, REPLAYED } from "../../../lab/bench/restore/plan.js";
import { benchRestore, type RestoreBench } from "../../../lab/bench/restore/run.js";
import { quiet } from "../../support/quiet.js";

test("every method and every replay is measured", async () => {
  const told: RestoreBench[] = [];
  const { rows, replay, dataBytes, repositoryBytes, walBytes } = await benchRestore({
    ...{ scale: 1, repetitions: 1, progress: quiet() },
    dir: await mkdtemp(join(tmpdir(), "dr-twin-")),
    onRound: async (known) => void told.push(known),
  });
  expect(rows.map(({ method, repetitions }) => [method, repetitions])).toEqual(
    METHODS.map(({ name }) => [name, 1]),
  );
  expect(replay.map(({ repository, repetitions }) => [repository, repetitions])).toEqual(
    REPLAYED.map(({ name }) => [name, 1]),
  );
  for (const { rate } of [...rows, ...replay]) expect(rate?.median).toBeGreaterThan(0);
  // pgbench's 15 MB beside what an empty cluster has; a backup is smaller; and each of 1000 transactions leaves some log.
  expect(dataBytes).toBeGreaterThan(30e6);
  expect(repositoryBytes).toBeLessThan(dataBytes / 2);
  expect(walBytes).toBeGreaterThan(200_000);
  expect(told.at(0)?.replay.every(({ repetitions }) => repetitions === 0)).toBe(true);
});
