/** One read replica more, by a number in the settings; then the way back. */
import { frontPage, tomcatsOf, up } from "../change.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";

export const addReadReplica: Drill = {
  name: "add-read-replica",
  title: "A read replica more, by a number in the settings",
  runbook: "add-capacity.md",
  hypothesis:
    "One read replica more is a number in the settings and an `up`. It copies the leader under load, follows it, gets reads from servers that have the new template, counts for no quorum, and can't be made to lead.",
  nightly: true,
  expect: { writeGapSeconds: 3, readGapSeconds: 3, httpErrors: 5 },
  async run(scene) {
    const servers = tomcatsOf(scene).length;
    await scene.step("Detect: may I? The cluster is whole", () => scene.whole());
    const leader = await scene.leader();
    const removeReplica = await scene.fault("set one read replica more, and up", () =>
      up(scene, { settings: { database: { readReplicas: scene.settings.database.readReplicas + 1 } } }),
    );
    const added = scene.region.readReplicas.at(-1);
    if (!added) throw new Error("the settings have no read replica");
    await scene.step(`Wait until ${added.name} has copied the leader and follows it`, async () => {
      await scene.whole(180);
      scene.measure({ name: "new replica follows", value: scene.sinceFault(), unit: "s", atMost: 180 });
    });
    await scene.step("Verify: it is no member of the quorum", async () => {
      const [row] = await scene.database.sql(
        leader,
        `SELECT state, sync_state FROM pg_stat_replication WHERE application_name = '${added.name}';`,
      );
      scene.prove(
        `${added.name} streams from ${leader.name}, ${row?.[1] ?? "not at all"}`,
        row?.[0] === "streaming" && row[1] === "async",
      );
    });
    await scene.step("Verify: it can't be made the leader", () => refused(scene, added.name));
    const removeServer = await scene.step("Roll the servers: one with the new template", () =>
      up(scene, { tomcats: servers + 1 }),
    );
    await scene.step("Verify: reads of that server come from the new replica in its turn", async () => {
      const server = tomcatsOf(scene).at(-1);
      if (!server) throw new Error("there is no server");
      const page = await scene.eventually(
        `a read from ${added.name}`,
        async () => {
          // At once, so that the pool opens more connections: HAProxy gives a new one to the idlest replica.
          const pages = await Promise.all(
            Array.from({ length: 8 }, () => frontPage(scene, server, "reads come from")),
          );
          return pages.find((from) => from?.startsWith(`${added.name},`));
        },
        90,
      );
      scene.prove(`it answers as a replica: ${page}`, page.includes("replica"));
      const to = await frontPage(scene, server, "writes go to");
      scene.prove("writes of that server go to the leader", to?.startsWith(`${leader.name},`) ?? false);
    });
    await scene.step("Way back: the old number, and up", async () => {
      await removeServer();
      await removeReplica();
    });
    scene.prove(`${added.name} is gone`, !scene.twin.machines.some(({ name }) => name === added.name));
    await scene.step("Verify: the others follow as before", () => scene.whole());
  },
};

/** Asks Patroni for a switchover to it. The leader stays where it is. */
async function refused(scene: Scene, candidate: string): Promise<void> {
  const leader = await scene.leader();
  const { status, body } = await scene.database.patroni(leader, "/switchover", {
    method: "POST",
    body: { leader: leader.name, candidate },
    timeoutSeconds: 10,
  });
  scene.prove(`a switchover to it is refused: ${status} ${JSON.stringify(body)}`, status >= 400);
  const next = await scene.leader();
  scene.prove(`${leader.name} leads on`, next.name === leader.name);
}
