/** One database more, by a line in the settings; then the way back. */
import { TLS_FILES } from "../../../nodes/layout.js";
import { DATABASE_FRONTS } from "../../../nodes/render/haproxy.js";
import type { Machine } from "../../twin/types.js";
import { up } from "../change.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";

const SHOP = { name: "shop", owner: "shop" } as const;

/** `dr-reconcile` comes by every half minute, and may just have gone. */
const RECONCILED_SECONDS = 75;

export const addDatabase: Drill = {
  name: "add-database",
  title: "A database more, by a line in the settings",
  runbook: "add-capacity.md",
  hypothesis:
    "A further database is a line in the settings and an `up`. The leader takes it over by itself, login, rules and all, without a restart, and the replicas get it by replication. Writes to the other databases don't wait.",
  expect: { writeGapSeconds: 2, readGapSeconds: 2, httpErrors: 5 },
  async run(scene) {
    const { databases } = scene.settings;
    await scene.step("Detect: may I? The cluster is whole", () => scene.whole());
    const leader = await scene.leader();
    scene.prove(`there is no database ${SHOP.name} before`, (await ownerOf(scene, leader)) === undefined);
    const back = await scene.fault(`add the database ${SHOP.name}, and up`, () =>
      up(scene, { settings: { databases: [...databases, SHOP] } }),
    );
    await scene.step("Wait for the leader to take it over", async () => {
      await scene.eventually(
        "the database, and its owner in it",
        async () => (await ownerOf(scene, leader)) === SHOP.owner,
        RECONCILED_SECONDS,
      );
      scene.measure({
        name: "database made",
        value: scene.sinceFault(),
        unit: "s",
        atMost: RECONCILED_SECONDS,
      });
    });
    await scene.step(`Verify: its owner writes through HAProxy, and reads that from a replica`, async () => {
      await scene.eventually("a table of the owner", () =>
        client(
          scene,
          SHOP.owner,
          "write",
          "CREATE TABLE IF NOT EXISTS visits (n int); INSERT INTO visits VALUES (7);",
        ).then(() => true),
      );
      const [n, replica] = await scene.eventually("the row on a replica", async () => {
        const text = await client(
          scene,
          SHOP.owner,
          "read",
          "SELECT n, pg_is_in_recovery() FROM visits LIMIT 1",
        );
        return text.trim() !== "" && text.trim().split("|");
      });
      scene.prove("what its owner wrote is there", n === "7");
      scene.prove("a replica answered", replica === "t");
    });
    await scene.step("Verify: the owner of another database can't get in", async () => {
      const other = databases[0]?.owner as string;
      const refused = await client(scene, other, "write", "SELECT 1").then(
        () => "",
        (error: Error) => error.message,
      );
      scene.prove(`${other} is refused by pg_hba`, refused.includes("no pg_hba.conf entry"));
    });
    await scene.step("Verify: no node was restarted, all follow", async () => {
      const { members } = await scene.whole();
      scene.prove(
        "no member waits for a restart",
        members.every((member) => !member.pending_restart),
      );
    });
    await scene.step("Way back: take the line away, and up", back);
    await scene.step("Way back: drop the database and its login by hand", async () => {
      const now = await scene.leader();
      await scene.database.sql(now, `DROP DATABASE ${SHOP.name} WITH (FORCE);`);
      await scene.database.sql(now, `DROP ROLE ${SHOP.owner};`);
      await now.systemctl("start", "dr-reconcile");
      scene.prove("it is not made again", (await ownerOf(scene, now)) === undefined);
    });
  },
};

/** The owner of its schema `public`; undefined without that database. The database itself is the platform's. */
async function ownerOf({ database }: Scene, leader: Machine): Promise<string | undefined> {
  const [there] = await database.sql(leader, `SELECT 1 FROM pg_database WHERE datname = '${SHOP.name}';`);
  if (!there) return undefined;
  const owner = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public';";
  const [row] = await database.sql(leader, owner, SHOP.name);
  return row?.[0];
}

/** SQL in the new database as a client does it: from a Tomcat server, through its HAProxy, with a password. */
async function client(
  scene: Scene,
  owner: string,
  to: keyof typeof DATABASE_FRONTS,
  sql: string,
): Promise<string> {
  const { tomcat, running } = scene;
  // As a person would look it up; Tomcat's own role may read the application's alone.
  const [node] = scene.voters.filter(({ alive }) => alive);
  const secret = await scene.must(node as Machine, ["dr-get-secret", running.contract.ownerSecret(owner)]);
  const { username, password } = JSON.parse(secret) as { username: string; password: string };
  const at = `host=127.0.0.1 port=${DATABASE_FRONTS[to]} dbname=${SHOP.name} user=${username} sslmode=verify-ca sslrootcert=${TLS_FILES.authority} connect_timeout=3`;
  const { exitCode, stdout, stderr } = await tomcat.run(
    ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", at, "-c", sql],
    {
      env: { PGPASSWORD: password },
    },
  );
  if (exitCode !== 0) throw new Error(`psql as ${username}: ${stderr.trim()}`);
  return stdout;
}
