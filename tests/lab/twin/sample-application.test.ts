/** The sample application on a real Tomcat and PostgreSQL, inside the machine image. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleWar } from "../../../applications/sample/war.js";
import { Progress } from "../../../common/progress.js";
import { ensureImage } from "../../../lab/twin/image.js";
import { curl, type SampleMachine, startSampleMachine } from "./support/sample-machine.js";

const ITEMS = "http://127.0.0.1:8080/items";
const ID = "11111111-2222-3333-4444-555555555555";
const DOUBTED = "11111111-2222-3333-4444-666666666666";

let image: string;
beforeAll(async () => {
  image = (await ensureImage(new Progress())).root;
}, 600_000);

test("the WAR in the repository is what its sources give", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sample-war-"));
  try {
    await execa("applications/sample/build.sh", [image, join(dir, "sample.war")], { timeout: 300_000 });
    expect(readFileSync(join(dir, "sample.war")).equals(readFileSync(sampleWar()))).toBe(true);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe("on Tomcat and PostgreSQL", () => {
  let machine: SampleMachine;
  const get = (path: string) => curl(machine, `'http://127.0.0.1:8080${path}'`);
  const put = (id: string, body: string) => curl(machine, `-X PUT --data-binary ${body} ${ITEMS}/${id}`);

  beforeAll(async () => {
    machine = await startSampleMachine(image, sampleWar());
  }, 180_000);
  afterAll(() => machine?.close());

  test("says before the first write that there are no items", async () => {
    expect(await get("/items")).toMatchObject({ status: 200, body: "[]" });
    expect(await get(`/items/${ID}`)).toMatchObject({ status: 404 });
  });

  test("writes an item and reads it back", async () => {
    const written = await curl(machine, `--data-binary 'a "quoted" ü' ${ITEMS}`);
    expect(written.status).toBe(201);
    const item = JSON.parse(written.body);
    expect(item).toMatchObject({ body: 'a "quoted" ü', region: "eu-west-1", node: "db-1" });
    expect(written.headers).toContain(`Location: /items/${item.id}`);
    // The leader has it, the replica not yet.
    expect(JSON.parse((await get(`/items/${item.id}`)).body)).toEqual(item);
    expect((await get("/items")).body).toBe("[]");
    await machine.sh("replicate");
    expect(JSON.parse((await get("/items?limit=1")).body)).toEqual([item]);
  });

  test("takes the same id and body again, and no other body", async () => {
    expect((await put(ID, "a")).status).toBe(201);
    expect((await put(ID, "a")).status).toBe(200);
    expect((await curl(machine, `-H 'Idempotency-Key: ${ID}' -d a ${ITEMS}`)).status).toBe(200);
    expect((await put(ID, "b")).status).toBe(409);
    expect(await machine.sh(`sql "select body from items where id = '${ID}'"`)).toBe("a");
  });

  test.each([
    ["/items?limit=0", 400],
    ["/items?limit=1001", 400],
    ["/items?limit=x", 400],
    ["/items/7", 400],
    ["/elsewhere", 404],
  ])("refuses %s with %i and JSON", async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toHaveProperty("error");
  });

  test("refuses what isn't text, and what is too long", async () => {
    expect((await curl(machine, `--data-binary @<(printf 'a\\0b') ${ITEMS}`)).status).toBe(400);
    expect((await curl(machine, `--data-binary @<(printf '\\xff') ${ITEMS}`)).status).toBe(400);
    expect((await curl(machine, `--data-binary @<(head -c 65537 /dev/zero) ${ITEMS}`)).status).toBe(413);
  });

  test("shows people who answered", async () => {
    const { status, body } = await get("/");
    expect(status).toBe(200);
    expect(body).toContain("<th>region<td>eu-west-1");
    expect(body).toContain("<th>writes go to<td>db-1, leader, timeline 1");
  });

  describe("a commit whose wait for the standby ends early", () => {
    const waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'";
    const whenWaiting = (what: string) =>
      `{ until [[ $(sql "${waiting}") ]]; do sleep 0.05; done; sql "select ${what}(pid) from (${waiting}) x"; } > /dev/null &`;

    beforeAll(async () => {
      await machine.sh(`sql "alter system set synchronous_standby_names = 'absent'"`);
      // Not by a reload: on a busy host the next commit is faster than the process that takes it over.
      await machine.sh("kill -9 $(database_processes); start_database");
    });

    test.each([
      ["pg_cancel_backend", "leader alone"],
      ["pg_terminate_backend", "lost during the commit"],
    ])("is not acknowledged after %s, nor is its retry", async (what, message) => {
      await machine.sh(whenWaiting(what));
      const answer = await put(DOUBTED, "x");
      expect(answer.status).toBe(503);
      expect(answer.headers).toContain("Retry-After: 1");
      expect(JSON.parse(answer.body)).toMatchObject({ outcome: "unknown" });
      expect(answer.body).toContain(message);
      // The row is there, on the leader: a retry that only looked would have acknowledged it.
      expect(await machine.sh(`sql "select body from items where id = '${DOUBTED}'"`)).toBe("x");
    });

    test("is acknowledged once the standby has it", async () => {
      await machine.sh(`sql "alter system reset synchronous_standby_names"`);
      await machine.sh(`sql "select pg_reload_conf()"`);
      expect((await put(DOUBTED, "x")).status).toBe(200);
    });
  });

  test("hands out no connection that died while idle", async () => {
    await machine.sh(
      `for i in $(seq 10); do curl -s -o /dev/null -d x ${ITEMS} & done; wait $(jobs -p | tail -10)`,
    );
    await machine.sh("kill -9 $(database_processes); start_database");
    for (let i = 0; i < 10; i++) expect((await put(ID, "a")).status).toBe(200);
  });

  test("stays healthy and answers 503 while the database is dead, and writes again as soon as it is back", async () => {
    await machine.sh("kill -9 $(database_processes)");
    for (const path of ["/items", `/items/${ID}`]) {
      expect(await get(path)).toMatchObject({ status: 503 });
    }
    const write = await put(ID, "a");
    expect(write.status).toBe(503);
    expect(JSON.parse(write.body)).toMatchObject({ outcome: "none" });
    expect((await get("/dr/healthz")).status).toBe(200);
    expect((await get("/")).body).toContain("<th>writes go to<td>no database now");
    await machine.sh("start_database");
    expect((await put(ID, "a")).status).toBe(200);
  });

  test("stays healthy while the database hangs and more clients wait than there are connections", async () => {
    await machine.sh("kill -STOP $(database_processes)");
    await machine.sh(
      `for i in $(seq 250); do curl -s -m 30 -o /dev/null -w '%{http_code}\\n' -d x ${ITEMS} & done > /tmp/codes`,
    );
    await machine.sh("sleep 1");
    expect((await get("/dr/healthz")).status).toBe(200);
    // Answered while others still wait.
    expect(Number(await machine.sh("wc -l < /tmp/codes"))).toBeLessThan(250);
    await machine.sh("until [[ $(wc -l < /tmp/codes) == 250 ]]; do sleep 0.1; done");
    expect(await machine.sh("sort -u /tmp/codes")).toBe("503");
    await machine.sh("kill -CONT $(database_processes)");
    expect((await put(ID, "a")).status).toBe(200);
  }, 180_000);

  test("reads and refuses writes on a read-only database", async () => {
    await machine.sh(`sql "alter system set default_transaction_read_only = on"`);
    await machine.sh(`sql "select pg_reload_conf()"`);
    expect((await get(`/items/${ID}`)).status).toBe(200);
    const write = await put(ID, "a");
    expect(write.status).toBe(503);
    expect(JSON.parse(write.body)).toMatchObject({ outcome: "none" });
  });
});

describe("where it isn't told otherwise", () => {
  const withMachine = async (
    environment: Readonly<Record<string, string>>,
    work: (machine: SampleMachine) => Promise<void>,
  ) => {
    const machine = await startSampleMachine(image, sampleWar(), environment);
    await work(machine).finally(() => machine.close());
  };
  const post = (machine: SampleMachine) => curl(machine, `-d x ${ITEMS}`);

  test("it doesn't start, and the log has the reason", () =>
    withMachine({ DR_SAMPLE: "" }, async (machine) => {
      for (const path of ["/", "/items", "/dr/healthz"])
        expect((await curl(machine, `'http://127.0.0.1:8080${path}'`)).status).toBe(404);
      expect(
        await machine.sh(
          "grep -rho 'Set application.war to your own application' /tmp/base/logs /tmp/tomcat.log",
        ),
      ).toContain("Set");
    }));

  test("it names no host, and takes only so many writes per second", () =>
    withMachine({ DR_SAMPLE_HOSTS: "", DR_SAMPLE_WRITES_PER_SECOND: "1" }, async (machine) => {
      expect(JSON.parse((await post(machine)).body)).toMatchObject({
        ...{ server: "hidden", region: "hidden", node: "hidden" },
      });
      const page = (await curl(machine, "http://127.0.0.1:8080/")).body;
      expect(page).toContain("<th>writes go to<td>a database");
      expect(page).not.toMatch(/eu-west-1|db-1|timeline/);
      await machine.sh(
        `for i in $(seq 40); do curl -s -o /dev/null -w '%{http_code}\\n' -d x ${ITEMS} & done > /tmp/codes`,
      );
      await machine.sh("until [[ $(wc -l < /tmp/codes) == 40 ]]; do sleep 0.1; done");
      const codes = await machine.sh("sort -u /tmp/codes");
      expect(codes.split("\n")).toContain("429");
    }));

  test("it writes nothing more to a table that is full", () =>
    withMachine({ DR_SAMPLE_TABLE_MIB: "0" }, async (machine) => {
      await expect.poll(async () => (await post(machine)).status).toBe(507);
      expect((await curl(machine, ITEMS)).status).toBe(200);
    }));
});
